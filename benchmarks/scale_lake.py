"""A made lake of up to a million videos, laid out as ingests and compactions leave it.

What a commit, a publication or a query reads is there in full: the rows of `videos`, `sources`, `quarantine`, `labels`
and `scores` (of one model version), every version of each Delta log that an ingest writes to, and a week of removed
files in it. Thin are the tables of faces: their files are as many as the `paper` recipe gives, each with as many row
groups as a real one, because publication and the start of a query read logs and footers; but a row group holds two
rows in the place of 512 or 122,880, and they belong to no video. `portraits` and `crops` of a million videos would be
1.3 TB.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
from made_catalog import MadeVideos, models
from scale_fit import SHARD

from fakelake.catalog import compact, delta
from fakelake.catalog.lake import Lake
from fakelake.catalog.merge import new_name
from fakelake.catalog.parts import Part, PartWriter
from fakelake.catalog.schemas import TABLES
from fakelake.infra.settings import Settings

RECIPE_ID = "0123456789abcdef"  # as MadeVideos says
# Of the recipe `paper` with one face: 150 frames. Bytes a row were read off ingests of real clips.
ROWS = {"frames": 150, "crops": 150, "portraits": 30}
BYTES = {"frames": 62, "crops": 5_300, "portraits": 15_500}
NARROW_BYTES = {"videos": 130, "sources": 65, "quarantine": 5, "labels": 15, "scores": 120}  # a video
WITH_HISTORY = ("videos", "sources", "quarantine", *ROWS)  # what each shard commits to
LOOSE_SHARDS = 32  # half of what waits for a compaction of the narrow tables
CHECKPOINT_EVERY = 50
CHUNK = 100_000


def small_files(table: str) -> int:
    """How many bring on a compaction: see `compact_if_needed`."""
    after = Settings().compact_after
    return after if TABLES[table].by_attempt else -(-after // 4)


def settled(videos: int, table: str) -> tuple[list[int], float]:
    """Videos in each file that the compactions of so many videos leave, and how often a video's rows were rewritten.

    The choice of files is the product's own, so that a change there shows here.
    """
    spec, target = TABLES[table], compact._target(TABLES[table])
    of_one = ROWS[table] * BYTES[table] if spec.by_attempt else NARROW_BYTES[table]
    in_file = 1 if spec.by_attempt else SHARD
    turn = small_files(table) * in_file
    small: list[Part] = []
    full: list[int] = []
    rewritten = 0
    for _ in range(videos // turn):
        small += [Part(table, "new-0.parquet", in_file, in_file * of_one) for _ in range(turn // in_file)]
        groups = compact.bins(compact._of_like_size(small), target)
        merged = [sum(part.rows for part in group) for group in groups]
        gone = {id(part) for group in groups for part in group}
        small = [part for part in small if id(part) not in gone]
        for n in merged:
            rewritten += n
            if n * of_one < target / 2:
                small.append(Part(table, "compact-0.parquet", n, n * of_one))
            else:
                full.append(n)
    return [*full, *(part.rows for part in small)], rewritten / max(1, videos)


def make_lake(root: Path, made: MadeVideos, videos: int) -> Lake:
    """The first `videos` of `made` in a lake, just after a compaction of the tables of faces."""
    lake = Lake.create(root)
    for table in WITH_HISTORY:
        _history(lake, table, videos)
    for table in ROWS:
        delta.commit(lake.location, table, _stand_ins(lake, table, settled(videos, table)[0]))
    for table in NARROW_BYTES:
        delta.commit(lake.location, table, _whole(lake, table, made, videos))
    calibrations, promotions = models()
    lake.append("calibrations", calibrations, publish=False)
    lake.append("promotions", promotions, publish=False)
    for table in WITH_HISTORY:
        checkpoint(lake, table)
    return lake


def checkpoint(lake: Lake, table: str) -> float:
    """Seconds of what Delta does at every 50th commit of a table."""
    opened = delta.open_table(lake.location, table)
    start = time.perf_counter()
    opened.create_checkpoint()
    return time.perf_counter() - start


def filler(table: str, rows: int, **columns: object) -> pa.Table:
    """Rows with a value in every column, sorted; `columns` are values that all rows share."""
    arrays = []
    for field in TABLES[table].schema:
        kind = field.type
        if field.name in columns:
            arrays.append(pa.array([columns[field.name]] * rows, kind))
        elif field.name == "video_id":  # from one end of the hashes to the other, as in every compacted file
            arrays.append(pa.array([f"{i * 2**256 // rows:064x}" for i in range(rows)]))
        elif pa.types.is_fixed_size_list(kind):
            arrays.append(pa.array([list(range(kind.list_size))] * rows, kind))
        elif pa.types.is_string(kind):
            arrays.append(pa.array([f"{i:032x}" for i in range(rows)]))
        elif pa.types.is_binary(kind):
            arrays.append(pa.array([b"picture"] * rows))
        else:
            arrays.append(pa.array(np.arange(rows)).cast(kind))
    return pa.Table.from_arrays(arrays, schema=TABLES[table].schema)


def write_part(lake: Lake, table: str, name: str, *rows: pa.Table) -> Part:
    with PartWriter(lake.location, table, name) as writer:
        for each in rows:
            writer.write(each)
        return writer.close()


def _history(lake: Lake, table: str, videos: int) -> None:
    """The versions that ingests of so many videos write, empty but for what compactions removed.

    All of it counts as removed in the last seven days, for which Delta keeps removed files on record: the lake of a
    driver that is busy day and night. Added files are left out, as they are the removed ones.
    """
    shards = videos // SHARD
    by_attempt = TABLES[table].by_attempt
    turn = small_files(table) // (SHARD if by_attempt else 1)  # shards from one compaction to the next
    versions = shards + shards // turn
    versions += CHECKPOINT_EVERY - versions % CHECKPOINT_EVERY  # so that no commit that is measured writes a checkpoint
    now = int(time.time() * 1000)
    info = json.dumps({"commitInfo": {"timestamp": now, "operation": "WRITE"}}) + "\n"
    log = lake.location.path(table, "_delta_log")
    for version in range(1, versions + 1):
        text = info
        if version % (turn + 1) == 0:
            text += "".join(_removed(now) for _ in range(small_files(table)))
        (log / f"{version:020}.json").write_text(text)
    checkpoint(lake, table)


def _removed(at: int) -> str:
    # As Delta writes it; json.dumps of three million of these takes a minute.
    return (
        f'{{"remove":{{"path":"{uuid.uuid4().hex}-0.parquet","dataChange":false,"deletionTimestamp":{at},'
        '"extendedFileMetadata":true,"partitionValues":{},"size":100000}}\n'
    )


def _stand_ins(lake: Lake, table: str, files: list[int]) -> list[Part]:
    spec = TABLES[table]
    first: dict[int, Part] = {}
    parts = []
    for videos in files:
        groups = -(-videos * ROWS[table] // spec.row_group_rows)
        if groups not in first:
            with patch.dict(TABLES, {table: replace(spec, row_group_rows=2)}):
                first[groups] = write_part(lake, table, new_name(), filler(table, 2 * groups))
            parts.append(first[groups])
            continue
        copy = replace(first[groups], path=f"{new_name()}-0.{len(spec.schema)}.parquet")
        shutil.copyfile(lake.location.path(table, first[groups].path), lake.location.path(table, copy.path))
        parts.append(copy)
    return parts


def _whole(lake: Lake, table: str, made: MadeVideos, videos: int) -> list[Part]:
    """All rows: in the files that compactions leave, and in those of the latest shards."""
    loose = min(LOOSE_SHARDS, videos // SHARD // 2) * SHARD
    files = settled(videos - loose, table)[0]
    files.append(videos - loose - sum(files))  # what makes no whole turn
    groups = np.split(np.arange(videos), np.cumsum([*files, *[SHARD] * (loose // SHARD - 1)]))
    parts = []
    for n, group in enumerate(groups):
        name = new_name() if n < len(files) else uuid.uuid4().hex
        group = group[np.argsort(made.video_id[group])]
        chunks = np.split(group, range(CHUNK, len(group), CHUNK))
        parts.append(write_part(lake, table, name, *(_rows(made, table, chunk) for chunk in chunks if len(chunk))))
    return [part for part in parts if part.rows]


def _rows(made: MadeVideos, table: str, at: np.ndarray) -> pa.Table:
    return made.scores(at, "2") if table == "scores" else getattr(made, table)(at)
