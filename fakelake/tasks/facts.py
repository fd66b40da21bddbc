"""What a lake says of one video for one version of the detector: verdict, windows, and how its logits are read."""

from __future__ import annotations

import json
import math
from contextlib import nullcontext
from dataclasses import dataclass, fields

import duckdb

from fakelake.catalog.duck import dicts
from fakelake.catalog.lake import Lake
from fakelake.catalog.recipe import Recipe
from fakelake.catalog.scores import champion

UNSCORED = ("not_applicable", "failed")  # bands of which no score tells

_WHEN = "strftime({} AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M UTC')"
_VERDICT = f"""
SELECT v.video_id, v.name, v.dataset, v.p_fake, v.band, v.reason, v.logit, v.worst_track, v.worst_second, v.windows,
       v.model_version, v.recipe_id, v.calibration_id, v.decided, v.decided_by, v.decided_on, v.provenance,
       {_WHEN.format("v.scored_at")} AS scored_at,
       (SELECT min(name) FROM sources WHERE video_id = v.decided_on) AS decided_on_name
FROM {{verdicts}} AS v WHERE v.video_id = ?
"""
_OF_VERSION = f"""
SELECT s.video_id, l.name, l.dataset, s.p_fake, s.reason, s.logit, s.worst_track, s.worst_second, s.windows,
       s.model_version, s.recipe_id, {_WHEN.format("s.scored_at")} AS scored_at, v.provenance,
       d.decided, d.decided_by, d.decided_on, near.name AS decided_on_name
FROM score_history AS s JOIN videos AS v USING (video_id, recipe_id) LEFT JOIN video_label AS l USING (video_id)
LEFT JOIN decisions AS d USING (video_id)
LEFT JOIN (SELECT video_id, min(name) AS name FROM sources GROUP BY video_id) AS near ON near.video_id = d.decided_on
WHERE s.video_id = ? AND s.model_version = ? ORDER BY s.scored_at DESC, s.recipe_id LIMIT 1
"""
_WINDOWS = """
SELECT track_id, "window" AS number, start_s, end_s, frames, logit FROM scores
WHERE video_id = ? AND recipe_id = ? AND model = 'detector' AND model_version = ? AND logit IS NOT NULL
ORDER BY track_id, "window"
"""
_READING = f"""
SELECT model_version, is_champion, calibration_id, aggregation, temperature, alpha, fake_at, suspicious_at, authentic,
       fake, refused, {_WHEN.format('k."at"')} AS "at"
FROM current_calibrations AS k WHERE model_version = ?
"""


class NotScored(LookupError):
    """The model version has said nothing of the video; the text says how to make it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A row of `verdicts` or, of a version that is not the champion, of `score_history`; that one has no band.

    worst_second: seconds, start of the highest window of the worst track. decided_on: the video that people decided.
    """

    video_id: str
    name: str | None
    dataset: str | None
    p_fake: float | None
    band: str | None
    reason: str | None
    logit: float | None
    worst_track: int | None
    worst_second: float | None
    windows: int
    model_version: str | None
    recipe_id: str | None
    scored_at: str | None
    decided: str | None
    decided_by: str | None
    decided_on: str | None
    decided_on_name: str | None
    provenance: str | None
    calibration_id: str | None = None

    @property
    def scored(self) -> bool:
        return self.p_fake is not None

    @property
    def title(self) -> str:
        return self.name or self.video_id[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a version's logits become p_fake and a band: its row of `current_calibrations`, or plainly without one."""

    model_version: str
    is_champion: bool = False
    calibration_id: str | None = None
    aggregation: str = "mean"
    temperature: float = 1.0
    alpha: float | None = None
    fake_at: float | None = None
    suspicious_at: float = 0.5
    authentic: int | None = None
    fake: int | None = None
    refused: str | None = None
    at: str | None = None

    def p_fake(self, logit: float) -> float:
        return sigmoid(logit / self.temperature)

    def band(self, p_fake: float) -> str:
        """Of a part of a video: the thresholds are the video's, and promise nothing of a part."""
        if self.fake_at is not None and p_fake >= self.fake_at:
            return "fake"
        return "suspicious" if p_fake >= self.suspicious_at else "authentic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some consecutive crops of one track, scored as one. start_s, end_s: seconds, of its first and last frame."""

    track_id: int
    number: int
    start_s: float
    end_s: float
    frames: int
    logit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is on record; windows by track and time, empty where the video could not be scored."""

    verdict: Verdict
    reading: Reading | None
    windows: tuple[Window, ...]
    recipe: Recipe | None

    @property
    def by_marks(self) -> bool:
        """Whether the band is not the score's: what a file's marks say of its making counts before any score."""
        verdict = self.verdict
        if not verdict.scored or verdict.band is None or not verdict.provenance:
            return False
        return self.reading.band(verdict.p_fake) != verdict.band

    def of_track(self, track_id: int) -> list[Window]:
        return [window for window in self.windows if window.track_id == track_id]

    @property
    def worst(self) -> Window:
        """The highest window of the worst track; of equal ones the earliest, as the views count."""
        of_track = self.of_track(self.verdict.worst_track)
        return max(of_track, key=lambda window: window.logit - 1e-9 * window.start_s)


def facts_of(
    lake: Lake,
    video_id: str,
    version: str | None = None,
    connection: duckdb.DuckDBPyConnection | None = None,
    verdicts: str = "verdicts",
) -> Facts:
    """What `version` said of a video; None: the verdict, the champion's or a former one's. Raises NotScored.

    connection: with the lake's views, where the caller has one already. verdicts: a table there that holds that view's
    rows, to be read instead of it.
    """
    with nullcontext(connection) if connection is not None else lake.connect() as views:
        verdict = _verdict(lake, views, video_id, version, verdicts)
        if not verdict.scored:
            return Facts(verdict=verdict, reading=None, windows=(), recipe=None)
        key = [video_id, verdict.recipe_id, verdict.model_version]
        windows = tuple(Window(**row) for row in dicts(views, _WINDOWS, key))
        readings = [Reading(**row) for row in dicts(views, _READING, [verdict.model_version])]
        recipe = recipe_of(lake, verdict.recipe_id, views)
    reading = readings[0] if readings else Reading(model_version=verdict.model_version)
    return Facts(verdict=verdict, reading=reading, windows=windows, recipe=recipe)


def recipe_of(lake: Lake, recipe_id: str, connection: duckdb.DuckDBPyConnection | None = None) -> Recipe | None:
    """As a run that used it wrote it down; None where none did. Settings that this program does not know are left.

    connection: with the lake's views, where the caller has one already.
    """
    known = {field.name for field in fields(Recipe)}
    asked = "SELECT DISTINCT recipe FROM runs WHERE recipe_id = ? AND recipe IS NOT NULL"
    with nullcontext(connection) if connection is not None else lake.connect() as views:
        texts = views.execute(asked, [recipe_id]).fetchall()
    for (text,) in texts:
        if "crop_margin" in (settings := json.loads(text)):
            return Recipe(**{name: value for name, value in settings.items() if name in known})
    return None


def sigmoid(x: float) -> float:
    """No overflow for any finite x."""
    return math.exp(min(x, 0.0)) / (1 + math.exp(-abs(x)))


def _verdict(
    lake: Lake, connection: duckdb.DuckDBPyConnection, video_id: str, version: str | None, verdicts: str
) -> Verdict:
    rows = dicts(connection, _VERDICT.format(verdicts=verdicts), [video_id])
    if rows and (version in (None, rows[0]["model_version"]) or rows[0]["model_version"] is None):
        return Verdict(**rows[0])
    if version is not None and (rows := dicts(connection, _OF_VERSION, [video_id, version])):
        row = rows[0]
        if row["p_fake"] is None:
            return Verdict(**row, band="not_applicable")
        why = f"version {version} is not the champion: its figure stands here, the verdict is the champion's"
        return Verdict(**{**row, "reason": why}, band=None)
    (name,) = connection.execute("SELECT min(name) FROM sources WHERE video_id = ?", [video_id]).fetchone()
    of = name or f"video {video_id[:12]}"
    if version is not None:
        raise NotScored(f"Version {version} has not scored {of} yet. Run: fakelake score --model detector@{version}")
    if champion(lake) is None:
        raise NotScored(
            f"Nothing has scored {of}: the lake has no champion. Run: fakelake train detector, then fakelake score"
        )
    raise NotScored(f"The champion has not scored {of} yet. Run: fakelake score")
