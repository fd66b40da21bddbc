"""The case file of a video: a zip with report, data, overlay, explanation, audit trail and signed hashes of them all.

Runs in the maker's process. The same lake, desk, overlay and time give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from fakelake.catalog.duck import dicts
from fakelake.catalog.lake import Lake
from fakelake.infra.settings import Settings
from fakelake.infra.store_of import credentials_directory
from fakelake.review.service.media import case_page
from fakelake.tasks.facts import Facts, NotScored, Verdict, facts_of
from fakelake.tasks.known_source import SourceUnfit
from fakelake.tasks.marks.certificate import Signer, SignerUnfit, how_to_verify, sign, signer_of
from fakelake.tasks.overlay import NothingToDraw, write_overlay
from fakelake.tasks.scratch import scratch

FORMAT = 1  # of case.json
log = logging.getLogger("fakelake.review")
SUMS, SIGNATURE, CERTIFICATE = "SHA256SUMS", "SHA256SUMS.sig", "signer.pem"
BLOCK = 1 << 20
HEAT_MAP = "explanation.html shows what the model looked at: a heat map of the worst moments, and parts blurred."
NO_HEAT_MAP = "There is no heat map: nobody had asked for one on the video's page when this was made."
_EPOCH = (1980, 1, 1, 0, 0, 0)

# All rows of the video; each ends in an order of its own, so that the same lake gives the same file.
QUERIES = {
    "verdicts": "SELECT * FROM verdicts WHERE video_id = $1",
    "videos": "SELECT * FROM videos WHERE video_id = $1 ORDER BY ingested_at, recipe_id",
    "sources": "SELECT * FROM sources WHERE video_id = $1 ORDER BY seen_at, uri",
    "tracks": """
        SELECT recipe_id, track_id, count(*) AS frames, min(frame) AS first_frame, max(frame) AS last_frame,
               min(pts_s) AS start_s, max(pts_s) AS end_s, round(avg(x2 - x1), 1) AS mean_width,
               round(avg(y2 - y1), 1) AS mean_height, round(avg(det_score), 4) AS mean_det_score
        FROM frames WHERE video_id = $1 GROUP BY recipe_id, track_id ORDER BY recipe_id, track_id""",
    "timeline": "SELECT * FROM timeline WHERE video_id = $1 ORDER BY track_id, \"window\"",
    "score_history": "SELECT * FROM score_history WHERE video_id = $1 ORDER BY scored_at, model_version, recipe_id",
    "part_evidence": "SELECT * FROM part_evidence WHERE video_id = $1 ORDER BY track_id, part",
    "labels": "SELECT * FROM labels WHERE video_id = $1 ORDER BY labelled_at, origin, labelled_by, label",
    "decisions": "SELECT * FROM decisions WHERE video_id = $1",
    "consents": "SELECT * FROM consents WHERE video_id = $1 ORDER BY \"at\", permission",
    "near_matches": "SELECT * FROM near_matches WHERE video_id = $1 OR match_id = $1 ORDER BY video_id, match_id",
    "quarantine": "SELECT * EXCLUDE (worker_log) FROM quarantine WHERE video_id = $1 ORDER BY \"at\", uri",
    "calibrations": """
        SELECT * FROM current_calibrations WHERE model_version IN
            (SELECT model_version FROM score_history WHERE video_id = $1) ORDER BY model_version""",
    "promotions": """
        SELECT * FROM promotions WHERE model = 'detector' AND model_version IN
            (SELECT model_version FROM score_history WHERE video_id = $1) ORDER BY "at", model_version""",
    "recipes": """
        SELECT recipe_id, any_value(recipe ORDER BY started_at) AS recipe FROM runs
        WHERE recipe IS NOT NULL AND recipe_id IN (SELECT recipe_id FROM videos WHERE video_id = $1)
        GROUP BY recipe_id ORDER BY recipe_id""",
}  # fmt: skip


def write_case(lake: Lake, order: Mapping[str, object], out: Path, tell: Callable[[float], None]) -> None:
    """order: video_id; decisions and audit of the desk's own tables; overlay: where one lies or is to be kept;
    explanation: where one lies, if somebody asked for the heat map.
    """
    video_id = order["video_id"]
    made_at = order.get("made_at") or datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    rows = _rows(lake, video_id)
    facts = _facts(lake, video_id, rows)
    told = {"decisions": order.get("decisions") or [], "audit": order.get("audit") or []}
    overlay, said = _overlay(lake, facts, Path(order["overlay"]), tell)
    files = {} if overlay is None else {"overlay.mp4": overlay}
    explanation = Path(order.get("explanation") or "")
    if explanation.is_file():
        files["explanation.html"] = explanation
    signer, said_of_signer = _signer(lake)
    with scratch() as folder:
        said_of_files = [said, HEAT_MAP if "explanation.html" in files else NO_HEAT_MAP, said_of_signer]
        report = case_page.render(lake, facts, rows, told, said_of_files, made_at, folder)
    verdict = facts.verdict
    data = {
        "format": FORMAT, "made_at": made_at, "video_id": video_id, "name": verdict.name, "sha256_of_video": video_id,
        "band": verdict.band, "p_fake": verdict.p_fake, "reason": verdict.reason,
        "model_version": verdict.model_version, "calibration_id": verdict.calibration_id,
        "recipe_id": verdict.recipe_id, "overlay": said, "limits": case_page.LIMITS, **rows,
        "desk_decisions": told["decisions"],
    }  # fmt: skip
    texts = {
        "report.html": report,
        "case.json": _json(data),
        "audit.json": _json(told["audit"]),
        "original.sha256": f"{video_id}  {plain_name(verdict.name)}\n",
    }
    _write(out, texts, files, signer)


def _signer(lake: Lake) -> tuple[Signer | None, str]:
    """Who signs the list of hashes, and what is said of it: as made videos are signed."""
    settings = Settings()
    try:
        signer = signer_of(credentials_directory(lake), settings.c2pa_cert, settings.c2pa_key)
    except SignerUnfit as error:
        log.warning("a case file goes without a signature: %s", error)
        return None, "It is not signed: the desk's log says why."
    how = how_to_verify(signer, CERTIFICATE, SIGNATURE, SUMS)
    return (
        signer,
        f"{SIGNATURE} signs {SUMS} with the key of {CERTIFICATE}: whoever trusts that certificate checks {how}",
    )


def _rows(lake: Lake, video_id: str) -> dict[str, list[dict[str, object]]]:
    found = {}
    with lake.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, query in QUERIES.items():
            found[name] = dicts(connection, query, [video_id])
    for recipe in found["recipes"]:
        recipe["recipe"] = json.loads(recipe["recipe"])
    return found


def _facts(lake: Lake, video_id: str, rows: Mapping[str, list[dict[str, object]]]) -> Facts:
    """Of a video that nobody has scored yet, too."""
    try:
        return facts_of(lake, video_id)
    except NotScored as error:
        empty = dict.fromkeys(Verdict.__dataclass_fields__)
        name = max((row["name"] for row in rows["sources"]), default=None)
        dataset = rows["videos"][-1]["dataset"] if rows["videos"] else None
        verdict = Verdict(**{
            **empty, "video_id": video_id, "name": name, "dataset": dataset, "reason": str(error), "windows": 0,
            "provenance": rows["videos"][-1]["provenance"] if rows["videos"] else None,
        })  # fmt: skip
        return Facts(verdict=verdict, reading=None, windows=(), recipe=None)


def _overlay(lake: Lake, facts: Facts, kept: Path, tell: Callable[[float], None]) -> tuple[Path | None, str]:
    """The file and what is said of it; (None, why there is none)."""
    if kept.exists():
        return kept, "overlay.mp4 shows the video with each face's box and score."

    def done(frames: int, of: int) -> None:
        if frames % 25 == 0:
            tell(0.95 * frames / max(1, of))

    try:
        write_overlay(lake, facts, kept, on_frame=done)
    except NothingToDraw:
        why = facts.verdict.reason or "it has no scored face"
        return None, f"There is no overlay video, as no face of it was scored: {why}."
    except SourceUnfit as error:
        first = str(error).splitlines()[0].rstrip(":")
        return None, f"There is no overlay video. {first}."
    return kept, "overlay.mp4 shows the video with each face's box and score."


def _write(out: Path, texts: Mapping[str, str], files: Mapping[str, Path], signer: Signer | None) -> None:
    small = {name: text.encode() for name, text in texts.items()}
    if signer:
        small[CERTIFICATE] = signer.chain
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in small.items()}
    with zipfile.ZipFile(out, "w") as made:
        for name, path in files.items():
            sums[name] = _add_file(made, name, path)
        listed = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
        small[SUMS] = listed.encode()
        if signer:
            small[SIGNATURE] = sign(signer, small[SUMS])
        for name, data in small.items():
            made.writestr(_entry(name, zipfile.ZIP_DEFLATED), data)


def _add_file(made: zipfile.ZipFile, name: str, path: Path) -> str:
    """Its sha256, of the very bytes that went in."""
    digest = hashlib.sha256()
    with path.open("rb") as source, made.open(_entry(name, zipfile.ZIP_STORED), "w", force_zip64=True) as target:
        while block := source.read(BLOCK):
            digest.update(block)
            target.write(block)
    return digest.hexdigest()


def _entry(name: str, how: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type, entry.external_attr = how, 0o644 << 16
    return entry


def _json(data: object) -> str:
    return json.dumps(data, indent=2, default=_plain, ensure_ascii=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else str(value)


def plain_name(name: str | None) -> str:
    """A video's name as a file name: no folders, no control characters, nothing that a shell or sha256sum reads."""
    return re.sub(r"[^\w.()+ -]", "_", (name or "video").rpartition("/")[2]).strip() or "video"
