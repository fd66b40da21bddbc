"""The report of a case file: one HTML page for people who have never seen the desk, with no script and no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from fakelake.catalog.lake import Lake
from fakelake.tasks import explain_page as page
from fakelake.tasks import explain_words as words
from fakelake.tasks.album import Album
from fakelake.tasks.face_strip import Tile, spread, strip
from fakelake.tasks.face_tracks import CropReader, FaceTrack, face_tracks
from fakelake.tasks.facts import Facts
from fakelake.tasks.score_chart import windows_chart

Row = Mapping[str, object]
MOST_FACES = 12
TILES = 8
PX = 112

LIMITS = (
    "The detector looks at faces only: at their pictures and how they change from frame to frame. It says nothing of "
    "the sound, of what is said, of the scene around a face, or of a scene that is wholly made and shows no face.",
    "It learned from videos like those that it was calibrated on. Other cameras, codecs, resolutions and kinds of fake "
    "can be misjudged with any figure, and a fake can be made so as to pass.",
    "A score is no proof. It says how much a video resembles fakes that are known; what it means depends on how many "
    "fakes there are among the videos at hand.",
    "Provenance marks say who claims to have made a file. They can be removed, and anybody can sign one.",
    "A label is a person's word. A verdict can change with a new model, a new calibration or a decision: this page "
    "tells how things stood when it was made.",
)

_HISTORY = (
    "scored_at", "model_version", "is_champion", "p_fake", "logit", "worst_track", "worst_second", "recipe_id",
)  # fmt: skip
_TABLE = """
<style>p { overflow-wrap: anywhere; } .row, figure { min-width: 0; }
table { border-collapse: collapse; font-size: .9rem; } th, td { text-align: left; padding: .3rem .7rem .3rem 0;
border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; max-width: 30rem; }
th { color: var(--soft); font-weight: 600; }</style>
""".strip()


def render(
    lake: Lake,
    facts: Facts,
    rows: Mapping[str, Sequence[Row]],
    told: Row,
    files: Sequence[str],
    made_at: str,
    folder: Path,
) -> str:  # fmt: skip
    """The page. rows: as in case.json; told: decisions and audit of the desk; files: what lies beside it, in words.

    folder: scratch for the pictures, which the page carries inside itself.
    """
    sections = [
        page.Section("About this file", [_about(facts, made_at), *files], []),
        *_faces(lake, facts, folder),
        _provenance(facts, rows),
        page.Section("What people said", _people(facts, rows, told), _tables(
            ("Labels", ("labelled_at", "label", "origin", "labelled_by", "method", "note"), rows["labels"]),
            ("Decisions at the desk", ("at", "label", "by", "state", "band", "p_fake", "note"), told["decisions"]),
        )),
        page.Section("Earlier scores", [] if rows["score_history"] else ["Nothing has scored this video yet."], _tables(
            ("What each version of the detector said, by its own calibration", _HISTORY, rows["score_history"]),
        )),
        page.Section("Parts of the face", [] if rows["part_evidence"] else ["Not measured."], _tables(
            ("How far the score falls when a part is blurred; above 0 it speaks for fake",
             ("track_id", "part", "drop", "largest_drop", "largest_second", "area"), rows["part_evidence"]),
        )),
        page.Section("Where the file was seen", [] if rows["sources"] else ["Nowhere on record."], _tables(
            ("The same bytes, by their sha256", ("seen_at", "name", "dataset", "bytes"), rows["sources"]),
        )),
        page.Section("What went wrong", [], _tables(
            ("Not read, or not wholly", ("at", "stage", "error", "message", "remedy"), rows["quarantine"]),
        )) if rows["quarantine"] else None,
        page.Section("Who did what at the desk", [] if told["audit"] else ["Nothing is on record."], _tables(
            (f"Up to {made_at}", ("at", "who", "what", "detail"), told["audit"]),
        )),
        page.Section("Limits of the method", list(LIMITS), []),
    ]  # fmt: skip
    return page.render(facts, [section for section in sections if section is not None])


def _about(facts: Facts, made_at: str) -> str:
    return (
        f"Made by fakelake's review desk on {made_at}. It is about the video whose bytes have the sha256 "
        f"{facts.verdict.video_id}; the video itself is not included. case.json has all of this as data, audit.json "
        "the desk's record, SHA256SUMS the hashes of the other files: check them with sha256sum -c SHA256SUMS, and the "
        "video with sha256sum -c original.sha256."
    )


def _faces(lake: Lake, facts: Facts, folder: Path) -> list[page.Section]:
    """Each face: scores over time and pictures; the worst first."""
    if not facts.verdict.scored:
        why = facts.verdict.reason or "the reason is not known"
        return [page.Section("Faces", [f"No face was scored: {why.rstrip('.')}."], [])]
    album, reader = Album(folder), CropReader(lake)
    margin = facts.recipe.crop_margin if facts.recipe else 0.0
    tracks = {t.track_id: t for t in face_tracks(lake, facts.verdict.recipe_id, margin, [facts.verdict.video_id])}
    highest = {w.track_id: max(x.logit for x in facts.of_track(w.track_id)) for w in facts.windows}
    order = sorted(highest, key=lambda face: (face != facts.verdict.worst_track, -highest[face], face))
    end_s = max([w.end_s for w in facts.windows] + [float(track.pts_s[-1]) for track in tracks.values()])
    sections = []
    for face in order[:MOST_FACES]:
        windows = facts.of_track(face)
        worst = facts.worst if face == facts.verdict.worst_track else None
        chart = windows_chart(windows, facts.reading, end_s, worst, f"face {face}: p_fake over time")
        pictures = [album.chart(f"{face}.svg", chart, "a bar a window; ringed: the highest of the worst face")]
        if face in tracks:
            pictures.append(_strip(album, reader, tracks[face]))
        highest_p = words.percent(facts.reading.p_fake(highest[face]))
        said = f"{len(windows)} scored windows; the highest has p_fake {highest_p}."
        sections.append(page.Section(f"Face {face}", [said], pictures))
    if len(order) > MOST_FACES:
        sections.append(page.Section("More faces", [f"{len(order) - MOST_FACES} score lower. case.json has them."], []))
    return sections


def _strip(album: Album, reader: CropReader, track: FaceTrack) -> page.Picture:
    tiles = [
        Tile((reader.read(track, slice(n, n + 1), PX)[0],), [f"{track.pts_s[n]:.2f} s"])
        for n in spread(len(track), TILES)
    ]
    label = f"face {track.track_id}, {track.pts_s[0]:.2f} to {track.pts_s[-1]:.2f} s"
    return album.picture(f"{track.track_id}.jpg", strip(tiles), label, label)


def _provenance(facts: Facts, rows: Mapping[str, Sequence[Row]]) -> page.Section:
    said = sorted({str(row["provenance"]) for row in rows["videos"] if row["provenance"]})
    return page.Section("Provenance", said or ["The file carries no mark or credential that says how it was made."], [])


def _people(facts: Facts, rows: Mapping[str, Sequence[Row]], told: Row) -> list[str]:
    if not rows["labels"] and not told["decisions"] and not facts.verdict.decided:
        return ["Nobody has labelled this video yet."]
    return [said for said in [words.decision(facts.verdict)] if said]


def _tables(*tables: tuple[str, Sequence[str], Sequence[Row]]) -> list[page.Picture]:
    return [page.Picture(_table(columns, rows), caption) for caption, columns, rows in tables if rows]


def _table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    head = "".join(f'<th scope="col">{escape(name.replace("_", " "))}</th>' for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(_shown(row.get(name)))}</td>' for name in columns)}</tr>" for row in rows
    )
    return f"{_TABLE}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return str(value)
