"""Frames that browsers send: what is decoded, and what is refused before it is."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from liax.live.frames import MAX_BYTES, MAX_SIDE, decode_frame, encode_frame


def _packed(image: Image.Image, kind: str, **how: object) -> bytes:
    packed = io.BytesIO()
    image.save(packed, kind, **how)
    return packed.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_pictures_come_as_they_were(portrait_HW3: NDArray[np.uint8], kind: str) -> None:
    picture_HW3 = portrait_HW3[:240, :320]
    decoded_HW3 = decode_frame(_packed(Image.fromarray(picture_HW3), kind, quality=90))
    assert decoded_HW3.shape == (240, 320, 3)
    assert np.abs(decoded_HW3.astype(int) - picture_HW3).mean() < 4
    again_HW3 = decode_frame(encode_frame(picture_HW3))
    assert np.abs(again_HW3.astype(int) - picture_HW3).mean() < 4


def test_grey_pictures_become_rgb() -> None:
    assert decode_frame(_packed(Image.new("L", (40, 30), 77), "JPEG")).tolist()[0][0] == [77, 77, 77]


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\xff\xd8 no picture",
        _packed(Image.new("RGB", (64, 64)), "PNG"),
        _packed(Image.new("RGB", (64, 64)), "GIF"),
        _packed(Image.new("RGB", (64, 8)), "JPEG"),
        _packed(Image.new("RGB", (MAX_SIDE + 1, 64)), "JPEG"),
        _packed(Image.new("L", (9000, 9000)), "WEBP"),  # 81 megapixels in a few kilobytes
        _packed(Image.new("RGB", (64, 64)), "JPEG")[:200],
        bytes(MAX_BYTES + 1),
    ],
    ids=["empty", "no picture", "PNG", "GIF", "flat", "wide", "bomb", "cut off", "long"],
)
def test_all_else_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="a frame"):
        decode_frame(packed)


def test_a_header_that_tells_of_gigapixels_is_refused_unread() -> None:
    packed = bytearray(_packed(Image.new("RGB", (64, 64)), "JPEG"))
    at = packed.index(b"\xff\xc0") + 5
    packed[at : at + 4] = struct.pack(">HH", 65500, 65500)
    with pytest.raises(ValueError, match="a frame"):
        decode_frame(bytes(packed))
