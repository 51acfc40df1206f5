"""Decoded frames of any colour space as 8-bit RGB of BT.709, what screens and the network expect."""

from __future__ import annotations

from functools import cache
from threading import local
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

# A file without a colour matrix is taken as BT.709 from this height on, and as BT.601 below.
_HD_HEIGHT = 720
# Luminance in cd/m² that becomes white: BT.2408's diffuse white. What is brighter is white, too.
_WHITE = 203.0
# BT.1886 with a black of 0: the gamma of a screen for BT.709.
_GAMMA = 2.4
# A display for HLG: its peak in cd/m², and the exponent from the scene's light to its own, which is applied
# to each channel, as FFmpeg's zscale does, and not to the luminance alone.
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2
# Numbers of ITU-T H.273, which files have. Transfer characteristics:
_LINEAR, _SRGB, _PQ, _HLG = 8, 13, 16, 18
_GAMMAS = {4: 2.2, 5: 2.8}
_BT2020 = 9
# Colour primaries that are much wider than BT.709's: x and y of red, green, blue and white.
_D65 = (0.3127, 0.3290)
_PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),  # BT.709
    _BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),  # BT.2020
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),  # DCI-P3
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),  # Display P3
}


def to_rgb(decoded: av.VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
    """The frame scaled to width × height pixels, as RGB uint8 (height, width, 3) of BT.709.

    HDR (HLG and PQ) is shown with its diffuse white of 203 cd/m² as white, and colours that BT.709 lacks as
    the nearest in each channel. BT.601's primaries, which are almost the same, are left as they are.
    """
    matrix, transfer, primaries = decoded.colorspace, int(decoded.color_trc), int(decoded.color_primaries)
    if matrix not in list(Colorspace):
        matrix = Colorspace.ITU709 if decoded.height >= _HD_HEIGHT else Colorspace.ITU601
        matrix = Colorspace.BT2020 if primaries == _BT2020 else matrix
    if not is_hdr(transfer) and (primaries not in _PRIMARIES or primaries == 1):
        return _converted(decoded, width, height, "rgb24", matrix)
    deep_HW3 = _converted(decoded, width, height, "rgb48le", matrix)
    to_709_33 = np.linalg.inv(_to_xyz(1)) @ _to_xyz(primaries if primaries in _PRIMARIES else _BT2020)
    linear_HW3 = _to_linear(transfer)[deep_HW3] @ to_709_33.T.astype(np.float32)
    return (_from_linear(linear_HW3.clip(0, 1), transfer) * 255 + 0.5).astype(np.uint8)


def is_hdr(transfer: int) -> bool:
    """Whether a transfer characteristic of H.273 is PQ or HLG."""
    return transfer in (_PQ, _HLG)


_thread = local()
_MOST_CONVERTERS = 8


def _converted(decoded: av.VideoFrame, width: int, height: int, kind: str, matrix: int) -> NDArray[Any]:
    return np.asarray(converted(decoded, width, height, kind, src_colorspace=matrix).to_ndarray())


def converted(frame: av.VideoFrame, width: int, height: int, kind: str, **colours: int) -> av.VideoFrame:
    """Scaled and converted to this pixel format, in this thread.

    What does it is kept for each thread and size, as making one takes its time.
    """
    converters: dict[tuple[int, int, str], VideoReformatter] = _thread.__dict__.setdefault("converters", {})
    key = (width, height, kind)
    if key not in converters:
        if len(converters) == _MOST_CONVERTERS:
            converters.clear()
        converters[key] = VideoReformatter()
    return converters[key].reformat(frame, width, height, kind, threads=1, **colours)


@cache
def _to_linear(transfer: int) -> NDArray[np.float32]:
    """Light of each 16-bit value, (65536,), on a display; 1 is white."""
    value = np.arange(65536) / 65535
    if transfer == _PQ:  # SMPTE ST 2084
        m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
        root = value ** (1 / m2)
        light = 10_000 / _WHITE * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    elif transfer == _HLG:  # ARIB STD-B67
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
        light = _HLG_PEAK / _WHITE * scene**_HLG_GAMMA
    elif transfer == _LINEAR:
        light = value
    elif transfer == _SRGB:
        light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    else:
        light = value ** _GAMMAS.get(transfer, _GAMMA)
    return light.astype(np.float32)


def _from_linear(light_HW3: NDArray[np.float32], transfer: int) -> NDArray[np.float32]:
    """Values from 0 to 1 of light from 0 to 1; sRGB's stay sRGB's, which are shown like BT.709's."""
    if transfer == _SRGB:
        return np.where(light_HW3 <= 0.0031308, light_HW3 * 12.92, 1.055 * light_HW3 ** (1 / 2.4) - 0.055)
    return light_HW3 ** np.float32(1 / _GAMMA)


@cache
def _to_xyz(primaries: int) -> NDArray[np.float64]:
    """CIE XYZ of linear RGB, (3, 3); white has Y = 1 and, whatever it is, the coordinates of D65."""
    red, green, blue, white = _PRIMARIES[primaries]
    columns_33 = np.array([(x / y, 1, (1 - x - y) / y) for x, y in (red, green, blue)]).T
    x, y = white
    to_xyz_33 = columns_33 * np.linalg.solve(columns_33, (x / y, 1, (1 - x - y) / y))
    return to_xyz_33 if white == _D65 else _adapted(white) @ to_xyz_33


def _adapted(white: tuple[float, float]) -> NDArray[np.float64]:
    """Bradford's adaptation (3, 3) of XYZ from another white to D65."""
    cones_33 = np.array([(0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)])
    here, there = (cones_33 @ (x / y, 1, (1 - x - y) / y) for x, y in (white, _D65))
    return np.linalg.inv(cones_33) @ np.diag(there / here) @ cones_33
