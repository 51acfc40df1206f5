"""The network's square back in the picture that it was cut from, without a visible seam."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.face.crop import Crop, cut

# Over this much of the square's side the result fades into the picture.
FEATHER = 0.12
# Colours are compared in the outermost of so many cells a side; the difference falls off inwards by 1/e over
# so many cells. It is counted up to so many levels: more is no tint but something that has moved.
_CELLS = 16
_REACH = 4.0
_LARGEST_TINT = 24.0


class Paste:
    """Puts result squares into the picture that their source was cut from.

    picture_HW3: RGB uint8. crop: the square that was cut out; it may leave the picture. size: side R of the
        results.
    width, height: of what comes out, even: an odd picture loses its last row or column.

    Two things hide the seam. The network draws colours a little off: what it is off by at the square's border
    is taken away there, and ever less of it towards the middle. And the result fades in from the border
    over FEATHER of the square's side; not where the picture ends within the square.
    """

    def __init__(self, picture_HW3: NDArray[np.uint8], crop: Crop, size: int) -> None:
        self.height, self.width = (side // 2 * 2 for side in picture_HW3.shape[:2])
        self._picture = picture_HW3[: self.height, : self.width]
        self._size = size
        self._original_RR3 = cut(picture_HW3, crop, size).astype(np.float32)
        # The pixels that lie wholly in both the square and the picture, and where they are in the result.
        left, right = _within(crop.left, crop.side, self.width)
        top, bottom = _within(crop.top, crop.side, self.height)
        self._window = (left, top, right, bottom)
        scale = size / crop.side
        x, y = (left - crop.left) * scale, (top - crop.top) * scale
        self._box = (x, y, min(size, x + (right - left) * scale), min(size, y + (bottom - top) * scale))
        if right > left and bottom > top:
            weight_W = _fade(left, right, crop.left, crop.side, self.width)
            weight_H = _fade(top, bottom, crop.top, crop.side, self.height)
            weight_HW = (255 * weight_H[:, None] * weight_W).round().astype(np.uint8)
            self._weight = Image.fromarray(weight_HW)
        self._extend_OI = _extension(_CELLS, _REACH)

    def __call__(self, result_RR3: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture (height, width, 3) with an RGB uint8 result (R, R, 3) in its square."""
        picture_HW3 = self._picture.copy()
        left, top, right, bottom = self._window
        if right <= left or bottom <= top:
            return picture_HW3
        tinted_RR3 = (result_RR3 + self._tint(result_RR3)).round().clip(0, 255).astype(np.uint8)
        pasted = Image.fromarray(tinted_RR3).resize(
            (right - left, bottom - top), Image.Resampling.BICUBIC, self._box
        )
        window_HW3 = picture_HW3[top:bottom, left:right]
        original = Image.fromarray(window_HW3)
        window_HW3[...] = np.asarray(Image.composite(pasted, original, self._weight))
        return picture_HW3

    def _tint(self, result_RR3: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What brings the result's colours to the picture's at the border, and less inside: (R, R, 3)."""
        difference_RR3 = (self._original_RR3 - result_RR3).clip(-_LARGEST_TINT, _LARGEST_TINT)
        cell = self._size // _CELLS
        tint_CC3 = difference_RR3.reshape(_CELLS, cell, _CELLS, cell, 3).mean((1, 3))
        border = _border(_CELLS)
        tint_CC3[~border] = self._extend_OI @ tint_CC3[border]
        return np.stack([_enlarged(tint_CC3[..., c], self._size) for c in range(3)], -1)


def _within(start: float, side: float, length: int) -> tuple[int, int]:
    """First pixel and end of those that lie wholly in [start, start + side] and in [0, length]."""
    first = max(0, math.ceil(start))
    return first, max(first, min(length, math.floor(start + side)))


def _fade(first: int, end: int, start: float, side: float, length: int) -> NDArray[np.float64]:
    """Weights 0…1 of pixels first…end: rising smoothly from each end of the square that is in the picture."""
    centres = np.arange(first, end) + 0.5
    before = (centres - start) / side if start > 0 else np.ones_like(centres)
    behind = (start + side - centres) / side if start + side < length else np.ones_like(centres)
    t = (np.minimum(before, behind) / FEATHER).clip(0, 1)
    return t * t * (3 - 2 * t)


def _border(cells: int) -> NDArray[np.bool_]:
    border = np.ones((cells, cells), bool)
    border[1:-1, 1:-1] = False
    return border


def _extension(cells: int, reach: float) -> NDArray[np.float32]:
    """(inner cells, border cells): the screened membrane, Δc = c / reach², for given values at its border."""
    count = cells * cells
    index_CC = np.arange(count).reshape(cells, cells)
    laplace_NN = np.zeros((count, count))
    for one, other in ((index_CC[1:], index_CC[:-1]), (index_CC[:, 1:], index_CC[:, :-1])):
        laplace_NN[one, other] = laplace_NN[other, one] = 1
    laplace_NN -= np.diag(laplace_NN.sum(1) + reach**-2)
    border = _border(cells).ravel()
    inner_OO, across_OI = laplace_NN[~border][:, ~border], laplace_NN[~border][:, border]
    return -np.linalg.solve(inner_OO, across_OI).astype(np.float32)


def _enlarged(values_CC: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    image = Image.fromarray(values_CC).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image)
