"""`explain`: a page on why a video was judged as it was, and its pictures beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fakelake.catalog.lake import Lake
from fakelake.models.detector.bundle import BundleConfig
from fakelake.models.detector.gradcam import overlay
from fakelake.models.detector.network import Detector
from fakelake.tasks import explain_page as page
from fakelake.tasks import explain_words as words
from fakelake.tasks.album import Album
from fakelake.tasks.evidence import Evidence, evidence_of, tracks_of
from fakelake.tasks.explain_parts import NO_PARTS, PartEvidence, evidence_of_parts, section_of_parts
from fakelake.tasks.face_strip import Tile, fitted, spread, strip
from fakelake.tasks.face_tracks import CropReader, FaceTrack
from fakelake.tasks.facts import Facts, Window
from fakelake.tasks.part_masks import PartMasks
from fakelake.tasks.score_chart import frames_chart, windows_chart

PAGE = "index.html"
MOST_TRACKS = 12  # on the page, the worst first
TILES = 8  # of a strip
NEIGHBOURS = 2  # frames on each side of the one that decided
SECOND = 1.0
LARGE = 336  # px, side of the deciding frame


@dataclass(frozen=True, slots=True)
class Explained:
    """page: the HTML file; pictures: the files beside it; evidence: None where nothing was scored.

    parts: what the parts of the face weigh; its new rows are not in the lake yet
    """

    page: Path
    pictures: tuple[Path, ...]
    evidence: Evidence | None
    parts: PartEvidence = NO_PARTS


def explain(
    lake: Lake, facts: Facts, model: tuple[Detector, BundleConfig] | None, out: Path, masks: PartMasks | None = None
) -> Explained:
    """Write `out`/index.html, which needs no other file, and its pictures as files of their own.

    model: the version that the facts are of; not needed where the video could not be scored
    masks: of a generator; without one the page says how to make one. Raises CropsChanged.
    """
    out.mkdir(parents=True, exist_ok=True)
    if not facts.verdict.scored:
        return Explained(_write(out / PAGE, page.render(facts, [])), (), None)
    if model is None:
        raise ValueError("a video that was scored is explained with the model that scored it")
    detector, config = model
    tracks = tracks_of(lake, facts, config.crop_margin)
    reader = CropReader(lake)
    evidence = evidence_of(facts, tracks, reader, detector)
    parts = evidence_of_parts(lake, facts, evidence, reader, model, masks)
    album = Album(out)
    basis = page.Section("What this rests on" if evidence.reproduced else "Careful", [_basis(evidence)], [])
    sections = [
        _decided(facts, evidence, album),
        section_of_parts(parts, facts, evidence, album),
        _worst_second(facts, evidence, reader, detector.config.px, album),
        *_tracks(facts, tracks, reader, detector.config.px, album),
    ]
    sections = [*sections, basis] if evidence.reproduced else [basis, *sections]
    written = _write(out / PAGE, page.render(facts, sections))
    return Explained(written, tuple(album.files), evidence, parts)


def _decided(facts: Facts, evidence: Evidence, album: Album) -> page.Section:
    """The frame with the highest logit: crop, heat, neighbours, and the curve that it stands on."""
    at, reading = evidence.decided, facts.reading
    face, when = evidence.window.track_id, evidence.pts_s[at]
    own, whole = reading.p_fake(float(evidence.score.frame_logits[at])), reading.p_fake(evidence.window.logit)
    crop, own_heat = evidence.crops[at], float(evidence.heat[at].max())
    # Late frames move an LSTM's clip less than early ones: on the window's scale the heat of one could not be seen.
    heat = overlay(crop, evidence.heat[at] / max(own_heat, 1e-12))
    around = range(max(0, at - NEIGHBOURS), min(len(evidence.crops), at + NEIGHBOURS + 1))
    tiles = [
        Tile((evidence.crops[i], overlay(evidence.crops[i], evidence.heat[i])), _said(evidence, facts, i), i == at)
        for i in around
    ]
    curve = frames_chart(
        evidence.pts_s, evidence.score.frame_logits, reading, evidence.window, at, f"face {face}, frame by frame"
    )
    said = [
        f"Face {face} at {when:.2f} s (frame {evidence.track.frames[evidence.at][at]} of the video) has the highest "
        f"score of its own in the highest window of the worst face: p_fake {words.percent(own)}.",
    ]
    if evidence.heat.max() <= 0:
        said.append("Nothing in this window raises the score: there is no heat to show.")
    else:
        grid = -(-evidence.crops.shape[1] // 32)
        said.append(
            "Red is where this window's own score grows (Grad-CAM through the whole head). It is as coarse as the "
            f"network's last map, {grid} × {grid} cells, and tells where, not why. The hottest spot of this frame has "
            f"{100 * own_heat:.0f} % of the heat of the window's hottest, at {_hottest(evidence):.2f} s; the small "
            "pictures share the window's scale."
        )
    large = fitted(crop, LARGE)[..., ::-1], fitted(heat, LARGE)[..., ::-1]
    return page.Section(
        "The frame that decided", said,
        [
            album.picture("frame.png", large[0], f"face {face} at {when:.2f} s", "as the network saw it"),
            album.picture("heat.png", large[1], "the same face with a heat map over it", "where the score grows"),
            album.picture("neighbours.jpg", strip(tiles), "the frames before and after, with their heat",
                          "before and after; framed: the frame that decided"),
            album.chart("frames.svg", curve, f"each frame's own score; the line: the whole window, {whole:.2f}; "
                        "ringed: the frame that decided"),
        ],
    )  # fmt: skip


def _hottest(evidence: Evidence) -> float:
    """Seconds: of the frame with the most heat at any spot."""
    return float(evidence.pts_s[evidence.heat.max((1, 2)).argmax()])


def _worst_second(facts: Facts, evidence: Evidence, reader: CropReader, px: int, album: Album) -> page.Section:
    """The second from the start of the highest window on."""
    track, start = evidence.track, evidence.window.start_s
    first, last = np.searchsorted(track.pts_s, [start - 1e-6, start + SECOND + 1e-6]).tolist()
    decided = evidence.at.start + evidence.decided
    shown = {first + i for i in spread(last - first, TILES)}
    if first <= decided < last and decided not in shown:  # in the place of the nearest one
        shown.remove(min(shown, key=lambda n: abs(n - decided)))
        shown.add(decided)
    tiles = []
    for n in sorted(shown):
        inside = evidence.at.start <= n < evidence.at.stop
        said = _said(evidence, facts, n - evidence.at.start) if inside else [f"{track.pts_s[n]:.2f} s"]
        (crop,) = reader.read(track, slice(n, n + 1), px)
        tiles.append(Tile((crop,), said, n == decided))
    end = track.pts_s[last - 1]
    picture = album.picture(
        "worst_second.jpg", strip(tiles), f"face {track.track_id} from {start:.2f} to {end:.2f} s",
        f"face {track.track_id}, {start:.2f} to {end:.2f} s; framed: the frame that decided",
    )  # fmt: skip
    return page.Section("The worst second", [], [picture])


def _tracks(
    facts: Facts, tracks: dict[int, FaceTrack], reader: CropReader, px: int, album: Album
) -> list[page.Section]:
    """Each face: its scores over time and a strip of it; the worst first."""
    highest = {window.track_id: -np.inf for window in facts.windows}
    for window in facts.windows:
        highest[window.track_id] = max(highest[window.track_id], window.logit)
    order = sorted(highest, key=lambda face: (face != facts.verdict.worst_track, -highest[face], face))
    end_s = max(float(track.pts_s[-1]) for track in tracks.values())
    sections = []
    for face in order[:MOST_TRACKS]:
        windows, track = facts.of_track(face), tracks[face]
        worst = facts.worst if face == facts.verdict.worst_track else None
        chart = windows_chart(windows, facts.reading, end_s, worst, f"face {face}: p_fake over time")
        tiles = [
            Tile((reader.read(track, slice(n, n + 1), px)[0],), _words_at(facts, windows, float(track.pts_s[n])))
            for n in spread(len(track), TILES)
        ]
        label = f"face {face}, {track.pts_s[0]:.2f} to {track.pts_s[-1]:.2f} s"
        sections.append(page.Section(
            f"Face {face} over time", [f"{len(track)} pictures, {len(windows)} scored windows."],
            [
                album.chart(f"face{face}_scores.svg", chart, "a bar a window; ringed: the highest of the worst face"),
                album.picture(f"face{face}.jpg", strip(tiles), label, label),
            ],
        ))  # fmt: skip
    if left := len(order) - MOST_TRACKS:
        note = f"{left} more faces score lower than these." if left > 0 else ""
        sections += [page.Section("More faces", [note], [])] if note else []
    unscored = sorted(set(tracks) - set(order))
    if unscored:
        faces = ", ".join(map(str, unscored[:20])) + (" and more" if len(unscored) > 20 else "")
        sections.append(page.Section("Faces without a score", [f"Seen too briefly to be scored: {faces}."], []))
    return sections


def _basis(evidence: Evidence) -> str:
    now, then = evidence.score.logit, evidence.window.logit
    if evidence.reproduced:
        return f"Scored again for this page, the highest window gives the logit {now:.2f}; on record is {then:.2f}."
    return (
        f"Scored again for this page, the highest window gives the logit {now:.2f}, but {then:.2f} is on record. Heat "
        "and frame scores below are of the model at hand, which may not be the one that was scored with."
    )


def _said(evidence: Evidence, facts: Facts, i: int) -> list[str]:
    p = facts.reading.p_fake(float(evidence.score.frame_logits[i]))
    return [f"{evidence.pts_s[i]:.2f} s", f"p_fake {p:.2f}"]


def _words_at(facts: Facts, windows: list[Window], seconds: float) -> list[str]:
    inside = [window for window in windows if window.start_s - 1e-6 <= seconds <= window.end_s + 1e-6]
    score = f"p_fake {facts.reading.p_fake(inside[0].logit):.2f}" if inside else "not scored"
    return [f"{seconds:.2f} s", score]


def _write(path: Path, text: str) -> Path:
    """Under its name only when it is whole."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8", errors="replace")
    return temporary.replace(path)
