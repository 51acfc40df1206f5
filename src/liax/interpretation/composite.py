"""Several instruments on the same pictures: each picture is drawn once and seen by all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from liax.interpretation.instrument import Instrument, Quantity

# Pictures that wait until every instrument has seen them.
_CHUNK = 64


class CompositeInstrument:
    """An instrument whose factors are those of all its `parts`, side by side, as "NAME: factor"."""

    def __init__(self, parts: Sequence[Instrument]) -> None:
        self.parts = tuple(parts)
        self._open = ExitStack()
        self.name = " + ".join(part.name for part in self.parts)
        self.factors: Mapping[str, Quantity] = {
            f"{part.name}: {factor}": quantity
            for part in self.parts
            for factor, quantity in part.factors.items()
        }

    def __enter__(self) -> CompositeInstrument:
        for part in self.parts:
            self._open.enter_context(part)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def measure(self, images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """Factors (N, F) of RGB uint8 images (R, R, 3); NaN where that instrument sees no face."""
        rows, waiting = [np.empty((0, len(self.factors)))], iter(images)
        while chunk := list(islice(waiting, _CHUNK)):
            rows.append(np.concatenate([part.measure(chunk) for part in self.parts], 1))
        return np.concatenate(rows)


def instrument_columns(factors: Sequence[str], instrument: str) -> tuple[list[int], tuple[str, ...]]:
    """Where a `CompositeInstrument`'s factors of one instrument are, and their own names."""
    prefix = f"{instrument}: "
    found = [i for i, name in enumerate(factors) if name.startswith(prefix)]
    return found, tuple(factors[i].removeprefix(prefix) for i in found)
