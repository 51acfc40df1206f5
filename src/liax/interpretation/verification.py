"""Do controls do what they say, on people who calibrated nothing? Asked for, and measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.interpretation.curves import Curve, even_amounts, leakage
from liax.interpretation.instrument import Quantity
from liax.interpretation.promises import kept_by
from liax.weights.controls import Control

_STEP_DEG = 5.0


@dataclass(frozen=True)
class Verified:
    """One control on P portraits at A amounts, by one instrument.

    asked: the amounts, in the control's units. got_PA: the factor's change; NaN where no face was seen.
    mean_A, deviation_A: of it over the portraits. gain: slope of got on asked, 1 where all arrives; NaN for
    controls that are in no measured unit.
    error: root mean square of got less asked in the range that the control promises. within: share of the
    portraits and amounts other than 0 there that are within its tolerance. NaN for what promises nothing.
    identity: embedding distance at the ends of the range, mean over portraits.
    moved: what else moves while the factor moves by 1, in usual deviations; leakage: its share of the whole.
    """

    asked: tuple[float, ...]
    got_PA: NDArray[np.float64]
    mean_A: NDArray[np.float64]
    deviation_A: NDArray[np.float64]
    gain: float
    error: float
    within: float
    identity: float
    moved: dict[str, float]
    leakage: float


def round_amounts(control: Control) -> list[float]:
    """What a control is asked for: every 5 degrees of its range; four amounts either way in other units.

    The ends of what it promises are among them.
    """
    promised = (control.promise.low, control.promise.high) if control.promise else ()
    if control.unit != "deg":
        return sorted({*even_amounts(control, 4), *promised})
    first, last = np.ceil(control.low / _STEP_DEG), np.floor(control.high / _STEP_DEG)
    inner = _STEP_DEG * np.arange(first, last + 1)
    return sorted({control.low, *inner.tolist(), 0.0, control.high, *promised})


def verified(control: Control, curve: Curve, quantities: Mapping[str, Quantity]) -> Verified:
    """Of a control's curve at `round_amounts` on held-out portraits, by one instrument."""
    got_PA, asked_A = curve.of(control.name), curve.asked_A
    known_PA = np.isfinite(got_PA) & (asked_A != 0)
    gain = error = within = np.nan
    # Expressions are asked for in parts of their range, which no instrument measures.
    if control.group == "head" and known_PA.any():
        asked_PA = np.broadcast_to(asked_A, got_PA.shape)[known_PA]
        gain = float(got_PA[known_PA] @ asked_PA / (asked_PA @ asked_PA))
    if control.promise is not None:
        error, within = kept_by(control.promise, control.name, curve)
    moved = curve.moved(control.name, quantities)
    ends_PE = curve.identity_PA[:, [place for place in (0, -1) if asked_A[place] != 0]]
    identity = float(np.nanmean(ends_PE)) if np.isfinite(ends_PE).any() else np.nan
    known_A = np.isfinite(got_PA).any(0)
    seen_PA = np.where(known_A, got_PA, 0.0)
    return Verified(
        tuple(asked_A.tolist()),
        got_PA,
        np.where(known_A, np.nanmean(seen_PA, 0), np.nan),
        np.where(known_A, np.nanstd(seen_PA, 0), np.nan),
        gain,
        error,
        within,
        identity,
        moved,
        leakage(moved),
    )
