"""Frames as a browser sends and shows them: small JPEG and WebP pictures."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.media.formats import PICTURE_ERRORS

# Of a frame that comes in: its file, and its longest side. The page sends half of it.
MAX_BYTES, MAX_SIDE = 300_000, 960
_MIN_SIDE = 16
_JPEG_QUALITY = 85


def decode_frame(packed: bytes) -> NDArray[np.uint8]:
    """The RGB uint8 picture (H, W, 3) in a JPEG or WebP file; its size is checked before it is decoded.

    Raises:
        ValueError: If there is none, or one that is too large or too small.
    """
    if len(packed) > MAX_BYTES:
        raise ValueError(f"a frame has up to {MAX_BYTES} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(packed), formats=("JPEG", "WEBP")) as image:
                if not (min(image.size) >= _MIN_SIDE and max(image.size) <= MAX_SIDE):
                    raise ValueError(f"a frame has {_MIN_SIDE} to {MAX_SIDE} pixels a side")
                return np.asarray(image.convert("RGB"))
    except (Image.DecompressionBombError, *PICTURE_ERRORS) as error:
        raise ValueError("a frame is a JPEG or WebP picture") from error


def encode_frame(picture_HW3: NDArray[np.uint8]) -> bytes:
    """An RGB uint8 picture as a JPEG file."""
    packed = io.BytesIO()
    Image.fromarray(picture_HW3).save(packed, "JPEG", quality=_JPEG_QUALITY)
    return packed.getvalue()
