"""Where a face is in each of several pictures, and the square that shows it in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Box, Crop, box_of, crop_around, turned, upright_roll
from liax.face.landmarks import Face


class Place(NamedTuple):
    """Where a face is in a picture.

    Args:
        box: The landmarks' box.
        roll: By how much a square that shows it has to be turned (`upright_roll`).
        upright: Its box in the picture turned clockwise by as much about the upper left corner.
    """

    box: Box
    roll: float
    upright: Box

    @staticmethod
    def of(face: Face) -> Place:
        roll = upright_roll(face.roll)
        return Place(face.box, roll, face.box_upright(roll))

    def box_at(self, roll: float) -> Box:
        """Its box in the picture turned clockwise by `roll`, as large as when it is upright."""
        if roll == self.roll:
            return self.upright
        x, y = turned(np.array(self.upright).reshape(2, 2).mean(0), self.roll - roll).tolist()
        left, top, right, bottom = self.upright
        if roll % 90 == self.roll % 90 == 0:  # exactly
            left, top, right, bottom = box_of(turned(np.array(self.upright).reshape(2, 2), self.roll - roll))
        return x - (right - left) / 2, y - (bottom - top) / 2, x + (right - left) / 2, y + (bottom - top) / 2


def crop_for_places(places: Sequence[Place]) -> Crop:
    """The square that shows a face in all these places, one at least, upright on average."""
    angles_N = np.radians([place.roll for place in places])
    roll = upright_roll(float(np.degrees(np.arctan2(np.sin(angles_N).sum(), np.cos(angles_N).sum()))))
    return crop_for([place.box_at(roll) for place in places], roll)


def crop_for(boxes: Sequence[Box], roll: float = 0.0) -> Crop:
    """The square that shows a face in all these places, one at least; `roll` as in `crop_around`."""
    boxes_N4 = np.array(boxes)
    typical = np.median(boxes_N4, 0)
    # Without the rarest places: a single false find must not widen the square.
    extent = np.r_[np.quantile(boxes_N4[:, :2], 0.02, 0), np.quantile(boxes_N4[:, 2:], 0.98, 0)]
    return crop_around(_box(typical), _box(extent), roll)


def _box(values_4: NDArray[np.float64]) -> Box:
    left, top, right, bottom = (float(v) for v in values_4)
    return left, top, right, bottom
