"""What the way to the viewer does to a face: JPEG, H.264, scaling, blur.

Clips come and go as uint8 [T, H, W, 3] RGB.
"""

from __future__ import annotations

import io

import av
import cv2
import numpy as np


def jpeg(clip: np.ndarray, quality: int) -> np.ndarray:
    """Each frame through JPEG at a quality of 1 to 100."""
    settings = (cv2.IMWRITE_JPEG_QUALITY, int(quality))
    # The channels' order does not matter here as long as it is the same both ways, but chroma does: BGR it is.
    coded = (cv2.imencode(".jpg", frame[..., ::-1], settings)[1] for frame in clip)
    return np.stack([cv2.imdecode(data, cv2.IMREAD_COLOR_BGR)[..., ::-1] for data in coded])


def h264(clip: np.ndarray, crf: int, preset: str = "veryfast") -> np.ndarray:
    """The clip through libx264 at a constant rate factor of 0 to 51; odd sides are padded for it and cut again."""
    frames, height, width = clip.shape[:3]
    padded = np.pad(clip, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": str(int(crf)), "preset": preset})
        stream.height, stream.width = padded.shape[1:3]
        stream.pix_fmt, stream.thread_count = "yuv420p", 1
        for picture in padded:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode())
    buffer.seek(0)
    with av.open(buffer) as container:
        container.streams.video[0].thread_count = 1
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    if len(decoded) != frames:
        raise RuntimeError(f"libx264 gave {len(decoded)} frames back for {frames}")
    return np.stack(decoded)[:, :height, :width]


def rescale(clip: np.ndarray, factor: float) -> np.ndarray:
    """Down by a factor below 1 and up again."""
    height, width = clip.shape[1:3]
    small = (max(2, round(width * factor)), max(2, round(height * factor)))
    shrunk = (cv2.resize(frame, small, interpolation=cv2.INTER_AREA) for frame in clip)
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR) for frame in shrunk])


def blur(clip: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian, `sigma` in pixels."""
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in clip])


def recolour(
    clip: np.ndarray, *, shift: np.ndarray, hue: float, saturation: float, value: float, brightness: float,
    contrast: float,
) -> np.ndarray:  # fmt: skip
    """One change of colour for all frames.

    shift: [3] added to R, G, B (of 255); hue: in turns; saturation, value, contrast: factors; brightness: of 255
    """
    frames, height, width = clip.shape[:3]
    tall = clip.reshape(frames * height, width, 3)  # one picture: OpenCV's calls are dear, its pixels are not
    moved = np.clip(tall.astype(np.float32) + shift, 0, 255).astype(np.uint8)
    hsv = cv2.cvtColor(moved, cv2.COLOR_RGB2HSV_FULL).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + 256 * hue) % 256
    hsv[..., 1:] *= np.array([saturation, value], np.float32)
    rgb = cv2.cvtColor(np.clip(hsv, 0, 255).astype(np.uint8), cv2.COLOR_HSV2RGB_FULL).astype(np.float32)
    rgb = (rgb - 127.5) * contrast + 127.5 + 255 * brightness
    return np.clip(rgb, 0, 255).astype(np.uint8).reshape(clip.shape)
