"""What the network takes from a driving: one set of motion coefficients after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moment:
    """One driving frame as the network sees it.

    time: seconds since the first frame, exact.
    alpha_M: motion coefficients (M,) float32; held still while no face is seen.
    begins: whether a shot begins here, so that relative motion starts anew. Moments before the first that
        begins (a title card) have its coefficients.
    square_RR3: the RGB uint8 picture that belongs to them, None from a template.
    """

    time: Fraction
    alpha_M: NDArray[np.float32]
    begins: bool
    square_RR3: NDArray[np.uint8] | None


class Driving(Protocol):
    """What drives a portrait: a video, a still picture, a folder of frames, a motion template.

    rate: nominal frames a second. total: how many moments there are, None when that is unknown.
    sound: a video whose sound belongs to the motion; sound_start: seconds on its clock of the first moment.
    """

    @property
    def rate(self) -> Fraction: ...
    @property
    def total(self) -> int | None: ...
    @property
    def sound(self) -> Path | None: ...
    @property
    def sound_start(self) -> Fraction: ...

    def width_at(self, height: int) -> int:
        """The even width of its picture when shown `height` pixels high; 0 when it has none."""

    def moments(self) -> Iterator[Moment]:
        """Its moments in order, made a batch at a time; each call decodes anew."""
