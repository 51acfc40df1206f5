"""A still background in edited video."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import FACE_CENTRE
from liax.portrait.retouch import Change

# Distances from the face's place, in sides of the square: up to the first an edit's motion is taken as it is,
# from the second on it follows within so many seconds.
_FACE, _BACKGROUND = 0.25, 0.5
_SECONDS = 0.4
# Should it lag by about so much of the side, it is followed at once: that is no trembling.
_LAG = 1 / 40


class Steady:
    """Smooths what an edit moves around the face over the frames of a shot.

    An edit that turns a head may also draw shoulders and background along, by a little more or less in every
    frame; the eye sees them swim. The face itself is not smoothed.

    size: side R of the changes. rate: frames a second.
    """

    def __init__(self, size: int, rate: Fraction) -> None:
        axis_R = (np.arange(size, dtype=np.float32) + 0.5) / size
        distance_RR = np.hypot(axis_R - FACE_CENTRE[0], axis_R[:, None] - FACE_CENTRE[1])
        away_RR = ((distance_RR - _FACE) / (_BACKGROUND - _FACE)).clip(0, 1)
        slowest = 1 - math.exp(-1 / (_SECONDS * float(rate)))
        self._pace_RR = 1 - (1 - slowest) * away_RR
        self._lag = _LAG * size
        self._shift_RR2: NDArray[np.float32] | None = None

    def __call__(self, change: Change) -> Change:
        """The next frame's change, steadied; one that moves nothing is left at that."""
        if self._shift_RR2 is None or not change.shift_RR2.any():
            self._shift_RR2 = change.shift_RR2
            return change
        lag_RR2 = change.shift_RR2 - self._shift_RR2
        pace_RR = np.maximum(self._pace_RR, (np.hypot(*np.moveaxis(lag_RR2, -1, 0)) / self._lag).clip(0, 1))
        self._shift_RR2 = self._shift_RR2 + pace_RR[..., None] * lag_RR2
        return replace(change, shift_RR2=self._shift_RR2)
