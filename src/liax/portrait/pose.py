"""Where pictures hold as a head turns: ranges of the resulting pose, not of the change alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from liax.face.factors import FACTORS
from liax.face.landmarks import FaceLandmarker
from liax.weights.controls import Control, Controls

log = logging.getLogger(__name__)

Pose = Mapping[str, float]
"""Control of the head -> where the portrait's own head is, in the control's unit; empty where that is not
known."""

# Beyond its range by less than this share of it, a motion is held without a word.
_UNTOLD = 0.05
_TOLD = 3


def measure_pose(square_RR3: NDArray[np.uint8]) -> dict[str, float]:
    """The pose of the largest face in a network's square, RGB uint8 (R, R, 3); empty if none is found."""
    with FaceLandmarker(max_faces=1) as landmarker:
        faces = landmarker.detect(square_RR3)
    side = float(len(square_RR3))
    return {n: f.measure(faces[0], side) for n, f in FACTORS.items() if f.group == "head"} if faces else {}


def measured_controls(controls: Controls) -> list[Control]:
    """The controls of the head whose values are poses: those of weights in which one is in degrees."""
    heads = [control for control in controls if control.group == "head" and control.name in FACTORS]
    return heads if any(control.unit == "deg" for control in heads) else []


def allowed_change(control: Control, pose: Pose) -> tuple[float, float]:
    """Least and greatest change for which both it and the pose that results are in the control's range.

    A head that is out of the range already may stay where it is.
    """
    own = pose.get(control.name, 0.0)
    low, high = max(control.low, control.low - own), min(control.high, control.high - own)
    return min(0.0, low), max(0.0, high)


@dataclass(frozen=True)
class PoseRange:
    """How far one portrait's head may be moved by a driving.

    Args:
        controls: Of the weights.
        pose: The portrait's own.

    Attributes:
        heads: The controls of the head whose values are poses.
        directions_MK: The change of the coefficients per unit of each.
        solve_KM: What takes a change of the coefficients apart into amounts of them.
    """

    controls: Controls
    pose: Pose

    @cached_property
    def heads(self) -> list[Control]:
        return measured_controls(self.controls)

    @cached_property
    def directions_MK(self) -> NDArray[np.float64]:
        return Controls(self.controls.count, tuple(self.heads)).directions_MK

    @cached_property
    def solve_KM(self) -> NDArray[np.float64]:
        lengths_K = np.linalg.norm(self.directions_MK, axis=0).clip(1e-12)
        return np.linalg.pinv(self.directions_MK / lengths_K, rcond=0.1) / lengths_K[:, None]

    def amounts(self, change_M: NDArray[np.floating]) -> dict[str, float]:
        """How much of each control of the head is in a change of the coefficients."""
        return {
            control.name: float(amount)
            for control, amount in zip(self.heads, self.solve_KM @ change_M, strict=True)
        }

    def hold(self, change_M: NDArray[np.floating]) -> tuple[NDArray[np.floating], tuple[str, ...]]:
        """The change (M,) of the coefficients without what leads out of range, and the names of what did."""
        moved_M, beyond = change_M, []
        for control, direction_M, amount in zip(
            self.heads, self.directions_MK.T, self.solve_KM @ change_M, strict=True
        ):
            low, high = allowed_change(control, self.pose)
            excess = float(amount - min(max(amount, low), high))
            moved_M = moved_M - excess * direction_M
            if abs(excess) > _UNTOLD * (control.high - control.low):
                beyond.append(control.name)
        return moved_M, tuple(beyond)


class HeldStretches:
    """When and which motion of the head was held, for one sentence at the end."""

    def __init__(self) -> None:
        self._stretches: list[tuple[Fraction, Fraction]] = []
        self._names: set[str] = set()
        self._held_before = False

    def add(self, time: Fraction, beyond: tuple[str, ...]) -> None:
        """The next frame, and what was out of range in it."""
        if beyond:
            self._names.update(beyond)
            first = self._stretches.pop()[0] if self._held_before else time
            self._stretches.append((first, time))
        self._held_before = bool(beyond)

    def tell(self) -> None:
        """Warn of what happened, if anything did."""
        if sentence := self.sentence():
            log.warning(sentence)

    def sentence(self) -> str:
        """What happened; "" if nothing did."""
        if not self._stretches:
            return ""
        told = [_from_to(float(a), float(b)) for a, b in self._stretches[:_TOLD]]
        if len(self._stretches) > _TOLD:
            told.append(f"{len(self._stretches) - _TOLD} more times")
        names = [name for name in FACTORS if name in self._names]
        return (
            f"The head would move farther than pictures hold ({', '.join(names)}); "
            f"it is held there, at {', '.join(told)}."
        )


def _from_to(first: float, last: float) -> str:
    """ "1.0-2.5 s", or "1.0 s" of a moment."""
    return f"{first:.1f} s" if last - first < 0.1 else f"{first:.1f}-{last:.1f} s"
