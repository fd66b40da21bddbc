"""The swap flow: who and with what leave, swap, mark and sign, put on record, take the result in."""

from __future__ import annotations

import json
import secrets
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from prefect import flow

from fakelake.catalog.failpoint import failpoint
from fakelake.catalog.lake import Lake
from fakelake.flows.ingest import ingest
from fakelake.flows.labels import me
from fakelake.flows.run_row import run_row
from fakelake.flows.train_detector import best_device
from fakelake.infra.progress import RunProgress
from fakelake.infra.settings import Settings
from fakelake.infra.store_of import credentials_directory, place_for_models, store_of

MODEL = "generator"


@dataclass(slots=True, kw_only=True)
class SwapSummary:
    """What a swap did. Frames: see `SwapDone`; asset_id: of the marks; signer: whose certificate signed."""

    run_id: str
    lake: str
    out: str
    report: str
    video_id: str
    asset_id: str
    model_version: str
    parts: list[str]
    source_id: str
    target_id: str
    label: dict[str, object]
    frames: dict[str, int]
    sound: str
    signer: str
    seconds: float
    notes: list[str] = field(default_factory=list)
    ingested: str = ""

    def lines(self) -> list[str]:
        left = [f"{self.frames[name]} {words}" for name, words in LEFT_ALONE.items() if self.frames[name]]
        return [
            *(f"NOTE: {note}" for note in self.notes),
            f"{self.out}: {', '.join(self.parts)} swapped in {self.frames['swapped']} of {self.frames['frames']} "
            f"frames in {self.seconds:.0f} s" + (f"; left as they were: {', '.join(left)}" if left else ""),
            f"sound {self.sound}; marked {self.asset_id}, credentials signed by {self.signer}",
            f"report picture: {self.report}",
            f"in the lake as {self.video_id[:12]}, labelled fake ({self.label['method']}); {self.ingested}",
        ]


LEFT_ALONE = {"no_face": "without the face", "profile": "profiles", "too_small": "too small"}


@flow(name="swap", validate_parameters=False)
def swap(
    source: str,
    target: str,
    parts: list[str],
    out: str,
    lake: str | None = None,
    model: str = "generator@champion",
    hard: bool = False,
    masks_from: str = "target",
    track: int | None = None,
    source_track: int | None = None,
    banner: bool = False,
    precision: str = "fp32",
    device: str | None = None,
    quiet: bool = False,
) -> SwapSummary:
    """Put parts of one face into a video of another: permitted, marked, signed, on record, and in the lake as a fake.

    source:     a video of the lake or its file, or a still whose permission is on record
    target:     a video of the lake or its file
    parts:      names as the model has them: mouth, eyes, ...
    out:        an .mp4; beside it comes OUT.report.png

    Killed half way it leaves no half file under these names, and the same call does it again. A file that the same
    call made is not made again, only taken in where it was not.
    """
    from fakelake.tasks.marks.certificate import signer_of
    from fakelake.tasks.swap.consents import participant, require_permission
    from fakelake.tasks.swap.model import load_model
    from fakelake.tasks.swap.records import on_record
    from fakelake.tasks.swap.swap_video import SwapJob, swap_video

    settings, started = Settings(), datetime.now(UTC)
    opened = Lake.open(lake or settings.lake)
    snapshot = opened.snapshot()
    made, run_id, asset_id = checked_out(out), uuid.uuid4().hex, secrets.token_hex(8)
    with ExitStack() as stack:
        face = stack.enter_context(participant(opened, source, still_allowed=True))
        video = stack.enter_context(participant(opened, target, still_allowed=False))
        for path in (face.path, video.path):
            if made.exists() and made.samefile(path):
                raise ValueError(f"{out} is the {'source' if path == face.path else 'target'} itself: give another.")
        require_permission(opened, (face, video))
        version, directory = fetched(stack, opened, settings, model)
        loaded = load_model(directory, parts)
        job = SwapJob(
            source=face.path, target=video.path, channels=loaded.channels,
            margin=loaded.margin, asset_id=asset_id, track=track, source_track=source_track, hard=hard,
            masks_from=masks_from, precision=precision, banner=banner, device=device or best_device(),
        )  # fmt: skip
        work = stack.enter_context(work_beside(made))
        asked = asked_for(job, version, parts, face, video)
        if said := on_record(opened, made, asked):
            summary = SwapSummary(**{**said, "lake": opened.location.root})
            summary.notes.append(f"{out} lies there already, made by the same call. Move it away to have another.")
            summary.ingested = take_in(opened, made, video, quiet)
            return summary
        signer = signer_of(credentials_directory(opened), settings.c2pa_cert, settings.c2pa_key)
        with RunProgress("swap", 1, quiet=quiet) as progress:
            told = per_frame(progress)
            done = swap_video(loaded.generator, job, work / "unsigned.mp4", work / "report.png", on_frame=told)
        signed = sign(work / "unsigned.mp4", work / made.name, signer, job, parts)
        summary = SwapSummary(
            run_id=run_id, lake=opened.location.root, out=str(made), report=str(report_of(made)), video_id=signed,
            asset_id=asset_id, model_version=version, parts=parts, source_id=face.video_id, target_id=video.video_id,
            label={}, frames={name: value for name, value in asdict(done).items() if type(value) is int},
            sound=done.sound, signer="a certificate of your own" if settings.c2pa_cert else "this lake's certificate",
            seconds=round((datetime.now(UTC) - started).total_seconds(), 1),
            notes=done.notes + ([f"damage was passed over: {done.broken}"] if done.broken else []),
        )  # fmt: skip
        put_on_record(opened, summary, face, video, asked, snapshot, started)
        failpoint("swap_recorded")
        (work / "report.png").replace(report_of(made))
        (work / made.name).replace(made)  # last, and after its record: no swap without one is ever seen
        summary.ingested = take_in(opened, made, video, quiet)
    return summary


def checked_out(out: str) -> Path:
    """Raises ValueError for another kind of file than mp4, which could not carry all marks."""
    path = Path(out)
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"--out {out}: a swapped video is an .mp4, which carries its credentials.")
    return path.absolute()


def report_of(out: Path) -> Path:
    """The report picture of OUT.mp4: OUT.report.png."""
    return out.with_name(f"{out.stem}.report.png")


@contextmanager
def work_beside(out: Path) -> Iterator[Path]:
    """A hidden directory on the same file system, so that finished files are moved, not copied."""
    out.parent.mkdir(parents=True, exist_ok=True)
    directory = out.with_name(f".{out.name}.swap")
    shutil.rmtree(directory, ignore_errors=True)  # of a process that was killed
    directory.mkdir()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def fetched(stack: ExitStack, lake: Lake, settings: Settings, model: str) -> tuple[str, Path]:
    """The number of the model's version, and its files. Raises ValueError, ModelMissing."""
    name, _, wanted = model.partition("@")
    if name != MODEL or not wanted:
        raise ValueError(f"--model {model}: write generator@champion, generator@challenger or generator@3.")
    store = store_of(lake, settings)
    version = store.version(MODEL, wanted)
    return version, store.fetch(MODEL, version, stack.enter_context(place_for_models(lake, settings)))


def per_frame(progress: RunProgress):
    """One step of the bar is the whole video; the note says where in it."""

    def told(what: str, done: int, frames: int) -> None:
        if done % 10 == 0:
            progress.update(0, f"{what}: frame {done} of {frames}")

    return told


def sign(unsigned: Path, out: Path, signer, job, parts: list[str]) -> str:
    """Give the file its credentials. Returns the finished file's id. Raises NotSigned."""
    from fakelake.tasks.marks import credentials
    from fakelake.tasks.swap.source import bytes_id

    actions = [f"Replaced by those of another person: {', '.join(parts)}."]
    credentials.sign(
        unsigned, out, signer=signer, title=out.name, asset_id=job.asset_id, target=job.target, source=job.source,
        actions=actions,
    )  # fmt: skip
    return bytes_id(out)


def asked_for(job, version: str, parts: list[str], face, video) -> dict[str, object]:
    """What makes two calls the same, as their record keeps it."""
    chosen = ("hard", "masks_from", "track", "source_track", "banner", "precision", "device", "margin")
    return {
        "model": f"generator@{version}", "parts": parts, "source": face.video_id, "target": video.video_id,
        "channels": list(job.channels), **{name: getattr(job, name) for name in chosen},
    }  # fmt: skip


def put_on_record(
    lake: Lake, summary: SwapSummary, face, video, asked: dict, snapshot: dict, started: datetime
) -> None:  # fmt: skip
    """The audit row, and the label."""
    from fakelake.tasks.swap.records import label_row

    now = datetime.now(UTC)
    note = f"asset {summary.asset_id}, source {face.video_id[:12]}, target {video.video_id[:12]}, run {summary.run_id}"
    summary.label = label_row(lake, summary.video_id, face, video, summary.parts, asked["model"], now, note)
    recipe = json.dumps({**asked, "asset_id": summary.asset_id, "by": me()})
    row = run_row(summary.run_id, "swap", asdict(summary), snapshot, started, recipe=recipe)
    lake.append("runs", [row], publish=False)
    lake.append("labels", [summary.label])


def take_in(lake: Lake, out: Path, video, quiet: bool) -> str:
    """The ordinary ingest of the result, cut as its target was. Returns what came of it, in words."""
    from fakelake.tasks.swap.records import DATASET, ingest_settings

    recipe, changes = ingest_settings(lake, video)
    taken = ingest(
        [str(out)], lake=lake.location.root, recipe=recipe, overrides=changes, dataset=DATASET, quiet=quiet
    )  # fmt: skip
    if taken.quarantine:
        return "the ingest had trouble with it: fakelake quarantine ls"
    return f"taken in with recipe {recipe}"
