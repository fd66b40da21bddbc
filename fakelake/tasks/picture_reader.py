"""Single pictures out of the lake's Parquet files, straight from the row groups that hold them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet as pq

from fakelake.catalog import duck
from fakelake.catalog.lake import Lake, one_of

GROUPS_KEPT = 4  # decoded row groups in memory


class PictureReader:
    """Reads and decodes pictures. Cheap to pickle: files are opened where it is used."""

    def __init__(self, lake: Lake) -> None:
        self.location = lake.location
        self._reset()

    def _reset(self) -> None:
        self._filesystem: pyarrow.fs.FileSystem | None = None
        self._files: dict[str, tuple[pq.ParquetFile, np.ndarray]] = {}
        self._groups: OrderedDict[tuple[str, int], pa.ChunkedArray] = OrderedDict()

    def __getstate__(self) -> dict:
        return {"location": self.location}

    def __setstate__(self, state: dict) -> None:
        self.location = state["location"]
        self._reset()

    def picture(self, video_id: str, file: str, row: int, px: int) -> np.ndarray:
        """uint8 [px, px, 3] RGB. Raises ValueError with the video's id where it cannot be decoded."""
        data = self._bytes(file, row)
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if len(data) else None
        if picture is None:
            raise ValueError(f"Of video {video_id} the row {row} of {file} is no picture. Run: fakelake catalog check")
        if picture.shape[0] != px:
            shrink = picture.shape[0] > px
            picture = cv2.resize(picture, (px, px), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)
        return picture

    def _bytes(self, path: str, row: int) -> memoryview:
        file, ends = self._open(path)
        group = int(np.searchsorted(ends, row, side="right"))
        key = (path, group)
        if key not in self._groups:
            self._groups[key] = file.read_row_group(group, columns=["image"], use_threads=False).column(0)
            while len(self._groups) > GROUPS_KEPT:
                self._groups.popitem(last=False)
        self._groups.move_to_end(key)
        return self._groups[key][row - int(ends[group - 1] if group else 0)].as_buffer()

    def _open(self, path: str) -> tuple[pq.ParquetFile, np.ndarray]:
        if path not in self._files:
            if self._filesystem is None:
                self._filesystem, _ = duck.arrow_filesystem(self.location)
            if len(self._files) >= 64:
                self._files.pop(next(iter(self._files)))[0].close(force=True)
            file = pq.ParquetFile(self._filesystem.open_input_file(path))
            counts = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
            self._files[path] = file, np.cumsum(counts)
        return self._files[path]


def picture_rows(
    lake: Lake, table: str, columns: Sequence[str], recipe_id: str, video_ids: Collection[str]
) -> Iterator[tuple[str, pa.Table]]:
    """Each file of `crops` or `portraits` that holds any of the videos, with their rows; no picture is read.

    A further column, `row`, has the rows' numbers in the file.
    """
    filesystem, root = duck.arrow_filesystem(lake.location)
    wanted = of_recipe(recipe_id, video_ids)
    for part in lake.parts(table):
        path = f"{root}/{table}/{part.path}"
        with pq.ParquetFile(filesystem.open_input_file(path)) as file:
            rows = file.read(columns=[*columns, "recipe_id"])
        rows = rows.append_column("row", pa.array(np.arange(len(rows)))).filter(wanted)
        if len(rows):
            yield path, rows.combine_chunks()


def of_recipe(recipe_id: str, video_ids: Collection[str]) -> pc.Expression:
    """Rows of these videos under that recipe."""
    return one_of("video_id", video_ids) & (pc.field("recipe_id") == recipe_id)
