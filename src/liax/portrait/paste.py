"""The network's square back in the picture that it was cut from, without a visible seam."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.face.crop import Box, Crop, cut

# Over this much of the square's side the result fades into the picture.
FEATHER = 0.12
# Colours are compared in the outermost of so many cells a side; the difference falls off inwards by 1/e over
# so many cells. It is counted up to so many levels: more is no tint but something that has moved.
_CELLS = 16
_REACH = 4.0
_LARGEST_TINT = 24.0


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


class Paste:
    """Puts result squares into the picture that their source was cut from.

    picture_HW3: RGB uint8. crop: the square that was cut out; it may leave the picture. size: side R of the
        results.
    width, height: of what comes out, even: an odd picture loses its last row or column. place: the square.

    Two things hide the seam. The network draws colours a little off: what it is off by at the square's border
    is taken away there, and ever less of it towards the middle. And the result fades in from the border
    over FEATHER of the square's side; not where the picture ends within the square.
    """

    def __init__(self, picture_HW3: NDArray[np.uint8], crop: Crop, size: int) -> None:
        self.place = Place(crop, picture_HW3.shape[1], picture_HW3.shape[0], size)
        self.width, self.height = self.place.width, self.place.height
        self._picture_HW3 = picture_HW3[: self.height, : self.width]
        self._original_RR3 = cut(picture_HW3, crop, size).astype(np.float32)
        self._weight_HW = (255 * self.place.weight_HW).round().astype(np.uint8)
        self._extend_OI = _extension(_CELLS, _REACH)

    def __call__(self, result_RR3: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture (height, width, 3) with an RGB uint8 result (R, R, 3) in its square."""
        picture_HW3 = self._picture_HW3.copy()
        if self.place.empty:
            return picture_HW3
        left, top, right, bottom = self.place.window
        window_HW3 = picture_HW3[top:bottom, left:right]
        tinted_RR3 = (result_RR3 + self._tint(result_RR3)).round().clip(0, 255).astype(np.uint8)
        result = self.place.scaled(Image.fromarray(tinted_RR3))
        weight = Image.fromarray(self._weight_HW)
        window_HW3[...] = np.asarray(Image.composite(result, Image.fromarray(window_HW3), weight))
        return picture_HW3

    def _tint(self, result_RR3: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What brings the result's colours to the picture's at the border, and less inside: (R, R, 3)."""
        difference_RR3 = (self._original_RR3 - result_RR3).clip(-_LARGEST_TINT, _LARGEST_TINT)
        size = len(result_RR3)
        cell = size // _CELLS
        tint_CC3 = difference_RR3.reshape(_CELLS, cell, _CELLS, cell, 3).mean((1, 3))
        border_CC = _border(_CELLS)
        tint_CC3[~border_CC] = self._extend_OI @ tint_CC3[border_CC]
        images = (Image.fromarray(tint_CC3[..., channel]) for channel in range(3))
        return np.stack([np.asarray(i.resize((size, size), Image.Resampling.BICUBIC)) for i in images], -1)


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


def _border(cells: int) -> NDArray[np.bool_]:
    border_CC = np.ones((cells, cells), bool)
    border_CC[1:-1, 1:-1] = False
    return border_CC


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
