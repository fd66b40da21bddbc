"""Lakes with scored faces for the tests of `explain` and `overlay`: no detection, every box is where we put it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from fakelake.catalog.commit import IngestedVideo, commit_videos
from fakelake.catalog.lake import Lake
from fakelake.catalog.parts import PartWriter
from fakelake.catalog.recipe import Recipe
from fakelake.catalog.scores import commit_scores
from fakelake.flows.shard import source_row
from fakelake.models.detector.bundle import BundleConfig
from fakelake.models.detector.network import Detector, DetectorConfig
from fakelake.tasks.crop import jpeg, picture, square
from fakelake.tasks.decode import decode
from fakelake.tasks.face_tracks import CropReader, face_tracks
from fakelake.tasks.probe import probe
from fakelake.tasks.read_video import examine
from fakelake.tasks.score_task import score_track
from tests.tasks.reading import source_of

RECIPE = Recipe(name="made", portrait_px=0)
SIDE = 40  # px of a made face
Boxes = Callable[[int], tuple[float, float, float, float] | None]


def faces(count: int, corners: Sequence[tuple[int, int]], size: tuple[int, int] = (240, 160)) -> list[np.ndarray]:
    """BGR pictures of grey ground with a square of bright blocks at each corner, other ones in each frame."""
    rng = np.random.default_rng(7)
    made = []
    for _ in range(count):
        image = np.full((size[1], size[0], 3), 110, np.uint8)
        for x, y in corners:
            blocks = rng.integers(60, 255, (5, 5, 3), np.uint8)
            image[y : y + SIDE, x : x + SIDE] = np.kron(blocks, np.ones((SIDE // 5, SIDE // 5, 1), np.uint8))
        made.append(image)
    return made


def at(x: int, y: int, *, first: int = 0, last: int = 10**9) -> Boxes:
    """The box of a made face at a corner, in some frames."""
    return lambda frame: (x, y, x + SIDE, y + SIDE) if first <= frame <= last else None


def add(
    lake: Lake, path: Path, tracks: Mapping[int, Boxes], recipe: Recipe = RECIPE, measured: Boxes = lambda frame: True
) -> str:
    """Ingest a file with the given boxes as its tracks. Returns its video_id."""
    source, info = source_of(path, "made"), probe(path)
    video_id, attempt = examine(source).video_id, uuid.uuid4().hex
    frames, crops = [], []
    for frame in decode(path, info):
        if frame.index % recipe.stride or (recipe.max_frames and frame.index >= recipe.max_frames * recipe.stride):
            continue
        for track, box_in in tracks.items():
            if box := box_in(frame.index):
                key = {"video_id": video_id, "track_id": track, "frame": frame.index, "attempt_id": attempt}
                key["recipe_id"] = recipe.recipe_id
                corners = dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
                points = [float(value) for value in (*box, *box, *box[:2])]  # five, somewhere on the face
                seen = {"pts_s": frame.pts_s, "detected": bool(measured(frame.index)), "landmarks": points}
                frames.append({**key, **corners, **seen})
                cut = picture(frame.region, square(np.array(box), recipe.crop_margin), recipe.crop_px)
                crops.append({**key, "image": jpeg(cut, 95), "crop_px": recipe.crop_px})
    parts = []
    for name, rows in (("frames", frames), ("crops", crops)):
        if rows:
            with PartWriter(lake.location, name, attempt) as writer:
                writer.write(pa.Table.from_pylist(sorted(rows, key=lambda row: (row["track_id"], row["frame"]))))
                parts.append(writer.close())
    status = {"status": "ready"} if frames else {"status": "no_face", "reason": "no face in 9 frames"}
    row = {"video_id": video_id, "recipe_id": recipe.recipe_id, "attempt_id": attempt, "dataset": "made", **status}
    row["fps"] = info.fps
    commit_videos(lake, [IngestedVideo(row, parts)], [source_row(source, video_id, "run")])
    run = {"run_id": attempt, "flow": "ingest", "recipe_id": recipe.recipe_id, "recipe": recipe.to_json()}
    lake.append("runs", [run], publish=False)
    return video_id


def say(
    lake: Lake, video_id: str, tracks: Mapping[int, Sequence[tuple[float, float, float]]], recipe: Recipe = RECIPE,
    version: str = "1",
) -> None:  # fmt: skip
    """Scores by hand: (start_s, end_s, logit) of the windows of each track."""
    rows = [
        {**_of(video_id, recipe, version), "track_id": track, "window": n, "start_s": start, "end_s": end,
         "frames": 6, "logit": logit}
        for track, windows in tracks.items() for n, (start, end, logit) in enumerate(windows)
    ]  # fmt: skip
    commit_scores(lake, rows)


def score(lake: Lake, video_id: str, detector: Detector, version: str = "1") -> None:
    """Scores by a real network, as the scoring flow makes them."""
    reader = CropReader(lake)
    rows = [
        {**_of(video_id, RECIPE, version), **row}
        for track in face_tracks(lake, RECIPE.recipe_id, RECIPE.crop_margin, [video_id])
        for row in score_track(detector, reader, track, "cpu")
    ]
    commit_scores(lake, rows)


def promote(lake: Lake, version: str = "1", **calibration: object) -> None:
    """Make a version champion, calibrated so that fake begins at 0.9 and suspicious at 0.5."""
    now = datetime.now(UTC)
    lake.append("promotions", [{"model": "detector", "model_version": version, "outcome": "promoted", "at": now}],
                publish=False)  # fmt: skip
    row = {
        "model": "detector", "model_version": version, "calibration_id": f"c{version}", "aggregation": "mean",
        "temperature": 1.0, "alpha": 0.01, "fake_at": 0.9, "suspicious_at": 0.5, "authentic": 150, "fake": 50,
        "at": now, **calibration,
    }  # fmt: skip
    lake.append("calibrations", [row])


def network(seed: int = 0) -> tuple[Detector, BundleConfig]:
    """A small network of random weights, loud enough that frames differ."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    detector = Detector(DetectorConfig(trunk="mobilenet_v2", hidden=32, frames=6, px=112)).eval()
    with torch.no_grad():
        detector.head.weight.mul_(200)
    config = BundleConfig(network=detector.config, recipe_id=RECIPE.recipe_id, crop_margin=0.0, trained={})
    return detector, config


def _of(video_id: str, recipe: Recipe, version: str) -> dict[str, object]:
    names = ("video_id", "recipe_id", "model", "model_version", "run_id")
    return dict(zip(names, (video_id, recipe.recipe_id, "detector", version, "run"), strict=True))
