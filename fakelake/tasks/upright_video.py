"""The video again, upright, as H.264 for any browser: its pictures changed, its times and its size kept."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import av
import cv2
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from fakelake.tasks import media_file
from fakelake.tasks.frame import Frame
from fakelake.tasks.probe import VideoInfo

_EXACT = Interpolation.AREA | Interpolation.ACCURATE_RND  # otherwise every grey turns a little green
_BT709, _LIMITED = 1, 1  # ITU-T H.273; AVCOL_RANGE_MPEG
BT709 = {"colorspace": _BT709, "color_primaries": _BT709, "color_trc": _BT709, "color_range": _LIMITED}


def video_stream(
    out: OutputContainer, info: VideoInfo, source: InputContainer, encoder: Mapping[str, str],
    marks: Mapping[str, int] = BT709,
) -> VideoStream:  # fmt: skip
    """A stream of yuv420p pictures of the video's upright size, odd sides made even, with its own tick.

    marks: of colour, said in any case, so that a small picture is not taken for BT.601
    """
    rate = Fraction(info.fps).limit_denominator(1001)
    stream = out.add_stream("libx264", rate=rate if rate > 0 else 25, options=dict(encoder))
    stream.width, stream.height = info.width + info.width % 2, info.height + info.height % 2
    stream.pix_fmt = "yuv420p"
    codec = stream.codec_context
    codec.time_base = info.time_base if info.timed else 1 / rate
    for name, value in marks.items():
        setattr(codec, name, value)
    shape = media_file.video_stream(source).sample_aspect_ratio
    if shape and shape != 1:
        codec.sample_aspect_ratio = 1 / shape if info.rotation % 180 else shape
    return stream


def pts_of(frame: Frame, info: VideoInfo) -> tuple[int, Fraction]:
    """Ticks from the video's first picture, and the tick: the source's own."""
    if info.timed:
        return round(frame.pts_s / float(info.time_base)), info.time_base
    return frame.index, 1 / Fraction(info.fps).limit_denominator(1001)


def fitted(picture: np.ndarray, width: int, height: int) -> tuple[np.ndarray, float, int, int]:
    """A picture that changed its size in mid-stream, in the first one's: (picture, scale, left, top)."""
    if picture.shape[:2] == (height, width):
        return picture, 1.0, 0, 0
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(picture, inner, interpolation=cv2.INTER_AREA)
    return canvas, scale, left, top


def to_yuv420p(picture: np.ndarray, reformatter: VideoReformatter) -> av.VideoFrame:
    """uint8 [H, W, 3] BGR -> yuv420p of BT.709; an odd side gets one pixel more."""
    height, width = picture.shape[:2]
    if width % 2 or height % 2:  # yuv420p has one colour for 2 x 2 pixels
        picture = cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    return reformatter.reformat(
        av.VideoFrame.from_ndarray(picture, format="bgr24"), format="yuv420p",
        dst_colorspace=_BT709, dst_color_range=_LIMITED, interpolation=_EXACT,
    )  # fmt: skip
