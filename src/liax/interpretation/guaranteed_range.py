"""What controls keep: the range in which as much arrives as is asked for, and whether edits add up.

A range is found on the people who calibrate the control, and verified on people who took no part. Sums of
edits are measured on the latter, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, product, takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.interpretation.instrument import Instrument, Quantity
from liax.interpretation.probe import ControlCurve, evenly_spaced_amounts, leakage, probe_portraits
from liax.portrait.animator import Animator
from liax.portrait.source import Source
from liax.progress import Progress, no_progress
from liax.weights.controls import Control, Controls, VerifiedRange

# How far off a control of the head may be, root mean square over people: in degrees, or as a part of a usual
# deviation.
TOLERANCE_DEG, _TOLERANCE = 4.0, 1 / 3
# Places between two measured amounts at which a range may end; curves are straight between them.
_PARTS = 8
# Amounts at which controls in degrees are verified.
_STEP_DEG = 5.0
# What pairs of edits are measured at, as a share of each range's farther end: far enough to be seen, near
# enough for both at once.
_SHARE_OF_RANGE = 0.5


def tolerance(quantity: Quantity) -> float:
    """What a calibrated control may miss the amount asked by, in the factor's units."""
    return TOLERANCE_DEG if quantity.unit == "deg" else _TOLERANCE * quantity.usual


def fit_unit_and_range(
    curve: ControlCurve, factor: str, quantity: Quantity
) -> tuple[float, VerifiedRange | None]:
    """The factor's units in one unit of the curve, and the range in which they hold.

    The unit is the slope of the line that is within the tolerance of every portrait's change over the widest
    range, to both sides if possible. Without such a line it is the mean slope from end to end, and there is
    no range. The share of the range is that of these portraits.
    """
    asked_B, got_PB = _interpolated(curve.asked_A, curve.of(factor))
    zero = int(np.flatnonzero(asked_B == 0)[0])
    best: tuple[float, VerifiedRange] | None = None
    for low, high in product(range(zero + 1), range(zero, len(asked_B))):
        part = slice(low, high + 1)
        unit = _slope(asked_B[part], got_PB[:, part])
        wanted_B = unit * asked_B[part]
        off_PB = got_PB[:, part] - wanted_B
        if unit <= 0 or not (_root_mean_square(off_PB) <= tolerance(quantity)).all():
            continue
        if best is None or _range_size(wanted_B[0], wanted_B[-1]) > _range_size(best[1].low, best[1].high):
            share = _share(off_PB[:, wanted_B != 0], tolerance(quantity))
            best = unit, VerifiedRange(wanted_B[0], wanted_B[-1], tolerance(quantity), share)
    return best or (curve.travel(factor) / float(np.ptp(curve.asked_A)), None)


def verify_range(control: Control, curve: ControlCurve) -> Control:
    """The control with the part of its range that holds on other people, and their share of tries within.

    The range comes in to the last amounts, on either side of 0, that are met within the tolerance, root mean
    square.

    Args:
        curve: Of people who did not take part in the control's calibration; both ends of the range are among
            its amounts.
    """
    verified, asked_A = control.verified, curve.asked_A
    if verified is None:
        return control
    met_A = _root_mean_square(curve.of(control.name) - asked_A) <= verified.tolerance

    def last_met(amounts: Iterable[float]) -> float:
        return max(takewhile(lambda amount: met_A[asked_A == amount].all(), amounts), key=abs, default=0.0)

    low = last_met(asked_A[(asked_A < 0) & (asked_A >= verified.low)][::-1].tolist())
    high = last_met(asked_A[(asked_A > 0) & (asked_A <= verified.high)].tolist())
    if low == high:
        return replace(control, verified=None)
    holding = replace(verified, low=low, high=high)
    return replace(control, verified=replace(holding, share=error_within(holding, control.name, curve)[1]))


def error_within(verified: VerifiedRange, factor: str, curve: ControlCurve) -> tuple[float, float]:
    """Root mean square of measured less requested in the range, and the share of tries within its tolerance.

    Both are NaN if no face was seen.
    """
    inside_A = (curve.asked_A != 0) & (curve.asked_A >= verified.low) & (curve.asked_A <= verified.high)
    off_PA = curve.of(factor)[:, inside_A] - curve.asked_A[inside_A]
    return float(_root_mean_square(off_PA.reshape(-1, 1))[0]), _share(off_PA, verified.tolerance)


def _interpolated(
    asked_A: NDArray[np.float64], got_PA: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A curve with the places between its amounts, on straight lines."""
    place_B = np.arange((len(asked_A) - 1) * _PARTS + 1) / _PARTS
    left_B, right_B = np.floor(place_B).astype(int), np.ceil(place_B).astype(int)
    part_B = place_B - left_B

    def between(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[..., left_B] * (1 - part_B) + values[..., right_B] * part_B

    return between(asked_A), between(got_PA)


def _slope(asked_A: NDArray[np.float64], got_PA: NDArray[np.float64]) -> float:
    """Of the least-squares line through 0; 0 where nothing is known."""
    known_PA = np.isfinite(got_PA)
    weight = float((known_PA * asked_A**2).sum())
    return float((np.where(known_PA, got_PA, 0.0) * asked_A).sum()) / weight if weight else 0.0


def _root_mean_square(off_PA: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the portraits that show a face: (A,); NaN where none does."""
    known_A = np.isfinite(off_PA).sum(0)
    with np.errstate(invalid="ignore"):
        return np.where(known_A > 0, np.sqrt(np.nansum(off_PA**2, 0) / known_A), np.nan)


def _share(off_PA: NDArray[np.float64], allowed: float) -> float:
    known_N = off_PA[np.isfinite(off_PA)]
    return float(np.mean(np.abs(known_N) <= allowed)) if known_N.size else np.nan


def _range_size(low: float, high: float) -> tuple[float, float]:
    """How far a range goes either way, and in all: what both directions have counts first."""
    return min(-low, high), high - low


@dataclass(frozen=True)
class ControlVerification:
    """One control on P portraits at A amounts, by one instrument.

    Args:
        asked: The amounts, in the control's units.
        got_PA: The factor's change; NaN where no face was seen.
        mean_A, deviation_A: Mean and standard deviation of got_PA over the portraits.
        gain: Slope of got on asked, 1 where all arrives; NaN for controls that are in no measured unit.
        error: Root mean square of got less asked in the verified range; NaN without one.
        within: Share of the portraits and amounts other than 0 there that are within its tolerance; NaN
            likewise.
        identity: Embedding distance at the ends of the range, mean over portraits.
        moved: What else moves while the factor moves by 1, in usual deviations.
        leakage: Its share of the whole.
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


def verification_amounts(control: Control) -> list[float]:
    """The amounts at which a control is verified: every 5 degrees of its range, or four to either side in
    other units.

    The ends of its verified range are among them.
    """
    ends = (control.verified.low, control.verified.high) if control.verified else ()
    if control.unit != "deg":
        return sorted({*evenly_spaced_amounts(control, 4), *ends})
    first, last = np.ceil(control.low / _STEP_DEG), np.floor(control.high / _STEP_DEG)
    inner = _STEP_DEG * np.arange(first, last + 1)
    return sorted({control.low, *inner.tolist(), 0.0, control.high, *ends})


def verify_control(
    control: Control, curve: ControlCurve, quantities: Mapping[str, Quantity]
) -> ControlVerification:
    """Of a control's curve at `verification_amounts` on held-out portraits, by one instrument."""
    got_PA, asked_A = curve.of(control.name), curve.asked_A
    known_PA = np.isfinite(got_PA) & (asked_A != 0)
    gain = error = within = np.nan
    # Expressions are asked for in parts of their range, which no instrument measures.
    if control.group == "head" and known_PA.any():
        asked_PA = np.broadcast_to(asked_A, got_PA.shape)[known_PA]
        gain = float(got_PA[known_PA] @ asked_PA / (asked_PA @ asked_PA))
    if control.verified is not None:
        error, within = error_within(control.verified, control.name, curve)
    moved = curve.moved(control.name, quantities)
    ends_PE = curve.identity_PA[:, [place for place in (0, -1) if asked_A[place] != 0]]
    identity = float(np.nanmean(ends_PE)) if np.isfinite(ends_PE).any() else np.nan
    known_A = np.isfinite(got_PA).any(0)
    seen_PA = np.where(known_A, got_PA, 0.0)
    return ControlVerification(
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


@dataclass(frozen=True)
class PairAdditivity:
    """Two controls, each at half of its range's farther end.

    Args:
        first, second: Their names.
        miss: How far the effect of both is from the sum of the single effects, over the summed sizes of
            these: 0 where edits add up, 1 where one undoes the other. Euclidean over all factors in usual
            deviations; means over portraits. The instrument's noise counts as miss.
    """

    first: str
    second: str
    miss: float


def measure_additivity(
    animator: Animator,
    portraits: Mapping[str, Source],
    controls: Controls,
    instrument: Instrument,
    *,
    crop: bool = False,
    cache: Path | None = None,
    progress: Progress = no_progress,
) -> list[PairAdditivity]:
    """Of every pair of controls; the pair that adds up worst first. The rest is as in `probe_portraits`."""
    ends_K = np.array([max(control.high, control.low, key=abs) for control in controls])
    single_KM = (_SHARE_OF_RANGE * ends_K * controls.directions_MK).T
    pairs = list(combinations(range(len(controls)), 2))
    if not pairs:
        return []
    both_RM = [single_KM[i] + single_KM[j] for i, j in pairs]
    moved = probe_portraits(
        animator,
        portraits,
        np.concatenate([np.zeros((1, controls.count)), single_KM, both_RM]),
        instrument,
        crop=crop,
        cache=cache,
        progress=progress,
        stage="adding edits",
    )
    usual_F = np.array([quantity.usual for quantity in instrument.factors.values()])
    change_PNF = (moved.factors_PNF - moved.factors_PNF[:, :1])[:, 1:] / usual_F
    sums = []
    for row, (i, j) in enumerate(pairs, start=len(controls)):
        one_PF, other_PF, both_PF = change_PNF[:, i], change_PNF[:, j], change_PNF[:, row]
        off_P = np.linalg.norm(both_PF - one_PF - other_PF, axis=1)
        size_P = np.linalg.norm(one_PF, axis=1) + np.linalg.norm(other_PF, axis=1)
        known_P = np.isfinite(off_P)
        miss = float(off_P[known_P].mean() / size_P[known_P].mean()) if known_P.any() else np.nan
        sums.append(PairAdditivity(controls.items[i].name, controls.items[j].name, miss))
    return sorted(sums, key=lambda each: -np.nan_to_num(each.miss))
