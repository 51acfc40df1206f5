"""Do the semantics come back? Motion vectors of two sets of weights, paired by what they do to faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liax.errors import MissingPackageError


@dataclass(frozen=True)
class ProfileMatch:
    """K = min(M, M') pairs of vectors, the most alike first; likeness is |cosine| of effects, 0…1.

    Args:
        pairs: (vector of a, vector of b).
        cosine_K: Signed, negative where one moves faces the other way.
        mean: Of |cosine|.
        weighted: Likewise, each pair by the lengths of its profiles, √(‖a‖ ‖b‖), because what a vector
            without effect resembles means little.
        chance: The mean's own mean when every vector of b has its effects on factors drawn at random.
        chance_share: How often that was at least `mean`, (1 + count) / (1 + draws); below .05 is no accident.
    """

    pairs: tuple[tuple[int, int], ...]
    cosine_K: NDArray[np.float64]
    mean: float
    weighted: float
    chance: float
    chance_share: float


def match_profiles(a_MF: ArrayLike, b_MF: ArrayLike, draws: int = 200, seed: int = 0) -> ProfileMatch:
    """The one-to-one pairing of effect profiles with the largest sum of |cosine| (Kuhn 1955; scipy).

    Args:
        a_MF, b_MF: Effects of vectors on the same F factors, in units that make factors comparable, such as
            their usual deviation; effects that are not known are 0. A vector that has none resembles nothing.
        draws: Of the chance level.

    Raises:
        MissingPackageError: Without scipy.
    """
    a, b = np.asarray(a_MF, np.float64), np.asarray(b_MF, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or 0 in (a.size, b.size):
        raise ValueError(f"profiles of shapes {a.shape} and {b.shape} are not of the same factors")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("profiles must be finite")
    cosine_AB = _directions(a) @ _directions(b).T
    rows, columns = _assigned(cosine_AB)
    cosine_K = cosine_AB[rows, columns]
    weight_K = np.sqrt(np.linalg.norm(a[rows], axis=1) * np.linalg.norm(b[columns], axis=1))
    mean = float(np.abs(cosine_K).mean())
    weighted = float(np.average(np.abs(cosine_K), weights=weight_K)) if weight_K.sum() > 0 else 0.0
    by_chance = _by_chance(a, b, draws, seed)
    order = np.argsort(-np.abs(cosine_K), kind="stable")
    return ProfileMatch(
        tuple((int(rows[k]), int(columns[k])) for k in order),
        cosine_K[order],
        mean,
        weighted,
        float(by_chance.mean()) if draws else float("nan"),
        float((1 + (by_chance >= mean).sum()) / (1 + draws)),
    )


def _by_chance(
    a_MF: NDArray[np.float64], b_MF: NDArray[np.float64], draws: int, seed: int
) -> NDArray[np.float64]:
    """Mean |cosine| with the effects of each vector of b shuffled among the factors, by itself."""
    random, a, b = np.random.default_rng(seed), _directions(a_MF), _directions(b_MF)
    means = np.empty(draws)
    for draw in range(draws):
        cosine_AB = a @ random.permuted(b, axis=1).T
        means[draw] = np.abs(cosine_AB[_assigned(cosine_AB)]).mean()
    return means


def _assigned(cosine_AB: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError:
        raise MissingPackageError("Matching vectors", ("scipy",), "evaluate") from None
    rows, columns = linear_sum_assignment(np.abs(cosine_AB), maximize=True)
    return rows, columns


def _directions(profile_MF: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of unit length; zeros stay zeros."""
    length_M1 = np.linalg.norm(profile_MF, axis=1, keepdims=True)
    return np.divide(profile_MF, length_M1, out=np.zeros_like(profile_MF), where=length_M1 > 0)
