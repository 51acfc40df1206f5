"""Where the network's square lies in a picture, turned or not, and how it fades into it."""

from __future__ import annotations

import math

import cv2
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

    def scaled(
        self, map_RRC: NDArray[np.float32], window: Window | None = None, *, slowly_varying: bool = False
    ) -> NDArray[np.float32]:
        """What the window shows of a map of the square, (H, W) or (H, W, C); the place must not be empty.

        Args:
            map_RRC: One of (R, R), or of three or four channels; of two, OpenCV rounds the places.
            window: A part of the window, instead of all of it.
            slowly_varying: Whether straight lines between the map's pixels do where it is enlarged.
        """
        left, top, right, bottom = window or self.window
        side = self.size
        if min(self.scale) < 1:
            if not self.roll:
                (x, y), (x0, y0) = self.scale, self.to_picture(np.zeros(2))
                box = (max(0, (left - x0) / x), max(0, (top - y0) / y), (right - x0) / x, (bottom - y0) / y)
                box = (*box[:2], min(self.size, box[2]), min(self.size, box[3]))
                return _resized(map_RRC, right - left, bottom - top, box)
            side = math.ceil(min(self.scale) * self.size)  # turning does not smooth
            map_RRC = _resized(map_RRC, side, side, (0, 0, self.size, self.size))
        corner_2, right_2, down_2 = side * self.to_square(
            np.array([(left + 0.5, top + 0.5), (left + 1.5, top + 0.5), (left + 0.5, top + 1.5)])
        )
        from_picture_23 = np.stack([right_2 - corner_2, down_2 - corner_2, corner_2 - 0.5], 1)
        lines = cv2.INTER_LINEAR if slowly_varying else cv2.INTER_CUBIC
        shown_HWC = cv2.warpAffine(
            map_RRC,
            from_picture_23,
            (right - left, bottom - top),
            flags=lines | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(shown_HWC, np.float32)

    def to_square(self, points_N2: NDArray[np.floating]) -> NDArray[np.floating]:
        """Where points (..., 2) of the picture lie in the square, from (0, 0) to (1, 1)."""
        return points_N2 / self._whole_2 if self.crop is None else self.crop.to_square(points_N2)

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


def _resized(map_HWC: NDArray[np.float32], width: int, height: int, box: Box) -> NDArray[np.float32]:
    """A box of the map, of another size; where it becomes smaller, it is smoothed."""

    def channel(map_HW: NDArray[np.float32]) -> NDArray[np.float32]:
        image = Image.fromarray(np.ascontiguousarray(map_HW))
        return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box))

    if map_HWC.ndim == 2:
        return channel(map_HWC)
    return np.stack([channel(map_HW) for map_HW in np.moveaxis(map_HWC, -1, 0)], -1)


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
