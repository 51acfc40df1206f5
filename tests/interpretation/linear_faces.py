"""Made-up measures of portraits that answer to coefficients linearly, for tests whose results are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from liax.interpretation.effects import Effects


@dataclass(frozen=True)
class FakeFactor:
    """A quantity of which one usual deviation is `usual`."""

    usual: float = 1.0
    group: str = "head"
    unit: str = ""
    meaning: str = "moves"


def linear_effects(slopes_PMF: NDArray[np.float64], factors: tuple[str, ...], reach: float = 1.0) -> Effects:
    """Effects of five values from -reach to reach on portraits that start from different places."""
    portraits, vectors, _ = slopes_PMF.shape
    values_MV = np.tile(reach * np.array([-1, -0.5, 0, 0.5, 1]), (vectors, 1))
    start_P = np.arange(portraits, dtype=float)
    factors_PMVF = start_P[:, None, None, None] + values_MV[..., None] * slopes_PMF[:, :, None]
    flat_PMV = np.broadcast_to(np.abs(values_MV), (portraits, *values_MV.shape)).copy()
    names = tuple(f"p{i}" for i in range(portraits))
    return Effects(values_MV, factors_PMVF, 0.1 * flat_PMV, 2 * flat_PMV, names, factors, "made up", "none")


class Brightness:
    """An instrument for pictures of no face: how bright they are, and how much brighter to the right."""

    name = "brightness"
    factors: Mapping[str, FakeFactor] = {"bright": FakeFactor(10.0), "right": FakeFactor(5.0)}

    def __init__(self) -> None:
        self.seen = 0

    def __enter__(self) -> Brightness:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def measure(self, images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
        rows = []
        for image_RR3 in images:
            self.seen += 1
            half = image_RR3.shape[1] // 2
            rows.append((image_RR3.mean(), image_RR3[:, half:].mean() - image_RR3[:, :half].mean()))
        return np.array(rows, np.float64).reshape(-1, 2)
