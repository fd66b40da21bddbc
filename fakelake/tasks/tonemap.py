"""High dynamic range to BT.709 standard dynamic range, on a region of a picture.

R'G'B' codes -> linear display light (EOTF) -> tone curve -> BT.709 primaries -> codes of a BT.1886 display, which is
the display that BT.709 pictures are made for (BT.709's own transfer is the camera's, and would darken the mid-tones).
PyAV's wheels carry libavfilter's `tonemap` but not `zscale`, which it needs before and after it; and a face's
region is all that is wanted.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

PQ, HLG = 16, 18  # transfer_characteristics of ITU-T H.273
_CODES = 4096  # the look-up tables' resolution: 12 bits, as fine as any source here
_PEAK = 1000.0  # cd/m^2, of the mastering display; also the nominal peak of HLG (BT.2100 note 5f)
_WHITE = 203.0  # cd/m^2, HDR reference white (BT.2408), shown as full white

# BT.2020 -> BT.709 primaries in linear light (BT.2087-0, M2), for B, G, R order.
_TO_BT709 = np.array(
    [[1.1187, -0.1006, -0.0182], [-0.0083, 1.1329, -0.1246], [-0.0728, -0.5876, 1.6605]],
    np.float32,
)
_LUMA = np.array([[0.0593, 0.6780, 0.2627]], np.float32)  # BT.2020 Y of linear B, G, R


def to_sdr(codes: np.ndarray, transfer: int) -> np.ndarray:
    """Non-linear BT.2020 B'G'R' float32 [h, w, 3] in 0..1 -> uint8 [h, w, 3] BGR, BT.709.

    transfer: PQ or HLG. The curve is BT.2390's EETF on max(R, G, B), so hues stay.
    """
    index = np.clip(codes * (_CODES - 1) + 0.5, 0, _CODES - 1).astype(np.uint16)
    if transfer == HLG:
        scene = _hlg_scene_light()[index]
        # BT.2100 table 5, OOTF: F_D = L_W Y_S^(gamma - 1) E with gamma = 1.2 at L_W = 1000 cd/m^2.
        luminance = cv2.transform(scene, _LUMA)
        light = scene * (_PEAK * cv2.pow(luminance, 0.2))[..., None]
        brightest = np.clip(_pq_code(light.max(axis=2)) * (_CODES - 1) + 0.5, 0, _CODES - 1).astype(np.uint16)
    else:
        light = _pq_light()[index]
        brightest = index.max(axis=2)
    shown = cv2.transform(light * _tone_gain()[brightest][..., None], _TO_BT709)
    return _display_codes()[np.clip(shown * 65535 + 0.5, 0, 65535).astype(np.uint16)]


def _pq_eotf(code: np.ndarray) -> np.ndarray:
    """BT.2100 table 4 (SMPTE ST 2084): code 0..1 -> cd/m^2."""
    p = np.power(np.clip(code, 0, 1), 1 / _M2)
    return 10_000 * np.power(np.maximum(p - _C1, 0) / (_C2 - _C3 * p), 1 / _M1)


def _pq_code(light: np.ndarray) -> np.ndarray:
    """The inverse: cd/m^2 -> code 0..1."""
    y = np.power(np.clip(light / 10_000, 0, 1), _M1)
    return np.power((_C1 + _C2 * y) / (1 + _C3 * y), _M2)


_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


@cache
def _pq_light() -> np.ndarray:
    return _pq_eotf(np.linspace(0, 1, _CODES)).astype(np.float32)


@cache
def _hlg_scene_light() -> np.ndarray:
    """BT.2100 table 5, inverse OETF: code 0..1 -> scene light 0..1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    x = np.linspace(0, 1, _CODES)
    return np.where(x <= 0.5, x**2 / 3, (np.exp((x - c) / a) + b) / 12).astype(np.float32)


@cache
def _tone_gain() -> np.ndarray:
    """BT.2390 EETF (section 5.4.1) from _PEAK to _WHITE: PQ code of the light -> factor that makes white 1.0.

    Below the knee, at about 95 cd/m^2, light is kept as it is; above it a Hermite spline bends it down to white.
    """
    top = float(_pq_code(np.array(_PEAK)))
    e1 = np.clip(np.linspace(0, 1, _CODES) / top, 0, 1)
    most = float(_pq_code(np.array(_WHITE))) / top
    knee = 1.5 * most - 0.5
    t = np.clip((e1 - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    e2 = np.where(e1 < knee, e1, spline)
    light = _pq_eotf(np.linspace(0, 1, _CODES))
    return (_pq_eotf(e2 * top) / _WHITE / np.maximum(light, 1e-4)).astype(np.float32)


@cache
def _display_codes() -> np.ndarray:
    """BT.1886 annex 1 inverted, black at 0: linear light 0..1 in 65536 steps (shadows need them) -> uint8."""
    return (np.power(np.linspace(0, 1, 65536), 1 / 2.4) * 255 + 0.5).astype(np.uint8)
