"""A clip's motion as the model reads it, for the page: what moves at each moment, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.interpretation.sparsity import Sparsity, hoyer, sparsity, used
from liax.portrait.clip import Progress
from liax.portrait.moment import Driving
from liax.report import picture_uri
from liax.weights.controls import Controls

# Pictures that are kept of a clip, spread over it, and their width in pixels.
_PICTURES, _WIDTH = 60, 256


@dataclass(frozen=True)
class Motion:
    """The coefficients of a clip's T ≥ 2 moments.

    times_T: seconds. alpha_TM: as the network gave them. pictures: moment -> what was seen then, as a data
    URI, of some moments; empty for a saved motion.
    """

    times_T: NDArray[np.float64]
    alpha_TM: NDArray[np.float64]
    pictures: Mapping[int, str]

    @cached_property
    def change_TM(self) -> NDArray[np.float64]:
        """The coefficients less their mean over the clip: what moves, without what is always so."""
        return self.alpha_TM - self.alpha_TM.mean(0)

    @cached_property
    def used_TM(self) -> NDArray[np.bool_]:
        """Which vectors are at work: change by more than 5 % of the moment's largest change."""
        return used(self.change_TM)

    @cached_property
    def hoyer_T(self) -> NDArray[np.float64]:
        """Hoyer's sparsity of each moment's change, 0 … 1; NaN where nothing differs from the mean."""
        return hoyer(self.change_TM)

    @cached_property
    def sparsity(self) -> Sparsity:
        """Of the whole clip."""
        return sparsity(self.alpha_TM)

    def nearest(self, seconds: float) -> int:
        """The moment next to this time, among those with a picture where there are any."""
        moments = np.array(sorted(self.pictures) or range(len(self.times_T)))
        return int(moments[np.abs(self.times_T[moments] - seconds).argmin()])


def read_motion(driving: Driving, progress: Progress) -> Motion:
    """The motion of what drives. Raises LiaxError where that is a single moment."""
    if driving.total == 1:
        raise LiaxError("This shows a single moment, so nothing moves; give a video or a saved motion.")
    wanted = set(np.linspace(0, (driving.total or 1) - 1, _PICTURES).round().astype(int).tolist())
    times, alphas, pictures = [], [], {}
    for index, moment in enumerate(driving.moments()):
        progress("reading the motion", index + 1, driving.total)
        times.append(float(moment.time))
        alphas.append(moment.alpha_M)
        if index in wanted and moment.square_RR3 is not None:
            pictures[index] = picture_uri(moment.square_RR3, _WIDTH)
    return Motion(np.array(times), np.stack(alphas).astype(np.float64), pictures)


def vector_names(controls: Controls) -> Sequence[str]:
    """What each motion vector is called: "yaw", "jaw + smile" where it is the strongest of both, or "#12"."""
    names: list[list[str]] = [[] for _ in range(controls.count)]
    for control in controls:
        names[max(control.vectors, key=lambda index: abs(control.vectors[index]))].append(control.name)
    return [" + ".join(known) or f"#{index}" for index, known in enumerate(names)]
