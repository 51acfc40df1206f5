"""What moving single coefficients does to portraits, measured, and what that comes to.

`EffectStatistics`: how strong effects are, how even, how alike on all people, how pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.bounded import read_arrays
from liax.errors import LiaxError
from liax.face.embed import FaceEmbedder
from liax.files import atomic_file
from liax.interpretation.instrument import Instrument, Quantity, instrument_columns
from liax.interpretation.probe import probe_portraits
from liax.portrait.animator import Animator
from liax.portrait.source import Source
from liax.progress import Progress, no_progress
from liax.weights.files import fingerprint

_OBSERVED = (0.01, 0.99)


@dataclass(frozen=True)
class Effects:
    """What P portraits measure with coefficient m of M changed by each of its V values; F factors.

    Args:
        values_MV: Changes from the portrait's own coefficient, ascending, 0 among them.
        factors_PMVF: As measured, not differences; NaN where no face was seen or the vector was left out.
        identity_PMV: dlib's embedding distance (Euclidean) to the unmoved reconstruction; NaN likewise.
        flow_PMV: Mean length of the change of the last level's flow, in per cent of the side.
        portraits, factors: Their names.
        instrument: What measured.
        weights: The network's fingerprint.
    """

    values_MV: NDArray[np.float64]
    factors_PMVF: NDArray[np.float64]
    identity_PMV: NDArray[np.float64]
    flow_PMV: NDArray[np.float64]
    portraits: tuple[str, ...]
    factors: tuple[str, ...]
    instrument: str
    weights: str

    @property
    def change_PMVF(self) -> NDArray[np.float64]:
        """Factors less those of the unmoved portrait."""
        unmoved_M = np.abs(self.values_MV).argmin(1)
        vectors_M = np.arange(len(unmoved_M))
        return self.factors_PMVF - self.factors_PMVF[:, vectors_M, unmoved_M][:, :, None]

    def by_instrument(self, instrument: str) -> Effects:
        """Of what several instruments measured (`CompositeInstrument`), that which the one called so did."""
        found, names = instrument_columns(self.factors, instrument)
        return replace(self, factors_PMVF=self.factors_PMVF[..., found], factors=names, instrument=instrument)

    def save(self, path: Path) -> None:
        """As an npz file."""
        with atomic_file(path) as file:
            arrays = {name: np.asarray(value) for name, value in asdict(self).items()}
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @staticmethod
    def load(path: Path) -> Effects:
        """What `save` wrote; raises LiaxError for anything else."""
        try:
            stored = read_arrays(path)
            return Effects(**{k.name: _value(stored[k.name]) for k in fields(Effects)})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LiaxError(f"{path} holds no measured effects ({error}); measure them anew.") from None


def _value(stored: NDArray[Any]) -> Any:
    """What an array was in `Effects`: numbers, names, or one name."""
    if stored.dtype.kind != "U":
        return stored
    return str(stored) if stored.ndim == 0 else tuple(stored.tolist())


def observed_values(alpha_NM: NDArray[np.floating], count: int = 5) -> NDArray[np.float64]:
    """Changes (M, V) that lead a coefficient from its median through its observed 1-99 % range.

    Args:
        alpha_NM: Of N frames.
        count: V, odd; half of them evenly from the 1 % quantile to 0, half from 0 to the 99 % quantile. A
            coefficient that never varies has zeros only.
    """
    if count < 3 or count % 2 == 0:
        raise ValueError("count must be odd and at least 3")
    low_M, high_M = np.quantile(alpha_NM, _OBSERVED, axis=0) - np.median(alpha_NM, axis=0)
    steps_H = np.arange(1, count // 2 + 1) / (count // 2)
    down_MH, up_MH = low_M[:, None] * steps_H[::-1], high_M[:, None] * steps_H
    return np.concatenate([down_MH, np.zeros((len(low_M), 1)), up_MH], 1)


def measure_effects(
    animator: Animator,
    portraits: Mapping[str, Source],
    values_MV: NDArray[np.float64],
    instrument: Instrument,
    *,
    crop: bool = False,
    vectors: Sequence[int] | None = None,
    identity: FaceEmbedder | None = None,
    cache: Path | None = None,
    progress: Progress = no_progress,
) -> Effects:
    """Move every coefficient (or those of `vectors`) to every value on every portrait, and measure the
    pictures.

    Args:
        portraits: Name -> portrait.
        values_MV: The values of each vector, 0 among them (`observed_values`).
        vectors: Which vectors are moved; None for all.
        crop, identity, cache, progress: As in `probe_portraits`.
    """
    chosen = range(len(values_MV)) if vectors is None else vectors
    # The unmoved picture is drawn once, whatever the number of vectors.
    places = [(m, v) for m in chosen for v in np.flatnonzero(values_MV[m])]
    changes_NM = np.zeros((1 + len(places), len(values_MV)), np.float32)
    # Of each vector and value, which move it is; -1 of none.
    move_MV = np.full(values_MV.shape, -1)
    move_MV[list(chosen)] = 0
    for number, (m, v) in enumerate(places, start=1):
        changes_NM[number, m] = values_MV[m, v]
        move_MV[m, v] = number
    moved = probe_portraits(
        animator,
        portraits,
        changes_NM,
        instrument,
        crop=crop,
        identity=identity,
        cache=cache,
        progress=progress,
        stage="moving vectors",
    )
    left_out_MV = move_MV < 0
    factors_PMVF, identity_PMV, flow_PMV = (array[:, move_MV] for array in moved[:3])
    for array in (factors_PMVF, identity_PMV, flow_PMV):
        array[:, left_out_MV] = np.nan
    return Effects(
        values_MV,
        factors_PMVF,
        identity_PMV,
        flow_PMV,
        tuple(portraits),
        tuple(instrument.factors),
        instrument.name,
        fingerprint(animator.network),
    )


# A straight line needs this many values that show a face.
_LEAST_VALUES = 3


@dataclass(frozen=True)
class EffectStatistics:
    """Of M vectors on F factors, over P portraits; rows of NaN for vectors that were left out.

    Args:
        slopes_PMF: Slope of the least-squares line through a portrait's values, in usual deviations of the
            factor per unit of coefficient; NaN where fewer than three values show a face.
        effect_MF: Its mean over portraits: the effect matrix.
        travel_MF: Mean change from the lowest to the highest value, in usual deviations.
        monotonicity_MF: Spearman's rank correlation of factor and coefficient, mean over portraits, -1 to 1.
        linearity_MF: R² of that line, mean over portraits, 0 to 1.
        spread_MF: Standard deviation of the slope among portraits over the size of its mean.
        agreement_MF: Share of portraits whose slope has the mean's sign.
        strongest_M: The factor with the largest |travel|; -1 of none.
        leakage_M: Share of all |travel| that goes to the other factors, 0 to 1.
        identity_MV, flow_MV: Mean over portraits, see `Effects`.
        lost_MV: Share of portraits without a face.
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
    """The statistics of one instrument's effects.

    Args:
        quantities: The instrument's factors, whose usual deviations are the unit.
    """
    usual_F = np.array([quantities[name].usual for name in effects.factors])
    change_PMVF = effects.change_PMVF / usual_F
    slopes_PMF, linearity_PMF = _lines(effects.values_MV, change_PMVF)
    travel_MF = mean_of_known(change_PMVF[:, :, -1] - change_PMVF[:, :, 0])
    effect_MF = mean_of_known(slopes_PMF)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread_MF = mean_of_known((slopes_PMF - effect_MF) ** 2) ** 0.5 / np.abs(effect_MF)
    same_PMF = np.where(np.isfinite(slopes_PMF), np.sign(slopes_PMF) == np.sign(effect_MF), np.nan)
    seen_MVF = np.isfinite(effects.factors_PMVF).mean(0)
    measured_M = seen_MVF.any((1, 2))
    return EffectStatistics(
        effects.factors,
        slopes_PMF,
        effect_MF,
        travel_MF,
        mean_of_known(_ranks_correlated(change_PMVF)),
        mean_of_known(linearity_PMF),
        spread_MF,
        mean_of_known(same_PMF),
        np.where(measured_M, np.abs(np.nan_to_num(travel_MF)).argmax(1), -1),
        _leakage_of_rows(travel_MF),
        mean_of_known(effects.identity_PMV),
        mean_of_known(effects.flow_PMV),
        np.where(measured_M[:, None], 1 - seen_MVF.mean(-1), np.nan),
    )


def _leakage_of_rows(travel_MF: NDArray[np.float64]) -> NDArray[np.float64]:
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


def mean_of_known(array_PX: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over portraits of what is known; NaN where nothing is."""
    known_PX = np.isfinite(array_PX)
    total_X = np.where(known_PX, array_PX, 0.0).sum(0)
    count_X = known_PX.sum(0)
    return np.divide(total_X, count_X, out=np.full(total_X.shape, np.nan), where=count_X > 0)
