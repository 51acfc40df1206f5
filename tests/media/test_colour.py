"""Videos of other colour spaces: what is shown on their own screens is what is read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from liax.media.video import Video
from liax.media.writer import create_video

PICTURE = (225, 180, 150)
BT709, BT2020, P3 = 1, 9, 12
PQ, HLG, SDR, SRGB, GAMMA22 = 16, 18, 1, 13, 4
# Linear BT.709 to other primaries, from ITU-R BT.2087 and Display P3's definition, independent of the code.
TO = {
    BT709: np.eye(3),
    BT2020: np.array([(0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956)]),
    P3: np.array([(0.8225, 0.1774, 0.0000), (0.0332, 0.9669, 0.0000), (0.0171, 0.0724, 0.9108)]),
}


def encoded(light_3: NDArray[np.float64], transfer: int) -> NDArray[np.float64]:
    """Values from 0 to 1 of light, of which 1 is a white of 203 cd/m²."""
    if transfer == PQ:
        y = (light_3 * 203 / 10_000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375
    if transfer == HLG:
        scene = (light_3 * 203 / 1000) ** (1 / 1.2)
        high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        return np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)
    if transfer == SRGB:
        return np.where(light_3 <= 0.0031308, light_3 * 12.92, 1.055 * light_3 ** (1 / 2.4) - 0.055)
    return light_3 ** (1 / {SDR: 2.4, GAMMA22: 2.2}[transfer])


def write(path: Path, rgb: tuple[int, ...], primaries: int, transfer: int, levels: float = 1.0) -> Path:
    """A 10-bit HEVC of one colour, of a BT.709 picture shown `levels` times as bright, tagged as said."""
    linear_3 = encoded_inverse(np.array(rgb) / 255, transfer) * levels
    r, g, b = encoded(TO[primaries] @ linear_3, transfer)
    kr, kb = (0.2627, 0.0593) if primaries == BT2020 else (0.2126, 0.0722)
    y = kr * r + (1 - kr - kb) * g + kb * b
    planes = [64 + 876 * y, 512 + 896 * (b - y) / (2 - 2 * kb), 512 + 896 * (r - y) / (2 - 2 * kr)]
    yuv = np.concatenate(
        [np.full((n, 64), round(v), np.uint16) for n, v in zip((64, 16, 16), planes, strict=True)]
    )
    matrix = 9 if primaries == BT2020 else 1
    tags = f"colorprim={primaries}:transfer={transfer}:colormatrix={matrix}:log-level=error:qp=1"
    with av.open(path, "w") as output:
        stream: Any = output.add_stream("libx265", rate=5, options={"x265-params": tags})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p10le"
        stream.codec_context.color_primaries, stream.codec_context.color_trc = primaries, transfer
        stream.codec_context.colorspace = matrix
        for k in range(3):
            frame = av.VideoFrame.from_ndarray(yuv, format="yuv420p10le")
            frame.pts, frame.time_base = k, Fraction(1, 5)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def encoded_inverse(values_3: NDArray[np.float64], transfer: int) -> NDArray[np.float64]:
    """Light of a BT.709 picture: sRGB's where the file says so, else BT.1886's."""
    if transfer == SRGB:
        return np.where(values_3 <= 0.04045, values_3 / 12.92, ((values_3 + 0.055) / 1.055) ** 2.4)
    return values_3**2.4


@pytest.mark.parametrize("rgb", [PICTURE, (60, 90, 160), (128, 128, 128), (255, 255, 255), (0, 0, 0)])
@pytest.mark.parametrize(
    ("primaries", "transfer"),
    [
        (BT2020, HLG),
        (BT2020, PQ),
        (P3, PQ),
        (BT2020, SDR),
        (BT2020, 14),
        (P3, SDR),
        (P3, SRGB),
        (P3, GAMMA22),
    ],
)
def test_hdr_and_wide_gamut(tmp_path: Path, rgb: tuple[int, ...], primaries: int, transfer: int) -> None:
    path = write(tmp_path / "a.mp4", rgb, primaries, SDR if transfer == 14 else transfer)
    if transfer == 14:  # BT.2020's own number for the curve of BT.709
        path = write_tagged(path, tmp_path / "b.mp4")
    frame = list(Video(path))[1]
    for picture_HW3 in (frame.rgb(), frame.rgb(longest=16)):
        assert np.abs(picture_HW3.reshape(-1, 3).astype(int) - rgb).max() <= 3


def write_tagged(path: Path, to: Path) -> Path:
    """The same file with transfer 14 in its `colr` box."""
    data = path.read_bytes()
    assert data.count(b"nclx\0\x09\0\x01\0\x09") == 1
    to.write_bytes(data.replace(b"nclx\0\x09\0\x01\0\x09", b"nclx\0\x09\0\x0e\0\x09"))
    return to


@pytest.mark.parametrize("transfer", [HLG, PQ])
def test_what_is_brighter_than_white_is_white(tmp_path: Path, transfer: int) -> None:
    path = write(tmp_path / "a.mp4", (255, 255, 255), BT2020, transfer, levels=3.0)
    assert next(iter(Video(path))).rgb().min() >= 253


def test_bt_709_keeps_its_bits(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", PICTURE, BT709, SDR)
    frame = next(iter(Video(path)))
    plain = frame._decoded.reformat(64, 64, "rgb24").to_ndarray()
    assert np.array_equal(frame.rgb(), plain)


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_what_is_written_says_its_colours(tmp_path: Path, name: str) -> None:
    source = Video(write(tmp_path / "hlg.mp4", PICTURE, BT2020, HLG))
    with create_video(tmp_path / name, Fraction(5)) as writer:
        for frame in source:
            writer.write(frame.rgb(), frame.time)
    with av.open(tmp_path / name) as container:
        context: Any = container.streams.video[0].codec_context
        frame = next(container.decode(video=0))
        for what in (context, frame):
            tags = (what.colorspace, what.color_primaries, what.color_trc, what.color_range)
            assert tags == (1, 1, 1, 1), what
    assert np.abs(next(iter(Video(tmp_path / name))).rgb()[32, 32].astype(int) - PICTURE).max() <= 4
