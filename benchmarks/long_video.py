"""A video of two hours for a made lake: one face in each of 180,000 frames, with its pictures and a score a second."""

from __future__ import annotations

import hashlib
import uuid

import cv2
import numpy as np
import pyarrow as pa
from made_catalog import START

from fakelake.catalog.commit import IngestedVideo, commit_videos
from fakelake.catalog.lake import Lake, one_of
from fakelake.catalog.parts import PartWriter

RATE, SECONDS = 25, 7200
VIDEO_ID = hashlib.sha256(b"two hours").hexdigest()
RECIPE = "0123456789abcdef"


def add_long_video(lake: Lake, version: str = "2") -> str:
    """Returns its video_id; adds nothing where it is there. version: of the detector, the champion of the made lake."""
    if len(lake.read("videos", ["video_id"], one_of("video_id", [VIDEO_ID]))):
        return VIDEO_ID
    n, attempt, random = RATE * SECONDS, uuid.uuid4().hex, np.random.default_rng(3)
    frame = np.arange(n)
    key = {
        "video_id": pa.array([VIDEO_ID]).take(pa.array(np.zeros(n, np.int32))),
        "track_id": pa.array(np.zeros(n, np.int32)),
        "frame": frame,
        "recipe_id": pa.array([RECIPE]).take(pa.array(np.zeros(n, np.int32))),
        "attempt_id": pa.array([attempt]).take(pa.array(np.zeros(n, np.int32))),
    }
    left = (400 + 100 * np.sin(frame / 200)).astype(np.float32)
    picture = cv2.imencode(".jpg", random.integers(0, 255, (112, 112, 3), np.uint8))[1].tobytes()
    frames = pa.table({
        **key, "pts_s": frame / RATE, "x1": left, "y1": left, "x2": left + 150, "y2": left + 180,
        "landmarks": pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(10 * n, np.float32)), 10),
        "det_score": np.full(n, 0.9, np.float32), "detected": np.ones(n, bool), "sharpness": left,
    })  # fmt: skip
    crops = pa.table({**key, "image": pa.array([picture] * n, pa.binary()), "crop_px": np.full(n, 112, np.int32)})
    parts = []
    for table, rows in (("frames", frames), ("crops", crops)):
        with PartWriter(lake.location, table, attempt) as writer:
            writer.write(rows)
            parts.append(writer.close())
    video = {
        "video_id": VIDEO_ID, "recipe_id": RECIPE, "attempt_id": attempt, "dataset": "archive-2019", "container": "mp4",
        "codec": "h264", "width": 1280, "height": 720, "fps": float(RATE), "frames": n, "frames_read": n,
        "frames_with_face": n, "tracks": 1, "duration_s": float(SECONDS), "bytes": 10**9, "status": "ready",
        "run_id": "run",
    }  # fmt: skip
    seen = {"uri": "file:///archive/two-hours.mp4", "name": "two-hours.mp4", "video_id": VIDEO_ID, "run_id": "run"}
    commit_videos(lake, [IngestedVideo(video, parts)], [seen])
    windows = [
        {
            "video_id": VIDEO_ID, "track_id": 0, "window": second, "start_s": float(second), "end_s": second + 0.96,
            "frames": RATE, "logit": float(random.normal(0, 2)), "model": "detector", "model_version": version,
            "recipe_id": RECIPE, "run_id": "run", "scored_at": START,
        }
        for second in range(SECONDS)
    ]  # fmt: skip
    lake.append("scores", windows)
    return VIDEO_ID
