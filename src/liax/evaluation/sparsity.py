"""How sparse the motion coefficients are: as they are, without their mean, and as changes within a clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# A coefficient counts as used in a frame above this share of the frame's largest.
USED_SHARE = 0.05


@dataclass(frozen=True)
class SparsityMeasures:
    """Means over the frames whose coefficients are not all zero; NaN where there is none.

    Args:
        hoyer: Hoyer's sparsity, 0 all equal … 1 a single one.
        gini: The Gini index, likewise.
        used: How many coefficients exceed 5 % of the frame's largest, by magnitude.
        used_ever: How many do so in any frame.
    """

    hoyer: float
    gini: float
    used: float
    used_ever: int


@dataclass(frozen=True)
class Sparsity:
    """How few of M coefficients carry the motion of N frames. They compare because vectors have unit length.

    Args:
        plain: Of a.
        centred: Of a minus its mean over all frames, because a large constant coefficient makes a look sparse
            and moves nothing.
        change: Of a_t - a_first within each clip; None without clips.
        effective_rank: Dimensions that the centred coefficients spread over, 1…M (Roy & Vetterli 2007).
        varying: Vectors whose standard deviation exceeds 5 % of the largest.
        usage_M: Share of the frames in which vector m exceeds 5 % of the frame's largest centred coefficient.
        std_M: Standard deviation over all frames.
    """

    vectors: int
    frames: int
    plain: SparsityMeasures
    centred: SparsityMeasures
    change: SparsityMeasures | None
    effective_rank: float
    varying: int
    usage_M: NDArray[np.float64]
    std_M: NDArray[np.float64]


def sparsity(alpha_NM: ArrayLike, clip_N: ArrayLike | None = None) -> Sparsity:
    """Of the coefficients of N ≥ 1 frames, M ≥ 2 each.

    Args:
        clip_N: The clip of each frame, in order within it.
    """
    alpha = np.asarray(alpha_NM, np.float64)
    if alpha.ndim != 2 or alpha.shape[0] < 1 or alpha.shape[1] < 2 or not np.isfinite(alpha).all():
        raise ValueError(f"coefficients of shape {alpha.shape} must be finite, N ≥ 1 frames of M ≥ 2")
    centred_NM, std_M = alpha - alpha.mean(0), alpha.std(0)
    return Sparsity(
        vectors=alpha.shape[1],
        frames=len(alpha),
        plain=measure_rows(alpha),
        centred=measure_rows(centred_NM),
        change=None if clip_N is None else measure_rows(changes(alpha, np.asarray(clip_N))),
        effective_rank=effective_rank(centred_NM),
        varying=int((std_M > USED_SHARE * std_M.max()).sum()),
        usage_M=used(centred_NM).mean(0),
        std_M=std_M,
    )


def hoyer(alpha_NM: NDArray[np.float64]) -> NDArray[np.float64]:
    """(√M - ‖a‖₁/‖a‖₂) / (√M - 1) of each row (Hoyer 2004): 0 all equal, 1 a single one; NaN for zeros."""
    root = np.sqrt(alpha_NM.shape[1])
    one_N, two_N = np.abs(alpha_NM).sum(1), np.linalg.norm(alpha_NM, axis=1)
    ratio_N = np.divide(one_N, two_N, out=np.full_like(one_N, np.nan), where=two_N > 0)
    return (root - ratio_N) / (root - 1)


def gini(alpha_NM: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gini index of each row's magnitudes (Hurley & Rickard 2009), times M / (M - 1) so that it runs from 0,
    all equal, to 1, a single one; NaN for zeros.
    """
    size_NM = np.sort(np.abs(alpha_NM), 1)
    count, total_N = size_NM.shape[1], size_NM.sum(1)
    weighted_N = size_NM @ (2 * np.arange(1, count + 1) - count - 1)
    gini_N = np.divide(weighted_N, count * total_N, out=np.full_like(total_N, np.nan), where=total_N > 0)
    return gini_N * count / (count - 1)


def used(alpha_NM: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which coefficients exceed SHARE of their row's largest, by magnitude."""
    size_NM = np.abs(alpha_NM)
    return size_NM > USED_SHARE * size_NM.max(1, keepdims=True)


def measure_rows(alpha_NM: NDArray[np.float64]) -> SparsityMeasures:
    moving = alpha_NM[np.abs(alpha_NM).max(1) > 0] if len(alpha_NM) else alpha_NM
    if not len(moving):
        return SparsityMeasures(np.nan, np.nan, np.nan, 0)
    mask = used(moving)
    return SparsityMeasures(
        float(hoyer(moving).mean()),
        float(gini(moving).mean()),
        float(mask.sum(1).mean()),
        int(mask.any(0).sum()),
    )


def changes(alpha_NM: NDArray[np.float64], clip_N: NDArray[np.integer]) -> NDArray[np.float64]:
    """a_t - a_first of every frame but each clip's first."""
    clips, first = np.unique(clip_N, return_index=True)
    change_NM = alpha_NM - alpha_NM[first[np.searchsorted(clips, clip_N)]]
    return np.delete(change_NM, first, 0)


def effective_rank(centred_NM: NDArray[np.float64]) -> float:
    """exp of the entropy of the singular values' shares (Roy & Vetterli 2007); 0 where nothing varies."""
    values = np.linalg.svd(centred_NM, compute_uv=False)
    if values.sum() == 0:
        return 0.0
    share = values / values.sum()
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))
