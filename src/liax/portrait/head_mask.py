"""Where the head is in a filmed square, so that what is around it stays as filmed."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Crop, turned
from liax.portrait.retouch import PixelChange
from liax.portrait.shots import Shot


class Ring(NamedTuple):
    """How a mask fades around a face, in halves of its box from its middle.

    Args:
        whole, end: It is 1 up to the first, and 0 from the second on.
        upwards: By how much both are larger upwards, where the hair is.
    """

    whole: float
    end: float
    upwards: float


_HEAD = Ring(1.15, 1.7, 1.3)
# The head has room for where it is within so many seconds, so that what surrounds it need not move with it.
_SECONDS = 0.3


@dataclass(frozen=True)
class HeadMask:
    """Where in the square the head is throughout a shot.

    A network that turns a head also draws some of what surrounds it elsewhere, a little more or less in every
    frame: walls would bend and swim.

    Args:
        frames_N: Numbers of some frames.
        boxes_N4: Left, top, right and bottom of all places where the face is around these, in pixels of the
            square.
        size: Side R of the square.
    """

    frames_N: NDArray[np.int64]
    boxes_N4: NDArray[np.float64]
    size: int

    @staticmethod
    def of(shot: Shot, size: int, rate: Fraction) -> HeadMask | None:
        """Those of a shot with `rate` frames a second; None where it is not known where the face is."""
        crop = shot.framing.crop
        if crop is None or not shot.face_boxes:
            return None
        frames_N = np.array([number for number, _ in shot.face_boxes])
        boxes_N4 = _in_square(np.array([box for _, box in shot.face_boxes]), crop, size)
        reach = float(_SECONDS * rate)
        starts = np.searchsorted(frames_N, frames_N - reach)
        ends = np.searchsorted(frames_N, frames_N + reach, "right")
        near = [slice(start, end) for start, end in zip(starts, ends, strict=True)]
        reached_N4 = np.stack([np.r_[boxes_N4[n, :2].min(0), boxes_N4[n, 2:].max(0)] for n in near])
        smooth_N4 = np.stack([reached_N4[n].mean(0) for n in near])
        return HeadMask(frames_N, smooth_N4, size)

    def weight(self, number: int, ring: Ring = _HEAD) -> NDArray[np.float32]:
        """How much of an edit each place in frame `number` gets: 1 at the head, 0 away from it; (R, R)."""
        left, top, right, bottom = (np.interp(number, self.frames_N, self.boxes_N4[:, k]) for k in range(4))
        axis_R = np.arange(self.size) + 0.5
        x_R = (axis_R - (left + right) / 2) * 2 / (right - left)
        y_R = (axis_R - (top + bottom) / 2) * 2 / (bottom - top)
        y_R = np.where(y_R < 0, y_R / ring.upwards, y_R)
        distance_RR = np.sqrt((x_R**2).astype(np.float32) + (y_R**2).astype(np.float32)[:, None])
        t_RR = ((ring.end - distance_RR) / (ring.end - ring.whole)).clip(0, 1)
        weight_RR: NDArray[np.float32] = t_RR * t_RR * (3 - 2 * t_RR)
        return weight_RR

    def apply(self, change: PixelChange, number: int) -> PixelChange:
        """The change of frame `number`, without what it does to the head's surroundings."""
        weight_RR = self.weight(number)
        return PixelChange(
            change.shift_RR2 * weight_RR[..., None],
            change.new_RR * weight_RR,
            change.drawn_RR3 * weight_RR[..., None],
            change.picture_RR3,
        )


def _in_square(boxes_N4: NDArray[np.float64], crop: Crop, size: int) -> NDArray[np.float64]:
    """Boxes of the frame turned clockwise by the crop's roll, in pixels of the square."""
    corner_2 = turned(np.array(crop.centre), -crop.roll) - crop.side / 2
    return (boxes_N4 - np.tile(corner_2, 2)) * (size / crop.side)
