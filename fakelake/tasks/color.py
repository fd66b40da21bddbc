"""Decoded pictures to BGR: a scaled whole by swscale, or just one region straight from the planes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from fakelake.tasks import tonemap

# Numbers of ITU-T H.273.
_BT709, _FCC, _BT470BG, _SMPTE170M, _SMPTE240M, _BT2020_NCL, _BT2020_CL = 1, 4, 5, 6, 7, 9, 10
_LIMITED, _FULL = 1, 2

# Kr, Kb of E'Y = Kr R' + (1 - Kr - Kb) G' + Kb B': BT.709-6 item 3.2, BT.601-7 section 2.5.1, BT.2020-2 table 4.
_LUMA_WEIGHTS = {
    _BT709: (0.2126, 0.0722),
    _FCC: (0.30, 0.11),
    _BT470BG: (0.299, 0.114),
    _SMPTE240M: (0.212, 0.087),
    _BT2020_NCL: (0.2627, 0.0593),
}
_SAME_WEIGHTS = {_SMPTE170M: _BT470BG, _BT2020_CL: _BT2020_NCL}


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a pixel format lies in memory: chroma is 1/2**shift of luma; codes are `bits` wide, << `pad`."""

    shift_x: int
    shift_y: int
    bits: int = 8
    interleaved: bool = False  # U and V in one plane (nv12)
    pad: int = 0
    centred: bool = False  # chroma lies amid its two luma columns (JPEG, MPEG-1), not on the left one


def _layouts() -> dict[str, _Layout]:
    table = {"nv12": _Layout(1, 1, interleaved=True), "p010le": _Layout(1, 1, 10, interleaved=True, pad=6)}
    for name, shift in {"420": (1, 1), "422": (1, 0), "444": (0, 0)}.items():
        table[f"yuv{name}p"] = table[f"yuva{name}p"] = _Layout(*shift)
        table[f"yuvj{name}p"] = _Layout(*shift, centred=True)
        for bits in (10, 12):
            table[f"yuv{name}p{bits}le"] = _Layout(*shift, bits)
    return table


_LAYOUTS = _layouts()
_PLAIN_420 = (_Layout(1, 1), _Layout(1, 1, centred=True))


@dataclass(frozen=True, slots=True)
class Coding:
    """What the numbers of a picture mean: H.273 matrix and transfer, and whether black is 0 or 16."""

    matrix: int
    full_range: bool
    transfer: int

    @property
    def hdr(self) -> bool:
        return self.transfer in (tonemap.PQ, tonemap.HLG)


def coding_of(frame: av.VideoFrame) -> Coding:
    """A frame's own marks; where it has none, BT.709 from 720p up and BT.601 below, as players do."""
    matrix = _SAME_WEIGHTS.get(frame.colorspace, frame.colorspace)
    if matrix not in _LUMA_WEIGHTS:
        matrix = _BT709 if max(frame.width, frame.height) >= 1280 or min(frame.width, frame.height) >= 720 else _BT470BG
    full = frame.color_range == _FULL or frame.format.name.startswith("yuvj")
    return Coding(matrix, full, frame.color_trc)


def small(frame: av.VideoFrame, width: int, height: int, reformatter: VideoReformatter) -> np.ndarray:
    """The whole stored picture at width x height -> uint8 [height, width, 3] BGR, by swscale's area filter.

    Not by its fast bilinear one: that moves the picture to the left, by 4 pixels of the full frame at 1280 -> 320 and
    by 2.5 at 1920 -> 640, and so the boxes found in it. Area is centred, does not alias and costs 0.2 ms more.
    """
    return _by_swscale(frame, width, height, reformatter, Interpolation.AREA)


def region(frame: av.VideoFrame, x1: int, y1: int, x2: int, y2: int, *, halved: bool = False) -> np.ndarray:
    """Pixels [y1, y2) x [x1, x2) of the stored picture -> uint8 [y2-y1, x2-x1, 3] BGR, equal to those of the whole.

    The rectangle lies inside the picture. Chroma is interpolated linearly at its sited place. HDR is tone-mapped.
    With `halved` the corners are even and each 2x2 pixels come as one; the commonest layout then costs an eighth.
    """
    layout = _LAYOUTS.get(frame.format.name)
    if halved:
        if layout not in _PLAIN_420 or coding_of(frame).hdr or any(plane.line_size <= 0 for plane in frame.planes):
            return shrink(region(frame, x1, y1, x2, y2), (x2 - x1) // 2, (y2 - y1) // 2)
        coding = coding_of(frame)
        return cv2.transform(
            _halved_yuv(frame, layout, x1, y1, x2, y2), _to_bgr(coding.matrix, coding.full_range, 8, 0) * 255
        )
    if layout is None or any(plane.line_size <= 0 for plane in frame.planes):
        whole = _by_swscale(frame, frame.width, frame.height, VideoReformatter(), _EXACT)
        return np.ascontiguousarray(whole[y1:y2, x1:x2])
    coding = coding_of(frame)
    yuv = _yuv444(frame, layout, x1, y1, x2, y2)
    matrix = _to_bgr(coding.matrix, coding.full_range, layout.bits, layout.pad)
    if coding.hdr:
        return tonemap.to_sdr(cv2.transform(yuv.astype(np.float32), matrix), coding.transfer)
    if yuv.dtype == np.uint8:
        return cv2.transform(yuv, matrix * 255)
    return np.clip(cv2.transform(yuv.astype(np.float32), matrix * 255) + 0.5, 0, 255).astype(np.uint8)


def planes(frame: av.VideoFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Y, Cb and Cr as stored, uint8 [H, W] and twice [H/2, W/2], to be read only; None unless 8 bit 4:2:0, even sides.

    None for HDR too, which has no 8 bit of its own.
    """
    if _LAYOUTS.get(frame.format.name) not in _PLAIN_420 or frame.width % 2 or frame.height % 2:
        return None
    if coding_of(frame).hdr or any(plane.line_size <= 0 for plane in frame.planes):
        return None
    y, u, v = (_plane(plane, np.uint8)[:, : plane.width] for plane in frame.planes)
    return y, u, v


def to_codes(picture: np.ndarray, coding: Coding) -> np.ndarray:
    """float [h, w, 3] BGR, 0 to 255 -> float32 [h, w, 3] Y, Cb, Cr codes of 8 bit."""
    matrix = _to_bgr(coding.matrix, coding.full_range, 8, 0) * 255
    back = np.linalg.inv(matrix[:, :3].astype(np.float64))
    offset = -back @ matrix[:, 3]
    return cv2.transform(picture.astype(np.float32), np.hstack([back, offset[:, None]]).astype(np.float32))


def from_codes(codes: np.ndarray, coding: Coding) -> np.ndarray:
    """uint8 [h, w, 3] Y, Cb, Cr -> uint8 [h, w, 3] BGR."""
    return cv2.transform(codes, _to_bgr(coding.matrix, coding.full_range, 8, 0) * 255)


def shrink(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Each pixel the mean of those that it covers."""
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


def _by_swscale(
    frame: av.VideoFrame, width: int, height: int, reformatter: VideoReformatter, filter_: Interpolation
) -> np.ndarray:
    coding = coding_of(frame)
    out = reformatter.reformat(
        frame,
        width,
        height,
        "rgb48le" if coding.hdr else "bgr24",
        src_colorspace=coding.matrix,
        src_color_range=_FULL if coding.full_range else _LIMITED,
        interpolation=filter_,
        threads=1,
    )
    if not coding.hdr:
        return np.ascontiguousarray(_plane(out.planes[0], np.uint8)[:, : width * 3].reshape(height, width, 3))
    codes = _plane(out.planes[0], np.uint16)[:, : width * 3].reshape(height, width, 3)
    return tonemap.to_sdr(codes[..., ::-1].astype(np.float32) / 65535, coding.transfer)


def _plane(plane: av.video.plane.VideoPlane, dtype: type) -> np.ndarray:
    """A view [rows, line] of a plane's memory, padding included; nothing is copied."""
    line = plane.line_size // np.dtype(dtype).itemsize
    return np.frombuffer(plane, dtype, line * plane.height).reshape(plane.height, line)


def _yuv444(frame: av.VideoFrame, layout: _Layout, x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    """[y2-y1, x2-x1, 3] Y, Cb, Cr codes as stored, chroma brought to luma's size."""
    dtype = np.uint8 if layout.bits == 8 else np.uint16
    luma = _plane(frame.planes[0], dtype)[y1:y2, x1:x2]
    width, height = -(-frame.width >> layout.shift_x), -(-frame.height >> layout.shift_y)
    # One chroma sample more on each side than the region covers, so that interpolation sees what the whole would.
    more = 1 if layout.shift_x or layout.shift_y else 0
    left, right = max(0, (x1 >> layout.shift_x) - more), min(width, (x2 - 1 >> layout.shift_x) + 1 + more)
    top, bottom = max(0, (y1 >> layout.shift_y) - more), min(height, (y2 - 1 >> layout.shift_y) + 1 + more)
    if layout.interleaved:
        both = _plane(frame.planes[1], dtype)[top:bottom, 2 * left : 2 * right].reshape(bottom - top, right - left, 2)
        chroma = [np.ascontiguousarray(both[..., 0]), np.ascontiguousarray(both[..., 1])]
    else:
        chroma = [_plane(frame.planes[n], dtype)[top:bottom, left:right] for n in (1, 2)]
    if more:
        from_x, from_y = x1 - (left << layout.shift_x), y1 - (top << layout.shift_y)
        chroma = [_enlarged(c, layout)[from_y : from_y + y2 - y1, from_x : from_x + x2 - x1] for c in chroma]
    return _together(luma, *chroma)


def _together(*planes: np.ndarray) -> np.ndarray:
    """[h, w] each -> [h, w, 3]. OpenCV is ten times as fast with whole planes as with cut-outs of larger ones."""
    return cv2.merge([np.ascontiguousarray(plane) for plane in planes])


def _enlarged(chroma: np.ndarray, layout: _Layout) -> np.ndarray:
    """Linear interpolation at luma's pixels, by whole rows: a fifth of the time of an affine warp.

    Between two rows of chroma lie luma's at 1/4 and 3/4, as between two columns where chroma is centred: there it is
    a plain enlargement. Else each column lies on an even one of luma's.
    """
    height, width = chroma.shape
    enlarged_x = width << layout.shift_x if layout.centred else width
    size = (enlarged_x, height << layout.shift_y)
    if size != (width, height):
        chroma = cv2.resize(chroma, size, interpolation=cv2.INTER_LINEAR)
    if layout.shift_x and not layout.centred:
        between = cv2.addWeighted(chroma, 0.5, _next_column(chroma), 0.5, 0)
        chroma = cv2.merge([chroma, between]).reshape(size[1], 2 * width)
    return chroma


def _next_column(chroma: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(chroma[:, 1:], 0, 0, 0, 1, cv2.BORDER_REPLICATE) if chroma.shape[1] > 1 else chroma


def _halved_yuv(frame: av.VideoFrame, layout: _Layout, x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    """uint8 [(y2-y1)/2, (x2-x1)/2, 3] Y, Cb, Cr of a 4:2:0 picture: luma's means, chroma at their centres."""
    width, height = (x2 - x1) // 2, (y2 - y1) // 2
    luma = shrink(_plane(frame.planes[0], np.uint8)[y1:y2, x1:x2], width, height)
    planes = [_plane(frame.planes[n], np.uint8)[y1 // 2 : y2 // 2] for n in (1, 2)]
    chroma = [plane[:, x1 // 2 : x2 // 2] for plane in planes]
    if not layout.centred:  # a quarter of the way to the next column
        end = min(x2 // 2 + 1, -(-frame.width >> 1))
        further = [plane[:, x1 // 2 + 1 : end] for plane in planes]
        short = width - further[0].shape[1]
        further = [cv2.copyMakeBorder(f, 0, 0, 0, short, cv2.BORDER_REPLICATE) if short else f for f in further]
        chroma = [cv2.addWeighted(c, 0.75, f, 0.25, 0) for c, f in zip(chroma, further, strict=True)]
    return _together(luma, *chroma)


@cache
def _to_bgr(matrix: int, full_range: bool, bits: int, pad: int) -> np.ndarray:
    """float32 [3, 4]: stored (Y, Cb, Cr, 1) -> (B', G', R') in 0..1, undoing BT.601-7 2.5, BT.709-6 3 and 4."""
    kr, kb = _LUMA_WEIGHTS[matrix]
    kg = 1 - kr - kb
    from_ypbpr = np.array(
        [
            [1, 2 * (1 - kb), 0],
            [1, -2 * kb * (1 - kb) / kg, -2 * kr * (1 - kr) / kg],
            [1, 0, 2 * (1 - kr)],
        ]
    )
    unit = 2 ** (bits - 8)
    black, luma, chroma = (0, 2**bits - 1, 2**bits - 1) if full_range else (16 * unit, 219 * unit, 224 * unit)
    scaled = from_ypbpr / np.array([luma, chroma, chroma])
    offset = -scaled @ np.array([black, 128 * unit, 128 * unit])
    return np.hstack([scaled / 2**pad, offset[:, None]]).astype(np.float32)
