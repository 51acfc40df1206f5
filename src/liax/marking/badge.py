"""The letters AI in a corner, for people."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_TEXT = "AI"
_SMALLEST = 10  # pixels of the letters
_OPACITY = 0.7


def draw_badge(picture_HW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The RGB or RGBA uint8 picture with the badge in its lower right corner, a twelfth of the side high.

    Pictures too small for it stay as they are.
    """
    height, width, _ = picture_HW3.shape
    badge_HW4 = _badge(max(_SMALLEST, min(height, width) // 20))
    high, wide, _ = badge_HW4.shape
    gap = high // 3
    if high + gap > height or wide + gap > width:
        return picture_HW3
    picture_HW3 = picture_HW3.copy()
    corner = picture_HW3[height - gap - high : height - gap, width - gap - wide : width - gap]
    alpha = badge_HW4[..., 3:].astype(np.float32) / 255
    corner[..., :3] = (corner[..., :3] * (1 - alpha) + badge_HW4[..., :3] * alpha + 0.5).astype(np.uint8)
    corner[..., 3:] = np.maximum(corner[..., 3:], badge_HW4[..., 3:])  # of RGBA
    return picture_HW3


@lru_cache(maxsize=8)
def _badge(size: int) -> NDArray[np.uint8]:
    """White letters of `size` pixels on a dark plate with round corners, RGBA."""
    font = ImageFont.load_default(size)
    width, height = round(font.getlength(_TEXT) + size), round(1.6 * size)
    image = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(image)
    plate = (0, 0, 0, round(255 * _OPACITY))
    draw.rounded_rectangle((0, 0, width - 1, height - 1), size // 3, plate)
    draw.text((width / 2, height / 2), _TEXT, "white", font, "mm")
    return np.asarray(image)
