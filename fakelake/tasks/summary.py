"""What a run did, in the words of its last lines, of `summary.json` and of its `runs` row: one source for all three."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

STAGES = ("decode", "detect", "encode", "commit")


@dataclass(slots=True, kw_only=True)
class IngestSummary:
    """Counts are of this run. `stage_share` tells where the working time went: it sums to 1, or to 0 without any."""

    run_id: str
    lake: str
    recipe: str
    recipe_id: str
    outcome: str = "done"  # done | quarantined | failed
    found: int = 0
    ready: int = 0
    no_face: int = 0
    already_done: int = 0
    same_bytes: int = 0
    quarantined: int = 0
    partial: int = 0
    still_quarantined: int = 0
    passed_over: int = 0
    growing: int = 0
    frames: int = 0
    faces: int = 0
    seconds: float = 0.0
    frames_per_s: float = 0.0
    faces_per_s: float = 0.0
    mean_frame_count: float | None = None
    stage_share: dict[str, float] = field(default_factory=dict)
    contact_sheet: str | None = None
    quarantine: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return 3 if self.outcome == "quarantined" else 0

    def close(self, counts: Mapping[str, int], stage_seconds: Mapping[str, float], seconds: float) -> None:
        """Fill in what the driver counted."""
        for name in ("ready", "no_face", "already_done", "same_bytes", "quarantined", "partial", "still_quarantined"):
            setattr(self, name, counts.get(name, 0))
        self.frames, self.faces = counts.get("frames", 0), counts.get("faces", 0)
        self.seconds = round(seconds, 2)
        self.frames_per_s = round(self.frames / seconds, 1) if seconds else 0.0
        self.faces_per_s = round(self.faces / seconds, 1) if seconds else 0.0
        total = sum(stage_seconds.get(s, 0.0) for s in STAGES) or 1.0
        self.stage_share = {s: round(stage_seconds.get(s, 0.0) / total, 3) for s in STAGES}
        if self.outcome == "done" and (self.quarantined or self.partial or self.still_quarantined):
            self.outcome = "quarantined"

    def to_dict(self) -> dict:
        return asdict(self)

    def lines(self) -> list[str]:
        """The end-of-run summary for a person."""
        videos = [f"{self.ready} ready", f"{self.no_face} without a usable face"]
        for count, words in (
            (self.already_done, "already in the lake"),
            (self.same_bytes, "the same bytes as another"),
            (self.quarantined, "quarantined"),
            (self.partial, "of these kept in part"),
            (self.still_quarantined, "still in quarantine"),
            (self.passed_over, "sidecar or hidden files passed over"),
            (self.growing, "may still be growing and wait for the next run"),
        ):
            if count:
                videos.append(f"{count} {words}")
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.stage_share.items())
        lines = [
            f"{self.found} videos: {', '.join(videos)}",
            f"{self.frames:,} frames, {self.faces:,} faces in {self.seconds:.1f} s "
            f"({self.frames_per_s:.0f} frames/s, {self.faces_per_s:.0f} faces/s)",
            f"time in {shares}",
            f"recipe {self.recipe} ({self.recipe_id}), run {self.run_id}",
        ]
        if self.mean_frame_count is not None:
            lines.append(
                f"mean frame count {self.mean_frame_count:.0f}: the source report's threshold, logged and not applied"
            )
        if self.contact_sheet:
            lines.append(f"look at the faces: {self.contact_sheet}")
        if self.outcome == "quarantined":
            lines.append("what could not be used, and why: fakelake quarantine ls")
        return lines
