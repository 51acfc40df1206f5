"""The upright square around a face that the network sees, and scaling a picture to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

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
# How far, as fractions of its side, the square may be moved from there, and how large the face may be in it:
# what training shows, whose pictures are shifted by up to .16 and enlarged until faces are .72.
LARGEST_SHIFT, LARGEST_FACE = 0.2, 0.7
_SIDES_TRIED = 16
# Side in pixels of which a pixel is next to nothing, and which takes long to scale.
_LARGE = 512
# Heads are seen as upright within so many degrees of roll, or of a quarter turn. See `upright_roll`.
_UPRIGHT = 25.0


@dataclass(frozen=True)
class Crop:
    """A square of `side` pixels in a picture, beyond which it may extend.

    Args:
        left, top: Its upper left corner, before it is turned.
        roll: By how many degrees it is turned about its own centre, counterclockwise, so that it shows a head
            of that roll upright.
    """

    left: float
    top: float
    side: float
    roll: float = 0.0

    @property
    def centre(self) -> tuple[float, float]:
        return self.left + self.side / 2, self.top + self.side / 2

    @property
    def bounds(self) -> Box:
        """The box around it, in pixels of the picture."""
        rest = math.radians(_quarters(self.roll)[1])
        beyond = self.side / 2 * (math.cos(rest) + abs(math.sin(rest)) - 1) if rest else 0.0
        right, bottom = self.left + self.side, self.top + self.side
        return self.left - beyond, self.top - beyond, right + beyond, bottom + beyond

    def inside(self, width: float, height: float) -> bool:
        """Whether it lies within a picture of that size, up to a hundredth of its side."""
        left, top, right, bottom = self.bounds
        slack = 0.01 * self.side
        return min(left, top, width - right, height - bottom) >= -slack

    def scaled(self, scale: float) -> Crop:
        """The same square in the picture enlarged by `scale`."""
        return replace(self, left=self.left * scale, top=self.top * scale, side=self.side * scale)

    def grown(self, factor: float) -> Crop:
        """A square of `factor` times the side about the same centre."""
        beyond = (factor - 1) / 2 * self.side
        return replace(self, left=self.left - beyond, top=self.top - beyond, side=factor * self.side)

    def on_whole_pixels(self) -> Crop:
        """A large square with its corners on those of the nearest pixels.

        Pictures of it are scaled in a fifth of the time. Smaller squares, of which a pixel is more, and those
        that are turned by no quarter stay as they are.
        """
        if self.side < _LARGE or _quarters(self.roll)[1]:
            return self
        side = round(self.side)
        lost = (self.side - side) / 2
        return replace(self, left=round(self.left + lost), top=round(self.top + lost), side=side)

    def to_square(self, points_N2: NDArray[np.floating]) -> NDArray[np.floating]:
        """Where points (..., 2) of the picture lie in the square, from (0, 0) to (1, 1)."""
        return turned(points_N2 - np.array(self.centre), -self.roll) / self.side + 0.5

    def to_picture(self, points_N2: NDArray[np.floating]) -> NDArray[np.floating]:
        """Where points (..., 2) of the square lie in the picture; the inverse of `to_square`."""
        return turned((points_N2 - 0.5) * self.side, self.roll) + np.array(self.centre)


def turned(points_N2: NDArray[np.floating], degrees: float) -> NDArray[np.floating]:
    """Points or vectors (..., 2) of a picture, x to the right and y down, turned counterclockwise about 0."""
    quarters, rest = _quarters(degrees)
    cos, sin = math.cos(math.radians(rest)), math.sin(math.radians(rest))
    for _ in range(quarters):  # exactly
        cos, sin = -sin, cos
    return points_N2 @ np.array([[cos, -sin], [sin, cos]])


def box_of(points_N2: NDArray[np.floating]) -> Box:
    """The box around points (N, 2)."""
    (left, top), (right, bottom) = points_N2.min(0).tolist(), points_N2.max(0).tolist()
    return left, top, right, bottom


def upright_roll(roll: float) -> float:
    """By how many degrees a square has to be turned for a head of that roll, both counterclockwise.

    Not at all for natural tilts: 99.9 % of the training faces have a roll of less than 28°, and training
    turns pairs by up to 14° more. A head that is nearly at a quarter turn keeps its tilt too, so that a
    picture lying on its side becomes exactly what it is when it stands.
    """
    nearest = 90.0 * round(roll / 90)
    return nearest if abs(roll - nearest) <= _UPRIGHT else roll


def _quarters(degrees: float) -> tuple[int, float]:
    """The nearest number of quarter turns, 0 to 3, and the degrees that remain."""
    quarters = round(degrees / 90)
    return quarters % 4, degrees - 90 * quarters


def crop_around(face: Box, extent: Box | None = None, roll: float = 0.0, share: float = FACE_SIZE) -> Crop:
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
        roll: By how much the square is turned. The boxes are those of the picture turned clockwise by as much
            about its upper left corner, in which the head is upright.
        share: What the box's larger side becomes of the square's, instead of FACE_SIZE.
    """
    left, top, right, bottom = face
    side = max(bottom - top, right - left, 1.0) / share
    if extent is None:
        extent = face
    side = max(side, (extent[2] - extent[0]) / _MAX_EXTENT, (extent[3] - extent[1]) / _MAX_EXTENT)
    x = (left + right) / 2 - FACE_CENTRE[0] * side
    y = (top + bottom) / 2 - FACE_CENTRE[1] * side
    x = min(max(x, extent[2] - side), extent[0])
    y = min(max(y, extent[3] - side), extent[1])
    if roll:
        x, y = (turned(np.array([x, y]) + side / 2, roll) - side / 2).tolist()
    return Crop(x, y, side, roll)


def keep_inside(crop: Crop, extent: Box, width: float, height: float) -> Crop:
    """The square moved and made smaller, as far as the network is used to it, until it lies in the picture.

    What lies beyond a picture would have to be invented. So the square is moved by at most LARGEST_SHIFT of
    its side, within which it still shows the whole extent as far as that is in the picture; if that does not
    do, it becomes smaller, until the face is LARGEST_FACE of it. Where even that does not do, least of it
    lies beyond.

    Args:
        crop: As `crop_around` gives it.
        extent: The box around the face, as there.
        width, height: Of the picture.
    """
    least = max(FACE_SIZE / LARGEST_FACE, *(np.ptp(np.reshape(extent, (2, 2)), 0) / crop.side / _MAX_EXTENT))
    for factor in np.linspace(1, min(1, least), _SIDES_TRIED).tolist():
        smaller = crop if factor == 1 else _around_face(crop, factor)  # exactly itself where it may stay
        moved = _moved_inside(smaller, extent, width, height)
        if moved.inside(width, height):
            break
    return moved


def fit_inside(crop: Crop, picture: Box) -> Crop:
    """The upright square made as small as it must be, and moved, until it lies in a part of a picture.

    Unlike `keep_inside`, which stops at what the network is used to.
    """
    left, top, right, bottom = picture
    smaller = _around_face(crop, min(1.0, (right - left) / crop.side, (bottom - top) / crop.side))
    x, y = smaller.left - left, smaller.top - top
    return replace(
        smaller,
        left=smaller.left + _least_shift(x, x + smaller.side, right - left),
        top=smaller.top + _least_shift(y, y + smaller.side, bottom - top),
    )


def _around_face(crop: Crop, factor: float) -> Crop:
    """The square made smaller by `factor` with the face at the same place in it."""
    still_2 = crop.to_picture(np.array(FACE_CENTRE))
    x, y = still_2 + factor * (np.array(crop.centre) - still_2)
    side = factor * crop.side
    return Crop(float(x - side / 2), float(y - side / 2), side, crop.roll)


def _moved_inside(crop: Crop, extent: Box, width: float, height: float) -> Crop:
    """The square brought into the picture as far as a shift may; `keep_inside` has the arguments."""
    left, top, right, bottom = crop.bounds
    # A square that is larger than the picture is to show all of it.
    shift_2 = np.array([_least_shift(left, right, width), _least_shift(top, bottom, height)])
    # In the directions of the square's sides.
    shift_2 = turned(shift_2, -crop.roll).clip(-LARGEST_SHIFT * crop.side, LARGEST_SHIFT * crop.side)
    corner_2 = turned(np.array(crop.centre), -crop.roll) - crop.side / 2
    picture = box_of(turned(np.array([(0, 0), (width, 0), (0, height), (width, height)]), -crop.roll))
    first_2 = np.maximum(extent[:2], picture[:2]) - corner_2
    last_2 = np.minimum(extent[2:], picture[2:]) - corner_2 - crop.side
    shift_2 = shift_2.clip(np.minimum(last_2, 0), np.maximum(first_2, 0))
    x, y = turned(shift_2, crop.roll)
    return replace(crop, left=float(crop.left + x), top=float(crop.top + y))


def _least_shift(start: float, end: float, length: float) -> float:
    """What brings a range into 0 … `length`, or makes it hold all of that if it is longer."""
    first, last = -start, length - end
    return min(max(0.0, min(first, last)), max(first, last))


def crop_and_resize(image_HW3: NDArray[np.uint8], crop: Crop, size: int) -> NDArray[np.uint8]:
    """Crop an RGB uint8 image (H, W, 3) and scale the crop to (size, size, 3).

    Beyond the picture's edge is its mirror image, as in training.
    """
    quarters, rest = _quarters(crop.roll)
    if quarters:
        middle_2 = np.array(image_HW3.shape[1::-1]) / 2
        image_HW3 = np.rot90(image_HW3, -quarters)
        turned_middle_2 = np.array(image_HW3.shape[1::-1]) / 2
        x, y = turned(np.array(crop.centre) - middle_2, -90.0 * quarters) + turned_middle_2
        crop = Crop(x - crop.side / 2, y - crop.side / 2, crop.side, rest)
    left, top, right, bottom = crop.bounds
    x0, y0 = math.floor(left), math.floor(top)
    window_HW3 = _window(image_HW3, x0, y0, math.ceil(right), math.ceil(bottom))
    if rest:
        # At the picture's own scale, so that reducing it afterwards smooths as it does elsewhere.
        side = max(1, math.ceil(crop.side))
        (x, y), (right_2, down_2) = crop.centre, turned(np.eye(2) * crop.side / side, rest)
        corner_2 = np.array([x - x0, y - y0]) - (right_2 + down_2) * side / 2
        affine = (right_2[0], down_2[0], corner_2[0], right_2[1], down_2[1], corner_2[1])
        image = Image.fromarray(np.ascontiguousarray(window_HW3))
        upright = image.transform((side, side), Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC)
        return resize(np.asarray(upright), size, size)
    box = (crop.left - x0, crop.top - y0, crop.left - x0 + crop.side, crop.top - y0 + crop.side)
    return _scaled(window_HW3, size, size, box)


def _window(image_HW3: NDArray[np.uint8], x0: int, y0: int, x1: int, y1: int) -> NDArray[np.uint8]:
    """Columns x0 … x1 - 1 of rows y0 … y1 - 1, mirrored at the picture's edges as often as needed."""
    height, width = image_HW3.shape[:2]
    left, top, right, bottom = max(0, x0), max(0, y0), min(width, x1), min(height, y1)
    before, behind = (top - y0, left - x0), (y1 - bottom, x1 - right)
    inside_2 = (bottom - top, right - left)
    if all(max(beyond) <= inside for *beyond, inside in zip(before, behind, inside_2, strict=True)):
        # Copied as a whole, it takes a tenth of the time of gathering pixel by pixel.
        part_HW3 = image_HW3[top:bottom, left:right]
        if not any(before + behind):
            return part_HW3
        return np.pad(part_HW3, (*zip(before, behind, strict=True), (0, 0)), "symmetric")
    rows_H, columns_W = _mirrored(y0, y1, height), _mirrored(x0, x1, width)
    return image_HW3[rows_H[:, None], columns_W]


def _mirrored(first: int, end: int, length: int) -> NDArray[np.int64]:
    place_N = np.arange(first, end) % (2 * length)
    return np.minimum(place_N, 2 * length - 1 - place_N)


def resize(
    image_HW3: NDArray[np.uint8], width: int, height: int, kind: Literal["bicubic", "bilinear"] = "bicubic"
) -> NDArray[np.uint8]:
    """Scale a whole RGB uint8 image (H, W, 3) to (height, width, 3), without keeping its aspect ratio.

    A smaller one is smoothed. Pixels are those of Pillow's `Image.resize` to a level, enlarged ones to two.
    """
    if image_HW3.shape[:2] == (height, width):
        return image_HW3
    import torch  # slow, and not all who measure squares scale them
    from torch.nn.functional import interpolate

    image_HW3 = np.require(image_HW3, requirements=["C", "W"])
    # In this order, PyTorch sees that channels come last, and neither scales nor copies them one by one.
    image_1CHW = torch.from_numpy(image_HW3)[None].permute(0, 3, 1, 2)
    with torch.inference_mode():
        scaled_1CHW = interpolate(image_1CHW, (height, width), mode=kind, antialias=True)
    return np.ascontiguousarray(scaled_1CHW.permute(0, 2, 3, 1)[0].numpy())


def _scaled(image_HW3: NDArray[np.uint8], width: int, height: int, box: Box) -> NDArray[np.uint8]:
    """Scale what is within a box, whose corners may lie within pixels."""
    if all(float(edge).is_integer() for edge in box):
        left, top, right, bottom = (round(edge) for edge in box)
        return resize(np.ascontiguousarray(image_HW3[top:bottom, left:right]), width, height)
    image = Image.fromarray(np.ascontiguousarray(image_HW3))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box))
