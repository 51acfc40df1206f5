"""A filmed head that leaves its place: what surrounds it bends after it, slowly, and is the film's beyond."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from liax.model.decoder import identity_grid
from liax.portrait.head_mask import HeadMask, Ring
from liax.portrait.retouch import PixelChange

# What moves with the head, frame by frame, and what bends after it. Measured on three filmed people whose
# heads took over another's motion: with a smaller head its hair lags, with larger ones walls swim.
_HEAD, _SURROUNDINGS = Ring(1.05, 1.6, 1.25), Ring(1.2, 2.2, 1.25)
# Seconds in which the surroundings come 63 % nearer to where the head's motion would have them.
_SECONDS = 0.5
# Pixels of the square: a bend that is over ends here.
_NOTHING = 0.05


class MovingHead:
    """Lets the surroundings of a moving head follow it smoothly, in one shot.

    A head that is drawn where it was not filmed needs its surroundings bent: they would be torn, or hair stay
    behind. But the network bends them a little differently in every frame, up to the picture's corners, as
    often as either head moves. So frame by frame only the head moves, and what uncovers where it was filmed;
    around it the bend is a running mean, which ends within the square.

    Args:
        mask: Where the filmed head is throughout the shot.
        rate: Frames a second.
    """

    def __init__(self, mask: HeadMask, rate: Fraction) -> None:
        self._mask = mask
        self._share = 1 - math.exp(-1 / (_SECONDS * float(rate)))
        self._bend_RR2: NDArray[np.float32] | None = None

    def apply(self, change: PixelChange, number: int) -> PixelChange:
        """The change of frame `number`, with steady surroundings; asked frame by frame, in order."""
        shift_RR2 = change.shift_RR2
        bend_RR2 = shift_RR2
        if self._bend_RR2 is not None:
            bend_RR2 = self._bend_RR2 + np.float32(self._share) * (shift_RR2 - self._bend_RR2)
            bend_RR2[(shift_RR2 == 0) & (np.abs(bend_RR2) < _NOTHING)] = 0
        self._bend_RR2 = bend_RR2
        filmed_RR = self._mask.weight(number, _HEAD)
        head_RR1 = np.maximum(filmed_RR, _moved(filmed_RR, shift_RR2))[..., None]
        around_RR1 = self._mask.weight(number, _SURROUNDINGS)[..., None]
        return PixelChange(
            head_RR1 * shift_RR2 + (1 - head_RR1) * around_RR1 * bend_RR2,
            change.new_RR * head_RR1[..., 0],
            change.drawn_RR3 * head_RR1,
            change.picture_RR3,
        )


def _moved(map_RR: NDArray[np.float32], shift_RR2: NDArray[np.float32]) -> NDArray[np.float32]:
    """The map, each place from where its shift (x, y) in pixels says."""
    size = len(map_RR)
    grid_1RR2 = identity_grid(size, torch.device("cpu")) + torch.from_numpy(shift_RR2)[None] * (
        2 / (size - 1)
    )
    map_11RR = torch.from_numpy(map_RR)[None, None]
    moved_11RR = F.grid_sample(map_11RR, grid_1RR2, padding_mode="border", align_corners=True)
    return np.asarray(moved_11RR[0, 0].numpy())
