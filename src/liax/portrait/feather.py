"""Where the network's square lies in a picture, turned or not, and how it fades into it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.face.crop import Box, Crop

Window = tuple[int, int, int, int]
"""Left, top, right and bottom of a picture's pixels."""

# Over this much of the square's side it fades into the picture.
FEATHER = 0.12


class FeatheredSquare:
    """Where the network's square lies in a picture, and how much of it is seen there.

    Args:
        crop: The square that was cut out, which may leave the picture; None when the whole picture was
            squashed.
        width, height: Of the picture; made even: an odd one loses its last row or column.
        size: Side R of what the network sees.
        feather: Over how much of the square's side it fades in.

    Attributes:
        window: Left, top, right and bottom of the pixels of the picture that the square may reach; all zero
            when there are none.
        weight_HW: float32 of the window's size: 0 outside the square and at its border, rising smoothly to 1
            over the feather. It stays 1 where the picture ends before the square does.
    """

    def __init__(
        self, crop: Crop | None, width: int, height: int, size: int, feather: float = FEATHER
    ) -> None:
        self.crop, self.size, self.feather = crop, size, feather
        self.width, self.height = width // 2 * 2, height // 2 * 2
        self._whole_2 = np.array([width, height], np.float64)
        bounds: Box = (0, 0, width, height) if crop is None else crop.bounds
        left, right = _within(bounds[0], bounds[2], self.width)
        top, bottom = _within(bounds[1], bounds[3], self.height)
        self.window = (left, top, right, bottom) if left < right and top < bottom else (0, 0, 0, 0)
        self.weight_HW = self._weights()

    @property
    def scale(self) -> tuple[float, float]:
        """Width and height, in the picture's pixels, of one of the square's."""
        x, y = self._whole_2 if self.crop is None else (self.crop.side, self.crop.side)
        return float(x) / self.size, float(y) / self.size

    @property
    def roll(self) -> float:
        """Degrees by which it is turned."""
        return 0.0 if self.crop is None else self.crop.roll

    @property
    def empty(self) -> bool:
        """Whether nothing of the square is in the picture."""
        return self.window == (0, 0, 0, 0)

    def to_picture(self, points_N2: NDArray[np.floating]) -> NDArray[np.floating]:
        """Where points (..., 2) of the square, in its pixels, lie in the picture."""
        points_N2 = points_N2 / self.size
        return points_N2 * self._whole_2 if self.crop is None else self.crop.to_picture(points_N2)

    def window_of(self, box: Box | None) -> Window | None:
        """The part of the window that shows anything of a map which is 0 outside of a box of its pixels."""
        if box is None or self.empty:
            return None
        # Pixels of the square that bicubic resizing mixes in on each side; where it is turned, two times.
        beyond = 1 + 4 * max(1.0, *(1 / np.array(self.scale)).tolist())
        left, top, right, bottom = box[0] - beyond, box[1] - beyond, box[2] + beyond, box[3] + beyond
        corners_42 = self.to_picture(np.array([(left, top), (right, top), (left, bottom), (right, bottom)]))
        first_2, last_2 = np.floor(corners_42.min(0)), np.ceil(corners_42.max(0))
        x0, y0 = np.maximum(first_2, self.window[:2]).astype(int).tolist()
        x1, y1 = np.minimum(last_2, self.window[2:]).astype(int).tolist()
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def weight_in(self, window: Window) -> NDArray[np.float32]:
        """The weights of a part of the window."""
        (x, y), (left, top, right, bottom) = self.window[:2], window
        return self.weight_HW[top - y : bottom - y, left - x : right - x]

    def scaled(self, square: Image.Image, window: Window | None = None) -> Image.Image:
        """What the window shows of a map of the square (R, R), of any mode; the place must not be empty.

        Args:
            window: A part of the window, instead of all of it.
        """
        left, top, right, bottom = window or self.window
        if self.roll:
            return self._turned(square, left, top, right, bottom)
        (x, y), (x0, y0) = self.scale, self.to_picture(np.zeros(2))
        box = (max(0, (left - x0) / x), max(0, (top - y0) / y), (right - x0) / x, (bottom - y0) / y)
        box = (*box[:2], min(self.size, box[2]), min(self.size, box[3]))
        return square.resize((right - left, bottom - top), Image.Resampling.BICUBIC, box)

    def _turned(self, square: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
        assert self.crop is not None
        # Reduced first if it is to become smaller, because turning does not smooth.
        side = min(self.size, math.ceil(self.crop.side))
        if side < self.size:
            square = square.resize((side, side), Image.Resampling.BICUBIC)
        corner_2, right_2, down_2 = side * self.crop.to_square(
            np.array([(left, top), (left + 1, top), (left, top + 1)], np.float64)
        )
        across_2, along_2 = right_2 - corner_2, down_2 - corner_2
        affine = (across_2[0], along_2[0], corner_2[0], across_2[1], along_2[1], corner_2[1])
        return square.transform(
            (right - left, bottom - top), Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC
        )

    def _weights(self) -> NDArray[np.float32]:
        left, top, right, bottom = self.window
        x_W, y_H = np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5
        if self.roll:
            assert self.crop is not None
            at_HW2 = self.crop.to_square(np.stack(np.meshgrid(x_W, y_H), -1))
            across, along = self._sides_in_picture()
            weight_HW = _fade(at_HW2[..., 0], *across, self.feather)
            return weight_HW * _fade(at_HW2[..., 1], *along, self.feather)
        (x0, y0), (x1, y1) = self.to_picture(np.array([(0.0, 0.0), (self.size, self.size)]))
        weight_W = _fade((x_W - x0) / (x1 - x0), x0 > 0, x1 < self.width, self.feather)
        weight_H = _fade((y_H - y0) / (y1 - y0), y0 > 0, y1 < self.height, self.feather)
        return weight_H[:, None] * weight_W

    def _sides_in_picture(self) -> tuple[tuple[bool, bool], tuple[bool, bool]]:
        """Whether the picture goes on beyond the left and right, the upper and lower side of the square."""
        corners_222 = self.to_picture(self.size * np.array([[(0.0, 0.0), (1, 0)], [(0, 1), (1, 1)]]))

        def within(ends_22: NDArray[np.floating]) -> bool:
            # Ends that both lie beyond the same edge have the side beyond it.
            return bool((ends_22.max(0) > 0).all() and (ends_22.min(0) < [self.width, self.height]).all())

        return (
            (within(corners_222[:, 0]), within(corners_222[:, 1])),
            (within(corners_222[0]), within(corners_222[1])),
        )


def _within(start: float, end: float, length: int) -> tuple[int, int]:
    """First pixel, and end, of those that lie wholly in [start, end] and in [0, length]."""
    return max(0, math.ceil(start)), min(length, math.floor(end))


def _fade(at_N: NDArray[np.floating], first: bool, last: bool, feather: float) -> NDArray[np.float32]:
    """Weights at places of the square, rising from its side at 0 if `first` is set, from 1 if `last` is."""
    before = at_N if first else np.ones_like(at_N)
    behind = 1 - at_N if last else np.ones_like(at_N)
    t = (np.minimum(before, behind) / feather).clip(0, 1)
    weight_N: NDArray[np.float32] = (t * t * (3 - 2 * t)).astype(np.float32)
    return weight_N
