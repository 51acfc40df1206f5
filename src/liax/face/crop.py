"""The square that the model sees of a picture, measured on the clips and portraits it was trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

# Where the landmarks' box sits in the square; see `crop_around`.
FACE_SIZE = 0.535
FACE_CENTRE = (0.50, 0.56)
# A face that moves about fills at most this much of the square.
_LARGEST_EXTENT = 0.9


@dataclass(frozen=True)
class Crop:
    """A square of `side` pixels whose upper left corner is (left, top); it may leave the picture."""

    left: float
    top: float
    side: float


def crop_around(face: Box, extent: Box | None = None) -> Crop:
    """The square around a face that shows it as the training material does.

    Measured with the face landmarker on 34 training clips of as many people (a clip's median box) and on 39
    portraits, as fractions of the square's side; median (10 %, 90 % quantile):

                 centre x           centre y           height             width
      clips      .502 (.474, .528)  .545 (.387, .581)  .539 (.512, .644)  .468 (.425, .557)
      portraits  .503 (.492, .526)  .574 (.476, .610)  .526 (.488, .623)  .459 (.399, .528)

    Hence the larger side of the landmarks' box (its height, unless the head lies sideways) is FACE_SIZE of
    the square, and its centre at FACE_CENTRE.

    Args:
        face: The landmarks' box, for a clip the typical one.
        extent: All places where the clip's face gets. Where it would leave the square, the square is moved,
            and where it would fill more than 0.9 of it (in training clips: .62, at most .71), enlarged.
    """
    left, top, right, bottom = face
    side = max(bottom - top, right - left, 1.0) / FACE_SIZE
    if extent is None:
        extent = face
    side = max(side, (extent[2] - extent[0]) / _LARGEST_EXTENT, (extent[3] - extent[1]) / _LARGEST_EXTENT)
    x = (left + right) / 2 - FACE_CENTRE[0] * side
    y = (top + bottom) / 2 - FACE_CENTRE[1] * side
    x = min(max(x, extent[2] - side), extent[0])
    y = min(max(y, extent[3] - side), extent[1])
    return Crop(x, y, side)


def crop_and_resize(image_HW3: NDArray[np.uint8], crop: Crop, size: int) -> NDArray[np.uint8]:
    """What `crop` shows of an RGB uint8 image (H, W, 3), scaled to (size, size, 3).

    Beyond the picture's edge its outermost pixels are repeated.
    """
    height, width = image_HW3.shape[:2]
    x0, y0 = math.floor(crop.left), math.floor(crop.top)
    x1, y1 = math.ceil(crop.left + crop.side), math.ceil(crop.top + crop.side)
    if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
        window_HW3 = image_HW3[y0:y1, x0:x1]
    else:
        rows_H, columns_W = np.arange(y0, y1).clip(0, height - 1), np.arange(x0, x1).clip(0, width - 1)
        window_HW3 = image_HW3[rows_H[:, None], columns_W]
    box = (crop.left - x0, crop.top - y0, crop.left - x0 + crop.side, crop.top - y0 + crop.side)
    return _scaled(window_HW3, size, size, box)


def resize(image_HW3: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The whole RGB uint8 image (H, W, 3) scaled to (height, width, 3), whatever that does to its aspect."""
    if image_HW3.shape[:2] == (height, width):
        return image_HW3
    return _scaled(image_HW3, width, height, None)


def _scaled(image_HW3: NDArray[np.uint8], width: int, height: int, box: Box | None) -> NDArray[np.uint8]:
    image = Image.fromarray(np.ascontiguousarray(image_HW3))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box))
