"""Where a face is in each of several pictures, and the square that shows it in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import FACE_SIZE, Box, Crop, box_of, crop_around, keep_inside, turned, upright_roll
from liax.face.landmarks import Face


class Place(NamedTuple):
    """Where a face is in a picture.

    Args:
        box: The landmarks' box.
        roll: By how much a square that shows it has to be turned (`upright_roll`).
        upright: Its box in the picture turned clockwise by as much about the upper left corner.
        yaw_pitch_roll: Of the head in that square, in degrees.
    """

    box: Box
    roll: float
    upright: Box
    yaw_pitch_roll: tuple[float, float, float]

    @staticmethod
    def of(face: Face) -> Place:
        roll = upright_roll(face.roll)
        upright = face.turned(-roll, np.zeros(2), np.zeros(2))
        return Place(face.box, roll, upright.box, upright.yaw_pitch_roll)

    def box_at(self, roll: float) -> Box:
        """Its box in the picture turned clockwise by `roll`, as large as when it is upright."""
        if roll == self.roll:
            return self.upright
        x, y = turned(np.array(self.upright).reshape(2, 2).mean(0), self.roll - roll).tolist()
        left, top, right, bottom = self.upright
        if roll % 90 == self.roll % 90 == 0:  # exactly
            left, top, right, bottom = box_of(turned(np.array(self.upright).reshape(2, 2), self.roll - roll))
        return x - (right - left) / 2, y - (bottom - top) / 2, x + (right - left) / 2, y + (bottom - top) / 2


def crop_for_places(places: Sequence[Place], width: int, height: int) -> Crop:
    """The square that shows a face in all these places, one at least, in pictures of that size.

    It is upright on average, and inside the pictures as far as `keep_inside` brings it there.
    """
    angles_N = np.radians([place.roll for place in places])
    roll = upright_roll(float(np.degrees(np.arctan2(np.sin(angles_N).sum(), np.cos(angles_N).sum()))))
    typical, extent = _typical_and_extent([place.box_at(roll) for place in places])
    return keep_inside(crop_around(typical, extent, roll), extent, width, height)


def crop_for(boxes: Sequence[Box], share: float = FACE_SIZE) -> Crop:
    """The square that shows a face in all these boxes, one at least; it may extend beyond the picture.

    Args:
        share: What the face becomes of the square's side.
    """
    return crop_around(*_typical_and_extent(boxes), share=share)


def _typical_and_extent(boxes: Sequence[Box]) -> tuple[Box, Box]:
    boxes_N4 = np.array(boxes)
    # Without the rarest places: a single false find must not widen the square.
    extent = np.r_[np.quantile(boxes_N4[:, :2], 0.02, 0), np.quantile(boxes_N4[:, 2:], 0.98, 0)]
    return _box(np.median(boxes_N4, 0)), _box(extent)


def _box(values_4: NDArray[np.float64]) -> Box:
    left, top, right, bottom = (float(v) for v in values_4)
    return left, top, right, bottom
