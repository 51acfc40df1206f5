"""Where the network's square lies in the picture that it was cut from, and how it fades into it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.face.crop import Box, Crop

# Over this much of the square's side it fades into the picture.
FEATHER = 0.12


class Place:
    """Where the network's square lies in a picture, and how much of it is seen there.

    crop: the square that was cut out, which may leave the picture; None when the whole picture was squashed.
    width, height: of the picture; made even: an odd one loses its last row or column.
    size: side R of what the network sees. feather: over how much of the square's side it fades in.

    square: left, top, right and bottom of the crop in the picture's pixels.
    window: left, top, right and bottom of the pixels that lie wholly in both; all zero when there is none.
    weight_HW: float32 of the window's size: 0 at the square's border, rising smoothly to 1 over the feather.
        It stays 1 where the picture ends before the square does.
    """

    def __init__(
        self, crop: Crop | None, width: int, height: int, size: int, feather: float = FEATHER
    ) -> None:
        square: Box = (0, 0, width, height)
        if crop is not None:
            square = (crop.left, crop.top, crop.left + crop.side, crop.top + crop.side)
        self.square, self.size, self.feather = square, size, feather
        self.width, self.height = width // 2 * 2, height // 2 * 2
        left, right = _within(square[0], square[2], self.width)
        top, bottom = _within(square[1], square[3], self.height)
        self.window = (left, top, right, bottom) if left < right and top < bottom else (0, 0, 0, 0)
        weight_H = _fade(self.window[1], self.window[3], square[1], square[3], self.height, feather)
        weight_W = _fade(self.window[0], self.window[2], square[0], square[2], self.width, feather)
        self.weight_HW = weight_H[:, None] * weight_W

    @property
    def scale(self) -> tuple[float, float]:
        """Width and height, in the picture's pixels, of one of the square's."""
        left, top, right, bottom = self.square
        return (right - left) / self.size, (bottom - top) / self.size

    @property
    def empty(self) -> bool:
        """Whether nothing of the square is in the picture."""
        return self.window == (0, 0, 0, 0)

    def scaled(self, square: Image.Image) -> Image.Image:
        """What the window shows of a map of the square (R, R), of any mode; the place must not be empty."""
        left, top, right, bottom = self.window
        (x, y), (x0, y0) = self.scale, self.square[:2]
        box = (max(0, (left - x0) / x), max(0, (top - y0) / y), (right - x0) / x, (bottom - y0) / y)
        box = (*box[:2], min(self.size, box[2]), min(self.size, box[3]))
        return square.resize((right - left, bottom - top), Image.Resampling.BICUBIC, box)


def _within(start: float, end: float, length: int) -> tuple[int, int]:
    """First pixel, and end, of those that lie wholly in [start, end] and in [0, length]."""
    return max(0, math.ceil(start)), min(length, math.floor(end))


def _fade(
    first: int, last: int, start: float, end: float, length: int, feather: float
) -> NDArray[np.float32]:
    """Weights of the pixels from `first` to before `last`, rising from each end that is in [0, length]."""
    centres = np.arange(first, last, dtype=np.float32) + 0.5
    before = (centres - start) / (end - start) if start > 0 else np.ones_like(centres)
    behind = (end - centres) / (end - start) if end < length else np.ones_like(centres)
    t = (np.minimum(before, behind) / feather).clip(0, 1)
    return t * t * (3 - 2 * t)
