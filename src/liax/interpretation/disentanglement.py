"""How well a code is sorted by factors, scored: DCI, MIG and SAP, of continuous codes and continuous factors.

What differs from the papers, which took images drawn for the purpose, with discrete factors known exactly:

- DCI (Eastwood & Williams 2018): importances come from extremely randomised trees (Geurts et al. 2006, the
  family of the paper's random forests). Informativeness is R² on held-out clips, where they give an error, of
  the trees or of a straight combination of the coefficients (ridge regression), whichever is higher: trees
  alone would take a rotated code, which holds as much, for a poorer one.
- MIG (Chen et al. 2018): information is estimated from counts in bins of equal frequency, for codes too,
  instead of the encoder's own distribution.
- SAP (Kumar et al. 2018): as they do for continuous factors, R² of a straight line in one coefficient.

All are in [0, 1], 1 is best, and none is 0 by chance on a finite sample: compare with `shuffled`, and with
`rotated`, which holds the same information in no particular order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liax.errors import MissingPackageError

# Trees, samples in a leaf, folds. Smaller leaves would credit noise with what other coefficients leave
# unexplained.
_TREES, _LEAF, _FOLDS = 50, 20, 3
# Penalties that ridge regression chooses from, by leaving single frames out.
_PENALTIES = np.logspace(-3, 4, 8)
# Bins of equal frequency, fewer where a pair of bins would have less than this many frames on average.
_BINS, _FRAMES_IN_PAIR = 20, 5
# Fewest frames from which a factor is scored.
_FEWEST = 100


@dataclass(frozen=True)
class Scores:
    """Of M coefficients for the F factors that vary, in [0, 1].

    Args:
        factors: Their names.
        left_out: Names of those that were not scored, with the reason.
        frames_F: How many frames each was scored on.
        importance_MF: Share of coefficient m in what predicts factor f; columns add up to 1.
        disentanglement_M: 1 if a coefficient matters to one factor only, 0 if to all alike.
        disentanglement: Their mean, weighted by importance; NaN for fewer than two factors.
        completeness_F: 1 if a single coefficient matters to a factor.
        informativeness_F: R² on clips that were not learned from, below 0 counted as 0.
        mig_F: Lead of the most informative coefficient over the second, as a share of the factor's entropy.
        sap_F: Lead of the best coefficient's R² over the second's.

    `completeness`, `informativeness`, `mig` and `sap` are means over the factors, NaN if none was scored.
    """

    factors: tuple[str, ...]
    left_out: dict[str, str]
    frames_F: NDArray[np.int64]
    importance_MF: NDArray[np.float64]
    disentanglement_M: NDArray[np.float64]
    disentanglement: float
    completeness_F: NDArray[np.float64]
    informativeness_F: NDArray[np.float64]
    mig_F: NDArray[np.float64]
    sap_F: NDArray[np.float64]

    @property
    def completeness(self) -> float:
        return _mean(self.completeness_F)

    @property
    def informativeness(self) -> float:
        return _mean(self.informativeness_F)

    @property
    def mig(self) -> float:
        return _mean(self.mig_F)

    @property
    def sap(self) -> float:
        return _mean(self.sap_F)


def disentanglement(
    code_NM: ArrayLike,
    factors_NF: ArrayLike,
    names: Sequence[str],
    group_N: ArrayLike,
    seed: int = 0,
    n_jobs: int = 1,
) -> Scores:
    """Scores of the codes of N frames, M ≥ 2 numbers each, against F factors called `names`.

    Frames in which a factor is NaN are dropped for that factor; factors that are known in fewer than 100
    frames, or in a single group, or that do not vary, are left out.

    Args:
        code_NM: The codes.
        factors_NF: The factors, NaN where they are unknown.
        names: Of the factors.
        group_N: The clip or person of each frame; none is both learned from and predicted.
        seed: Of the trees.
        n_jobs: How many processors grow the trees.

    Raises:
        MissingPackageError: Without scikit-learn.
    """
    code, factors, group = (
        np.asarray(code_NM, np.float64),
        np.asarray(factors_NF, np.float64),
        np.asarray(group_N),
    )
    if code.ndim != 2 or code.shape[1] < 2 or not np.isfinite(code).all():
        raise ValueError(f"codes of shape {code.shape} must be finite, two numbers or more a frame")
    if factors.shape != (len(code), len(names)) or group.shape != (len(code),):
        raise ValueError("codes, factors and groups are not of the same frames")
    scored: list[str] = []
    left_out: dict[str, str] = {}
    rows: list[tuple[NDArray[np.float64], float, float, float]] = []
    frames: list[int] = []
    for name, factor_N in zip(names, factors.T, strict=True):
        known = np.isfinite(factor_N)
        reason = _not_scored(factor_N[known], group[known])
        if reason is not None:
            left_out[name] = reason
            continue
        code_KM, factor_K = code[known], factor_N[known]
        importance_M, informed = _importance(code_KM, factor_K, group[known], seed, n_jobs)
        rows.append(
            (importance_M, informed, mutual_information_gap(code_KM, factor_K), separation(code_KM, factor_K))
        )
        scored.append(name)
        frames.append(len(factor_K))
    importance_MF = np.stack([row[0] for row in rows], 1) if rows else np.zeros((code.shape[1], 0))
    concentration_M, overall = _disentangled(importance_MF)
    return Scores(
        factors=tuple(scored),
        left_out=left_out,
        frames_F=np.array(frames, np.int64),
        importance_MF=importance_MF,
        disentanglement_M=concentration_M,
        disentanglement=overall,
        completeness_F=_concentration(importance_MF.T),
        informativeness_F=np.array([row[1] for row in rows]),
        mig_F=np.array([row[2] for row in rows]),
        sap_F=np.array([row[3] for row in rows]),
    )


def rotated(code_NM: NDArray[np.number], seed: int = 0) -> NDArray[np.float64]:
    """The codes turned at random about their mean: the same information, in no particular order."""
    from scipy.stats import ortho_group

    mean_M = code_NM.mean(0)
    turn_MM = ortho_group.rvs(code_NM.shape[1], random_state=seed)
    return np.asarray((code_NM - mean_M) @ turn_MM + mean_M, np.float64)


def shuffled(code_NM: NDArray[np.number], seed: int = 0) -> NDArray[np.float64]:
    """The codes of other frames, for the level that chance reaches.

    All are moved on by the same random number of frames, between a quarter and three quarters of them:
    neighbours stay as alike as the frames of a clip are, so that chance has its real chance.
    """
    count = len(code_NM)
    step = int(np.random.default_rng(seed).integers(count // 4, count - count // 4 + 1))
    return np.roll(np.asarray(code_NM, np.float64), step, 0)


def mutual_information_gap(code_NM: NDArray[np.float64], factor_N: NDArray[np.float64]) -> float:
    """(I of the best coefficient - I of the second) / entropy of the factor (Chen et al. 2018, equation 6).

    Both are cut into at most 20 bins of equal frequency, such that a pair of bins has 5 frames on average;
    equal values share a bin.
    """
    bins = max(2, min(_BINS, int(np.sqrt(len(factor_N) / _FRAMES_IN_PAIR))))
    factor = _binned(factor_N, bins)
    entropy = _entropy(np.bincount(factor))
    information = []
    for one_N in code_NM.T:
        code = _binned(one_N, bins)
        joint = np.bincount(code * bins + factor, minlength=bins * bins)
        information.append(entropy + _entropy(np.bincount(code)) - _entropy(joint))
    second, best = np.sort(information)[-2:]
    return float(np.clip((best - second) / entropy, 0, 1)) if entropy > 0 else 0.0


def separation(code_NM: NDArray[np.float64], factor_N: NDArray[np.float64]) -> float:
    """R² of the best coefficient - R² of the second, each alone in a straight line (Kumar et al. 2018)."""
    code, factor = code_NM - code_NM.mean(0), factor_N - factor_N.mean()
    spread_M = np.square(code).sum(0) * np.square(factor).sum()
    r2_M = np.divide(np.square(factor @ code), spread_M, out=np.zeros(code.shape[1]), where=spread_M > 0)
    second, best = np.sort(r2_M)[-2:]
    return float(np.clip(best - second, 0, 1))


def _importance(
    code_NM: NDArray[np.float64],
    factor_N: NDArray[np.float64],
    group_N: NDArray[np.int64],
    seed: int,
    n_jobs: int,
) -> tuple[NDArray[np.float64], float]:
    """Shares (M,) of the coefficients in predicting a factor, mean over folds; R² of what was held out."""
    try:
        from sklearn.ensemble import ExtraTreesRegressor
        from sklearn.linear_model import RidgeCV
        from sklearn.model_selection import GroupKFold
    except ImportError:
        raise MissingPackageError("Scoring disentanglement", ("scikit-learn",), "evaluate") from None
    predicted_2N, importances = np.zeros((2, len(factor_N))), []
    code_NM = (code_NM - code_NM.mean(0)) / max(float(code_NM.std()), 1e-12)
    folds = GroupKFold(min(_FOLDS, len(np.unique(group_N))), shuffle=True, random_state=seed)
    for learned, held in folds.split(code_NM, groups=group_N):
        trees = ExtraTreesRegressor(_TREES, min_samples_leaf=_LEAF, n_jobs=n_jobs, random_state=seed)
        trees.fit(code_NM[learned], factor_N[learned])
        importances.append(trees.feature_importances_)
        line = RidgeCV(_PENALTIES).fit(code_NM[learned], factor_N[learned])
        predicted_2N[:, held] = trees.predict(code_NM[held]), line.predict(code_NM[held])
    importance_M = np.mean(importances, 0)
    total = importance_M.sum()
    importance_M = importance_M / total if total > 0 else np.full(len(importance_M), 1 / len(importance_M))
    r2_2 = 1 - np.square(factor_N - predicted_2N).sum(1) / np.square(factor_N - factor_N.mean()).sum()
    return importance_M, float(np.clip(r2_2.max(), 0, 1))


def _disentangled(importance_MF: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """How concentrated each row is, and the mean of that weighed by the rows' sums."""
    concentration_M = _concentration(importance_MF)
    weight_M = importance_MF.sum(1)
    if importance_MF.shape[1] < 2:
        return concentration_M, float("nan")
    return concentration_M, float(np.average(concentration_M, weights=weight_M))


def _concentration(share_RC: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 - entropy, in base C, of each row made to add up to 1: 1 a single entry, 0 all equal or none."""
    if share_RC.shape[1] < 2:
        return np.full(len(share_RC), np.nan)
    total_R1 = share_RC.sum(1, keepdims=True)
    uniform = np.full_like(share_RC, 1 / share_RC.shape[1])
    share_RC = np.divide(share_RC, total_R1, out=uniform, where=total_R1 > 0)
    logs_RC = np.log(share_RC, out=np.zeros_like(share_RC), where=share_RC > 0)
    return np.clip(1 + (share_RC * logs_RC).sum(1) / np.log(share_RC.shape[1]), 0, 1)


def _not_scored(factor_K: NDArray[np.float64], group_K: NDArray[np.int64]) -> str | None:
    if len(factor_K) < _FEWEST:
        return f"known in {len(factor_K)} frames, fewer than {_FEWEST}"
    if np.ptp(factor_K) <= 1e-9 * max(1.0, float(np.abs(factor_K).max())):
        return "does not vary"
    if len(np.unique(group_K)) < 2:
        return "known in one clip only"
    return None


def _binned(values_N: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Number of the bin, 0…bins - 1, of equal frequency but for ties."""
    edges = np.quantile(values_N, np.arange(1, bins) / bins)
    return np.searchsorted(edges, values_N, side="right")


def _entropy(counts: NDArray[np.int64]) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
