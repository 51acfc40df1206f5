"""The square around a face that the network sees, and scaling a picture to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

# Size and centre of the landmarks' box as fractions of the square's side; see `crop_around`.
FACE_SIZE = 0.535
FACE_CENTRE = (0.50, 0.56)
# All positions of a moving face fill at most this fraction of the square.
_MAX_EXTENT = 0.9


@dataclass(frozen=True)
class Crop:
    """A square of `side` pixels whose upper left corner is (left, top); it may extend beyond the picture."""

    left: float
    top: float
    side: float


def crop_around(face: Box, extent: Box | None = None) -> Crop:
    """The square that shows a face as large and as centred as in the training data.

    These are the landmarks' boxes in the training data as fractions of the square's side, as the median (10
    %, 90 % quantile) of 34 clips of as many people, each by its median box, and of 39 portraits:

                 centre x           centre y           height             width
      clips      .502 (.474, .528)  .545 (.387, .581)  .539 (.512, .644)  .468 (.425, .557)
      portraits  .503 (.492, .526)  .574 (.476, .610)  .526 (.488, .623)  .459 (.399, .528)

    So the larger side of the box (its height, unless the head lies sideways) becomes FACE_SIZE of the
    square's side, and its centre is at FACE_CENTRE.

    Args:
        face: The landmarks' box; for a clip, the typical one.
        extent: The box around all positions of the face in a clip. The square is moved so that it contains
            the extent, and enlarged if the extent would fill more than 0.9 of it (.62 in training clips, .71
            at most).
    """
    left, top, right, bottom = face
    side = max(bottom - top, right - left, 1.0) / FACE_SIZE
    if extent is None:
        extent = face
    side = max(side, (extent[2] - extent[0]) / _MAX_EXTENT, (extent[3] - extent[1]) / _MAX_EXTENT)
    x = (left + right) / 2 - FACE_CENTRE[0] * side
    y = (top + bottom) / 2 - FACE_CENTRE[1] * side
    x = min(max(x, extent[2] - side), extent[0])
    y = min(max(y, extent[3] - side), extent[1])
    return Crop(x, y, side)


def crop_and_resize(image_HW3: NDArray[np.uint8], crop: Crop, size: int) -> NDArray[np.uint8]:
    """Crop an RGB uint8 image (H, W, 3) and scale the crop to (size, size, 3).

    Beyond the picture's edge, its outermost pixels are repeated.
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
    """Scale a whole RGB uint8 image (H, W, 3) to (height, width, 3), without keeping its aspect ratio."""
    if image_HW3.shape[:2] == (height, width):
        return image_HW3
    return _scaled(image_HW3, width, height, None)


def _scaled(image_HW3: NDArray[np.uint8], width: int, height: int, box: Box | None) -> NDArray[np.uint8]:
    image = Image.fromarray(np.ascontiguousarray(image_HW3))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box))
