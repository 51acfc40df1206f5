"""Controls whose units and ranges are what was measured: `yaw=15deg` turns a head by 15 degrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.face.embed import SAME_PERSON
from liax.interpretation.curves import Curve
from liax.interpretation.instrument import Quantity
from liax.interpretation.naming import LARGEST_LEAK, LEAST_TRAVEL
from liax.interpretation.promises import best_line
from liax.weights.controls import Control, Controls

# Pictures hold as long as so many of the people still show a face, and the same person's,
_MOST_PEOPLE = 0.9
# and the factor does not turn back by this part of its steepest slope; with as much it still answers.
_ANSWERS = 0.2
# A leak of this share is told with the control.
_TOLD = 0.1
# The group whose controls go by what is measured; expressions saturate, and are 1 at their end.
_MEASURED_GROUP = "head"


class _Usable(NamedTuple):
    """Places among a curve's amounts: where the factor stops answering, and where pictures stop to hold."""

    first: int
    last: int
    first_held: int
    last_held: int


def calibrated(
    controls: Controls, curves: Mapping[str, Curve], quantities: Mapping[str, Quantity]
) -> Controls:
    """The controls in units of what they measure, as far as pictures hold; others are left out.

    controls: named after the factor that they move (`name_vectors`). curves: of each over its whole range,
    by one instrument, whose factors `quantities` are.

    Pictures hold as long as nine of ten portraits show a face, and the same person's, and the factor does not
    turn back. A factor that hardly moves until then, or something else that moves much more, is no control.

    Controls of the head are in the factor's own units (degrees, or parts of the square) by a straight line,
    go as far as the factor answers, and promise the range in which every amount is met within 4 degrees or a
    third of a usual deviation, root mean square over the portraits: networks do not turn all heads alike.
    Other controls are 1 where the factor stops answering, on the side where that is later. The other side
    goes as far if pictures hold: a face at rest cannot close its mouth, but another may be open.
    """
    found = []
    for control in controls:
        curve, quantity = curves[control.name], quantities[control.name]
        usable = _usable(curve, control.name)
        answering = curve.between(usable.first, usable.last)
        if usable.first == usable.last or not _worth_having(answering, control.name, quantities):
            continue
        promise = None
        if control.group == _MEASURED_GROUP:
            unit, promise = best_line(answering, control.name, quantity)
            low, high = unit * answering.asked_A[[0, -1]]
        else:
            unit = 1 / float(np.abs(answering.asked_A).max())
            low, high = (unit * curve.asked_A[[usable.first_held, usable.last_held]]).clip(-1, 1)
        if promise is not None:
            promise = replace(promise, low=_inwards(promise.low), high=_inwards(promise.high))
        found.append(
            Control(
                control.name,
                control.group,
                {m: amount / unit for m, amount in control.vectors.items()},
                _inwards(low),
                _inwards(high),
                quantity.unit if control.group == _MEASURED_GROUP else "",
                quantity.meaning + _leak_told(control.name, answering.moved(control.name, quantities)),
                promise,
            )
        )
    return Controls(controls.count, tuple(found))


def _usable(curve: Curve, factor: str) -> _Usable:
    own_PA = curve.of(factor)
    zero = int(np.flatnonzero(curve.asked_A == 0)[0])
    begun_P = np.isfinite(own_PA[:, zero])
    # Without an embedder every face counts as the same person's.
    whole_PA = np.isfinite(own_PA) & ~(curve.identity_PA >= SAME_PERSON)
    whole_A = whole_PA[begun_P].mean(0) >= _MOST_PEOPLE if begun_P.any() else np.zeros(len(own_PA[0]), bool)
    mean_A = np.nanmean(np.where(np.isfinite(own_PA).any(0), own_PA, 0.0), 0)
    slope_B = np.diff(mean_A) / np.diff(curve.asked_A)
    slope_B = slope_B / max(float(slope_B.max()), 1e-12)
    # Outwards from 0, what each step leads to; its slope is that of the interval between.
    below, below_held = _farthest(whole_A[:zero][::-1], slope_B[:zero][::-1])
    above, above_held = _farthest(whole_A[zero + 1 :], slope_B[zero:])
    return _Usable(zero - below, zero + above, zero - below_held, zero + above_held)


def _farthest(whole_S: NDArray[np.bool_], slope_S: NDArray[np.float64]) -> tuple[int, int]:
    """How many steps the factor answers, and how many faces are whole and nothing turns back.

    An eye that hardly answers at first and then closes is closed; a mouth that is wide open is not opened on.
    """
    answers = held = 0
    for step, (whole, slope) in enumerate(zip(whole_S, slope_S, strict=True), start=1):
        if not whole or slope < -_ANSWERS:
            break
        held = step
        answers = step if slope > _ANSWERS else answers
    return answers, held


def _worth_having(curve: Curve, factor: str, quantities: Mapping[str, Quantity]) -> bool:
    """Whether the factor moves far enough, and nothing else much more."""
    moved = curve.moved(factor, quantities)
    others = [abs(amount) for name, amount in moved.items() if name != factor]
    far = curve.travel(factor) >= LEAST_TRAVEL * quantities[factor].usual
    return far and max(others, default=0.0) < LARGEST_LEAK


def _leak_told(factor: str, moved: Mapping[str, float]) -> str:
    """ "; leaks 12 % into roll", where the largest leak is worth telling."""
    shares = {name: abs(amount) / sum(map(abs, moved.values())) for name, amount in moved.items()}
    del shares[factor]
    other = max(shares, key=shares.__getitem__, default=None)
    if other is None or shares[other] < _TOLD:
        return ""
    return f"; leaks {100 * shares[other]:.0f} % into {other}"


def _inwards(value: float) -> float:
    """Two figures, towards 0."""
    if value == 0:
        return 0.0
    step = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    return float(f"{np.trunc(value / step + np.sign(value) * 1e-9) * step:.6g}")
