"""Lakes that grow over time, of rows without pictures: what was there at a training, and what came later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa

from fakelake.catalog.commit import IngestedVideo, commit_videos
from fakelake.catalog.lake import Lake
from fakelake.catalog.parts import PartWriter
from fakelake.catalog.scores import commit_scores
from tests.catalog.rows import RECIPE, video_id
from tests.tasks.lake_of_faces import lake_of_faces

NOW = datetime.now(UTC)
SPLIT = "half"


def empty_lake(root: Path) -> Lake:
    return lake_of_faces(root, (), labels=False, run=False)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def ingest(
    lake: Lake, numbers: Sequence[int], when: datetime, *, faces: Sequence[tuple[float, float]] = (),
    logits: Sequence[float] = (), codec: str = "h264", faceless: int = 0, recipe: str = RECIPE, dataset: str = "made",
    version: str = "1",
) -> None:  # fmt: skip
    """Videos of three frames each, all in one commit.

    faces: of each video the median height and sharpness, default 100 and 50; logits: of each video, default none
    faceless: so many of the first have no face, and no logit
    """
    attempt = uuid4().hex
    faces = faces or [(100.0, 50.0)] * len(numbers)
    shown = [(n, *face) for n, face in list(zip(numbers, faces, strict=True))[faceless:]]
    around = (-1.0, 0.0, 5.0)  # their median is 0, their mean is not
    columns = {
        "video_id": [video_id(n) for n, *_ in shown for _ in around],
        "track_id": [0 for _ in shown for _ in around],
        "frame": [frame for _ in shown for frame, _ in enumerate(around)],
        "recipe_id": [recipe for _ in shown for _ in around],
        "attempt_id": [attempt for _ in shown for _ in around],
        "y1": [10.0 for _ in shown for _ in around],
        "y2": [10.0 + height + more for _, height, _ in shown for more in around],
        "sharpness": [sharpness + more for _, _, sharpness in shown for more in around],
    }
    with PartWriter(lake.location, "frames", attempt) as writer:
        writer.write(pa.table(columns))
        part = writer.close() if shown else None
    same = {"recipe_id": recipe, "attempt_id": attempt, "dataset": dataset, "codec": codec, "ingested_at": when}
    rows = [
        {**same, "video_id": video_id(n), "status": "no_face" if i < faceless else "ready"}
        for i, n in enumerate(numbers)
    ]
    # The file of all of them comes with the last.
    commit_videos(lake, [IngestedVideo(row, [part] if part and row is rows[-1] else []) for row in rows])
    score(lake, numbers[faceless:], logits[faceless:], when, recipe=recipe, version=version)


def score(
    lake: Lake, numbers: Sequence[int], logits: Sequence[float], when: datetime, *, recipe: str = RECIPE,
    version: str = "1",
) -> None:  # fmt: skip
    """A window a video."""
    same = {"recipe_id": recipe, "model": "detector", "model_version": version, "track_id": 0, "window": 0}
    same |= {"start_s": 0.0, "end_s": 1.0, "frames": 3, "scored_at": when}
    rows = [{**same, "video_id": video_id(n), "logit": float(z)} for n, z in zip(numbers, logits, strict=False)]
    if rows:
        commit_scores(lake, rows)


def train(lake: Lake, when: datetime, version: str = "1", learnt: Sequence[int] = ()) -> None:
    """A detector's training that took an hour and made it champion; `learnt` were in its train part."""
    split = f"{SPLIT}-{version}"
    lake.append(
        "splits", [{"split_id": split, "video_id": video_id(n), "part": "train"} for n in learnt], publish=False
    )
    done = when + timedelta(hours=1)
    promoted = {"model": "detector", "model_version": version, "outcome": "promoted", "at": done}
    lake.append("promotions", [promoted], publish=False)
    summary = json.dumps({"model_version": version, "split_id": split})
    run = {"run_id": uuid4().hex, "flow": "train_detector", "outcome": "done", "summary": summary}
    lake.append("runs", [{**run, "started_at": when, "finished_at": done}])


def normal(seed: int, count: int, mean: float, deviation: float) -> list[float]:
    return (mean + deviation * np.random.default_rng(seed).standard_normal(count)).tolist()
