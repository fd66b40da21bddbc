"""Checks of rows: does every table say the same of a video, is any key there twice, does a split leak?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from fakelake.catalog.finding import Finding

ROWS_A_PASS = 4_000_000
SHOWN = 20
AGAIN = (
    "`fakelake catalog rebuild --accept-loss` drops the videos that are not whole, and the next ingest "
    "brings them again."
)


@dataclass(frozen=True, slots=True)
class Disparity:
    """A video whose rows are not those that its `videos` row vouches for."""

    video_id: str
    attempt_id: str
    text: str


def check_rows(connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    """Keys, parity between `videos` and the tables below it, and unfinished business."""
    for video_id, recipe_id, n in connection.execute(
        "SELECT video_id, recipe_id, count(*) FROM videos GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL"
    ).fetchall():
        text = f"{n} rows in videos for one recipe ({recipe_id}): two programs wrote without the lake's lock."
        yield Finding(
            "duplicate key", f"video {video_id}", text, "`fakelake forget` it, then `--undo` that, and ingest it again."
        )
    yield from _first("row parity", disparities(connection), AGAIN)
    yield from _first("picture without a row", _strays(connection), AGAIN)
    for table in ("frames", "crops", "portraits"):
        attempts = connection.execute(
            f"SELECT DISTINCT video_id FROM {table} ANTI JOIN videos USING (attempt_id) ORDER BY 1"
        ).fetchall()
        for (video_id,) in attempts[:SHOWN]:
            text = f"{table} has rows of an attempt that has no videos row."
            yield Finding("rows without a video", f"video {video_id}", text, "Run the same `fakelake forget` again.")
    yield from _check_scores(connection)
    for (video_id,) in connection.execute(
        "SELECT DISTINCT video_id FROM quarantine SEMI JOIN videos USING (video_id) WHERE error = 'forgotten'"
    ).fetchall():
        text = "It is to be forgotten, but is still there: `forget` was interrupted."
        yield Finding("forget unfinished", f"video {video_id}", text, f"Run: fakelake forget {video_id}")


def _check_scores(connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    """Scores of what is not there, scores twice, and calibrations that the views cannot read."""
    for video_id, version, n in connection.execute(f"""
        SELECT video_id, model_version, count(*) FROM (
            SELECT video_id, model_version FROM scores
            GROUP BY video_id, recipe_id, model, model_version, track_id, "window" HAVING count(*) > 1
        ) GROUP BY ALL ORDER BY ALL LIMIT {SHOWN}
    """).fetchall():
        text = f"{n:,} windows have several scores of version {version}: something wrote around `fakelake score`."
        yield Finding(
            "scored twice", f"video {video_id}", text, "`fakelake forget` it, then `--undo`, and ingest it again."
        )
    for video_id, recipe_id, forgotten in connection.execute(f"""
        SELECT DISTINCT video_id, recipe_id, video_id IN (SELECT video_id FROM quarantine WHERE error = 'forgotten')
        FROM scores ANTI JOIN videos USING (video_id, recipe_id) ORDER BY ALL LIMIT {SHOWN}
    """).fetchall():
        text = f"scores has rows of recipe {recipe_id}, under which videos does not have it. No view shows them."
        remedy = f"Run: fakelake forget {video_id}" if forgotten else "Ingest it again, and its scores count again."
        yield Finding("scores without a video", f"video {video_id}", text, remedy, forgotten)
    for version, aggregation in connection.execute("""
        SELECT DISTINCT model_version, aggregation FROM current_calibrations
        WHERE aggregation NOT IN ('mean', 'max', 'top') ORDER BY ALL
    """).fetchall():
        text = f"Its calibration aggregates by {aggregation!r}; known are mean, max and top. Its verdicts say `failed`."
        yield Finding("calibration unknown", f"model version {version}", text, "Calibrate it again.")


def disparities(connection: duckdb.DuckDBPyConnection) -> Iterator[Disparity]:
    """Videos whose frames or tracks are not as many as their row says, or have a face twice."""
    for only in _passes(connection, "frames"):
        rows = connection.execute(f"""
            SELECT v.video_id, v.attempt_id, v.frames_with_face, v.tracks, coalesce(f.frames, 0) AS frames,
                   coalesce(f.tracks, 0) AS tracks, coalesce(f.faces, 0) AS faces, coalesce(f.rows, 0) AS rows
            FROM (FROM videos WHERE {only}) AS v LEFT JOIN (
                SELECT attempt_id, count(DISTINCT frame) AS frames, count(DISTINCT track_id) AS tracks,
                       count(DISTINCT (track_id, frame)) AS faces, count(*) AS rows
                FROM frames WHERE {only} GROUP BY attempt_id
            ) AS f USING (attempt_id)
            WHERE v.frames_with_face <> coalesce(f.frames, 0) OR v.tracks <> coalesce(f.tracks, 0) OR f.faces <> f.rows
            ORDER BY v.video_id
        """).fetchall()
        for video_id, attempt_id, frames, tracks, frames_there, tracks_there, faces, n in rows:
            if n != faces:
                text = f"frames has {n:,} rows for {faces:,} faces: some are there twice."
            elif frames is not None and frames != frames_there:
                text = f"videos says {frames:,} frames with a face, frames has {frames_there:,}."
            else:
                text = f"videos says {tracks:,} tracks, frames has {tracks_there:,}."
            yield Disparity(video_id, attempt_id, text)


def _strays(connection: duckdb.DuckDBPyConnection) -> Iterator[Disparity]:
    for table in ("crops", "portraits"):
        for only in _passes(connection, "frames", table):
            for video_id, attempt_id, n in connection.execute(f"""
                SELECT video_id, attempt_id, count(*) FROM (FROM {table} WHERE {only})
                ANTI JOIN (SELECT attempt_id, track_id, frame FROM frames WHERE {only})
                USING (attempt_id, track_id, frame)
                GROUP BY ALL ORDER BY ALL
            """).fetchall():
                yield Disparity(video_id, attempt_id, f"{table} has {n:,} pictures of faces that frames does not have.")
        for video_id, attempt_id, n in connection.execute(f"""
            SELECT video_id, attempt_id, count(*) - count(DISTINCT ({_key(table)})) AS n FROM {table}
            GROUP BY ALL HAVING n > 0 ORDER BY ALL
        """).fetchall():
            yield Disparity(video_id, attempt_id, f"{table} has {n:,} pictures twice.")


def _key(table: str) -> str:
    return "track_id, clip_id, frame" if table == "portraits" else "track_id, frame"


def _passes(connection: duckdb.DuckDBPyConnection, *tables: str) -> list[str]:
    """Conditions that cut the videos into groups, so that memory does not grow with the lake."""
    rows = max(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)
    passes = rows // ROWS_A_PASS + 1
    return [f"hash(attempt_id) % {passes} = {n}" if passes > 1 else "true" for n in range(passes)]


def check_splits(
    connection: duckdb.DuckDBPyConnection, near_duplicates: Iterable[tuple[str, str]]
) -> Iterator[Finding]:
    """What a model could have seen in training and be tested on: a video, a person, or the same footage again."""
    remedy = "Do not train on this split. Make another with `fakelake splits make`."
    for column, what in (("video_id", "video"), ("group_id", "group of videos that share people")):
        for split_id, value, parts in connection.execute(
            f"SELECT split_id, {column}, string_agg(DISTINCT part, ' and ' ORDER BY part) FROM splits "
            f"WHERE {column} IS NOT NULL GROUP BY ALL HAVING count(DISTINCT part) > 1 ORDER BY ALL"
        ).fetchall():
            yield Finding("leakage", f"split {split_id}", f"The {what} {value} is in {parts}.", remedy)
    pairs = sorted(near_duplicates)
    if not pairs:
        return
    connection.register("near", pa.table({"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}))
    crossing = connection.execute("""
        SELECT s.split_id, near.a, near.b, s.part, t.part FROM near JOIN splits AS s ON s.video_id = near.a
        JOIN splits AS t ON t.video_id = near.b AND t.split_id = s.split_id AND t.part <> s.part ORDER BY ALL
    """).fetchall()
    names = dict(
        connection.execute(
            "SELECT video_id, any_value(name) FROM sources WHERE name IS NOT NULL GROUP BY video_id"
        ).fetchall()
    )
    for split_id, a, b, part_a, part_b in crossing:
        text = f"{names.get(a, a)} is in {part_a} and {names.get(b, b)}, nearly the same footage, in {part_b}."
        yield Finding("leakage", f"split {split_id}", text, remedy)
    for a, b in pairs[:SHOWN]:
        text = f"{names.get(a, a)} and {names.get(b, b)} show nearly the same footage."
        yield Finding(
            "near-duplicates", f"videos {a[:12]} and {b[:12]}", text, "`splits make` keeps them together.", False
        )
    if len(pairs) > SHOWN:
        yield Finding("near-duplicates", "videos", f"And {len(pairs) - SHOWN} more such pairs.", "The same.", False)


def _first(rule: str, found: Iterable[Disparity], remedy: str) -> Iterator[Finding]:
    """The first few by name, and of the rest the number."""
    rest = 0
    for n, disparity in enumerate(found):
        if n < SHOWN:
            yield Finding(rule, f"video {disparity.video_id}", disparity.text, remedy)
        else:
            rest += 1
    if rest:
        yield Finding(rule, "videos", f"And {rest:,} more videos.", remedy)
