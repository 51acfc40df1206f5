"""What effects come to: how strong, how even, how alike on all people, how pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.interpretation.effects import Effects
from liax.interpretation.instrument import Quantity

# A straight line needs this many values that show a face.
_LEAST_VALUES = 3


@dataclass(frozen=True)
class EffectStatistics:
    """Of M vectors on F factors, over P portraits; rows of NaN for vectors that were left out.

    slopes_PMF: slope of the least-squares line through a portrait's values, in usual deviations of the
        factor per unit of coefficient; NaN where fewer than three values show a face.
    effect_MF: its mean over portraits: the effect matrix.
    travel_MF: mean change from the lowest to the highest value, in usual deviations.
    monotonicity_MF: Spearman's rank correlation of factor and coefficient, mean over portraits, -1 to 1.
    linearity_MF: R² of that line, mean over portraits, 0 to 1.
    spread_MF: standard deviation of the slope among portraits over the size of its mean.
    agreement_MF: share of portraits whose slope has the mean's sign.
    strongest_M: the factor with the largest |travel|; -1 of none.
    leakage_M: share of all |travel| that goes to the other factors, 0 to 1.
    identity_MV, flow_MV: mean over portraits, see `Effects`. lost_MV: share of portraits without a face.
    """

    factors: tuple[str, ...]
    slopes_PMF: NDArray[np.float64]
    effect_MF: NDArray[np.float64]
    travel_MF: NDArray[np.float64]
    monotonicity_MF: NDArray[np.float64]
    linearity_MF: NDArray[np.float64]
    spread_MF: NDArray[np.float64]
    agreement_MF: NDArray[np.float64]
    strongest_M: NDArray[np.int64]
    leakage_M: NDArray[np.float64]
    identity_MV: NDArray[np.float64]
    flow_MV: NDArray[np.float64]
    lost_MV: NDArray[np.float64]


def describe_effects(effects: Effects, quantities: Mapping[str, Quantity]) -> EffectStatistics:
    """The statistics of one instrument's effects; quantities: what its factors are (usual deviations)."""
    usual_F = np.array([quantities[name].usual for name in effects.factors])
    change_PMVF = effects.change_PMVF / usual_F
    slopes_PMF, linearity_PMF = _lines(effects.values_MV, change_PMVF)
    travel_MF = _mean(change_PMVF[:, :, -1] - change_PMVF[:, :, 0])
    effect_MF = _mean(slopes_PMF)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread_MF = _mean((slopes_PMF - effect_MF) ** 2) ** 0.5 / np.abs(effect_MF)
    same_PMF = np.where(np.isfinite(slopes_PMF), np.sign(slopes_PMF) == np.sign(effect_MF), np.nan)
    seen_MVF = np.isfinite(effects.factors_PMVF).mean(0)
    measured_M = seen_MVF.any((1, 2))
    return EffectStatistics(
        effects.factors,
        slopes_PMF,
        effect_MF,
        travel_MF,
        _mean(_ranks_correlated(change_PMVF)),
        _mean(linearity_PMF),
        spread_MF,
        _mean(same_PMF),
        np.where(measured_M, np.abs(np.nan_to_num(travel_MF)).argmax(1), -1),
        _leakage(travel_MF),
        _mean(effects.identity_PMV),
        _mean(effects.flow_PMV),
        np.where(measured_M[:, None], 1 - seen_MVF.mean(-1), np.nan),
    )


def _leakage(travel_MF: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each row's summed sizes that its largest does not have; NaN for rows of nothing."""
    size_MF = np.abs(travel_MF)
    total_M = size_MF.sum(1)
    return 1 - np.divide(size_MF.max(1), total_M, out=np.full_like(total_M, np.nan), where=total_M > 0)


def _lines(
    values_MV: NDArray[np.float64], change_PMVF: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope and R² of each portrait's, vector's and factor's least-squares line: (P, M, F) twice."""
    known_PMVF = np.isfinite(change_PMVF)
    count_PMF = known_PMVF.sum(2)
    with np.errstate(invalid="ignore", divide="ignore"):

        def centred(array_PMVF: NDArray[np.float64]) -> NDArray[np.float64]:
            array_PMVF = np.where(known_PMVF, array_PMVF, 0.0)
            mean_PMF = array_PMVF.sum(2) / count_PMF
            return np.where(known_PMVF, array_PMVF - mean_PMF[:, :, None], 0.0)

        x_PMVF, y_PMVF = centred(values_MV[..., None]), centred(change_PMVF)
        both_PMF, xx_PMF, yy_PMF = (x_PMVF * y_PMVF).sum(2), (x_PMVF**2).sum(2), (y_PMVF**2).sum(2)
        slope_PMF, linearity_PMF = both_PMF / xx_PMF, both_PMF**2 / (xx_PMF * yy_PMF)
    enough_PMF = (count_PMF >= _LEAST_VALUES) & (xx_PMF > 0)
    return np.where(enough_PMF, slope_PMF, np.nan), np.where(enough_PMF, linearity_PMF, np.nan)


def _ranks_correlated(change_PMVF: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's correlation with the ascending values, (P, M, F); NaN where a face was lost."""
    from scipy.stats import rankdata

    ranks_PMVF = rankdata(change_PMVF, axis=2, nan_policy="propagate")
    ranks_PMVF = ranks_PMVF - ranks_PMVF.mean(2, keepdims=True)
    order_V = np.arange(change_PMVF.shape[2]) - (change_PMVF.shape[2] - 1) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.einsum("pmvf,v->pmf", ranks_PMVF, order_V) / np.sqrt(
            (ranks_PMVF**2).sum(2) * (order_V**2).sum()
        )


def _mean(array_PX: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over portraits of what is known; NaN where nothing is."""
    known_PX = np.isfinite(array_PX)
    total_X = np.where(known_PX, array_PX, 0.0).sum(0)
    count_X = known_PX.sum(0)
    return np.divide(total_X, count_X, out=np.full(total_X.shape, np.nan), where=count_X > 0)
