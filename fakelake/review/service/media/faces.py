"""Single face pictures out of `crops`, at once at any size of the lake.

A question to DuckDB reads the footers of all its files each time: 0.6 s over 100,000 videos. Files never change under
their name but to lose rows (catalog/forget.py), so here each is read once for which videos its row groups hold, and a
picture is then one row group away. What is read is compared with what was asked for: an index may be old.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fakelake.catalog import duck
from fakelake.catalog.lake import Lake
from fakelake.review.service.reader import reader

FILES_AT_ONCE = 4  # read for the index
FILES_KEPT, GROUPS_KEPT, VIDEOS_KEPT = 32, 8, 256
LOOK_EVERY_S = 2.0
KEY = ["video_id", "recipe_id", "track_id", "frame"]


class Faces:
    """Thread-safe; one picture is read at a time, which takes some milliseconds."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._lock, self._refreshing = threading.Lock(), threading.Lock()
        self._files: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # path -> ids (sorted, twice where twice), groups
        self._versions: object = None
        self._looked_at = self._changed_at = float("-inf")
        self._open: OrderedDict[str, pq.ParquetFile] = OrderedDict()
        self._groups: OrderedDict[tuple[str, int], pa.Table] = OrderedDict()
        self._places: OrderedDict[tuple[str, str], dict[tuple[int, int], tuple[str, int]]] = OrderedDict()

    def picture(self, video_id: str, recipe_id: str, track: int, frame: int) -> bytes | None:
        """The encoded crop; None: the lake has none of that."""
        return self._ask(video_id, recipe_id, track, frame)

    def near(self, video_id: str, recipe_id: str, track: int, frame: int) -> bytes | None:
        """The crop of a face that is nearest to a frame; None: the lake has none of that face."""
        return self._ask(video_id, recipe_id, track, frame, near=True)

    def refresh(self) -> bool:
        """Read what files came since the last time; False where nothing was published since."""
        asked = time.monotonic()
        with self._refreshing:
            if self._looked_at > asked - LOOK_EVERY_S:
                return self._changed_at > asked  # by another thread, while this one waited
            self._looked_at, versions = time.monotonic(), self._lake.snapshot()
            of = {name: versions.get(name) for name in ("crops", "videos")}
            if of == self._versions:
                return False
            _, root = duck.arrow_filesystem(self._lake.location)
            paths = [f"{root}/crops/{part.path}" for part in self._lake.parts("crops")]
            files = {path: self._files[path] for path in paths if path in self._files}
            new = [path for path in paths if path not in files]
            with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
                files |= {path: ids for path, ids in zip(new, pool.map(self._ids, new), strict=True) if ids}
            with self._lock:
                self._files, self._versions = files, of
                self._places.clear()
            self._looked_at = self._changed_at = time.monotonic()
            return True

    def _ask(self, video_id: str, recipe_id: str, track: int, frame: int, near: bool = False) -> bytes | None:
        found = self._find(video_id, recipe_id, track, frame, near)
        if found is None and self.refresh():
            found = self._find(video_id, recipe_id, track, frame, near)
        return found

    def _find(self, video_id: str, recipe_id: str, track: int, frame: int, near: bool) -> bytes | None:
        try:
            with self._lock:
                places = self._places_of(video_id, recipe_id)
                if near:
                    there = (number for face, number in places if face == track)
                    frame = min(there, key=lambda number: abs(number - frame), default=frame)
                place = places.get((track, frame))
                return self._read(*place, video_id, recipe_id, track, frame) if place else None
        except (OSError, pa.ArrowInvalid):  # compacted away, or rewritten, since the index was made
            return None

    def _ids(self, path: str) -> tuple[np.ndarray, np.ndarray] | None:
        """(video_ids, row groups): a pair for each row group that holds some of a video, by video; None: unreadable."""
        ids, groups = [], []
        try:
            filesystem, _ = duck.arrow_filesystem(self._lake.location)
            with pq.ParquetFile(filesystem.open_input_file(path), read_dictionary=["video_id"]) as file:
                for group in range(file.num_row_groups):
                    column = file.read_row_group(group, columns=["video_id"], use_threads=False).column(0)
                    here = pc.unique(column).cast(pa.string()).to_pylist()
                    ids += here
                    groups += [group] * len(here)
        except (OSError, pa.ArrowInvalid):
            return None
        order = np.argsort(np.array(ids, "S64"), kind="stable")
        return np.array(ids, "S64")[order], np.array(groups, np.int32)[order]

    def _places_of(self, video_id: str, recipe_id: str) -> dict[tuple[int, int], tuple[str, int]]:
        """(track, frame) -> (file, row group) of all crops of a video under a recipe."""
        key = video_id, recipe_id
        if key not in self._places:
            found = {}
            for path, (ids, groups) in self._files.items():
                first, last = (np.searchsorted(ids, np.bytes_(video_id), side) for side in ("left", "right"))
                for group in groups[first:last].tolist():
                    rows = self._file(path).read_row_group(group, columns=KEY, use_threads=False)
                    rows = rows.filter((pc.field("video_id") == video_id) & (pc.field("recipe_id") == recipe_id))
                    pairs = zip(rows["track_id"].to_pylist(), rows["frame"].to_pylist(), strict=True)
                    found.update(dict.fromkeys(pairs, (path, group)))
            self._places[key] = found
            while len(self._places) > VIDEOS_KEPT:
                self._places.popitem(last=False)
        self._places.move_to_end(key)
        return self._places[key]

    def _read(self, path: str, group: int, video_id: str, recipe_id: str, track: int, frame: int) -> bytes | None:
        if (path, group) not in self._groups:
            table = self._file(path).read_row_group(group, columns=[*KEY, "image"], use_threads=False)
            self._groups[path, group] = table
            while len(self._groups) > GROUPS_KEPT:
                self._groups.popitem(last=False)
        self._groups.move_to_end((path, group))
        wanted = (pc.field("video_id") == video_id) & (pc.field("recipe_id") == recipe_id)
        wanted &= (pc.field("track_id") == track) & (pc.field("frame") == frame)
        rows = self._groups[path, group].filter(wanted)
        return rows["image"][0].as_py() if len(rows) else None

    def _file(self, path: str) -> pq.ParquetFile:
        if path not in self._open:
            filesystem, _ = duck.arrow_filesystem(self._lake.location)
            self._open[path] = pq.ParquetFile(filesystem.open_input_file(path))
            while len(self._open) > FILES_KEPT:
                self._open.popitem(last=False)[1].close(force=True)
        self._open.move_to_end(path)
        return self._open[path]


@cache
def faces() -> Faces:
    """Those of this process, for the desk's lake."""
    return Faces(reader().lake)
