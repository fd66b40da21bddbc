"""Face-only video: a track's crops as a small mp4, as the source report kept its data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

CLIP_FPS = 30


def write_clip(path: Path, crops: Iterable[bytes], *, px: int = 112, crf: int = 12) -> int:
    """Encode JPEG crops, in order, as H.264 at 30 fps, `px` square. Returns the frames written.

    The file appears under its name only when it is whole.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    frames = 0
    try:
        with av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=CLIP_FPS, options={"crf": str(crf), "preset": "veryfast"})
            stream.width = stream.height = px
            stream.pix_fmt = "yuv420p"
            for data in crops:
                image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
                if image.shape[:2] != (px, px):
                    image = cv2.resize(image, (px, px), interpolation=cv2.INTER_AREA)
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                frame.pts, frame.time_base = frames, Fraction(1, CLIP_FPS)
                container.mux(stream.encode(frame))
                frames += 1
            container.mux(stream.encode())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return frames


def resample(pts_s: Sequence[float], fps: int = CLIP_FPS) -> list[int]:
    """Which frame to show at each tick of `fps`: the latest one there is by then. Plays a clip at its true speed."""
    if not pts_s:
        return []
    times = np.asarray(pts_s) - pts_s[0]
    # A quarter of a tick of slack: 29.97 fps falls behind the ticks, and should not show a picture twice for that soon.
    ticks = np.arange(0, times[-1] + 1 / (2 * fps), 1 / fps) + 1 / (4 * fps)
    return (np.searchsorted(times, ticks, side="right") - 1).clip(0).tolist()
