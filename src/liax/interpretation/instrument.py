"""What measures faces: named factors of any number of pictures, by one instrument or by several at once."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from itertools import islice
from multiprocessing import get_context
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.face.factors import FACTORS, Factor
from liax.face.landmarks import FaceLandmarker

# Pictures that wait for each process: enough to keep it busy, few enough for any memory.
_WAITING = 4
# Pictures that wait until every part of a composite instrument has seen them.
_CHUNK = 64


class Quantity(Protocol):
    """What a factor is: see `liax.face.factors.Factor`, which is one."""

    @property
    def group(self) -> str: ...

    @property
    def unit(self) -> str: ...

    @property
    def usual(self) -> float: ...

    @property
    def meaning(self) -> str: ...


class Instrument(Protocol):
    """Measures faces in square pictures. Use as a context manager.

    Attributes:
        name: As reports call it.
        factors: What it measures, in the order of its columns.
    """

    @property
    def name(self) -> str: ...

    @property
    def factors(self) -> Mapping[str, Quantity]: ...

    def measure(self, images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """Factors (N, F) of RGB uint8 images (R, R, 3), in their order; NaN where no face is seen."""
        ...

    def __enter__(self) -> Instrument: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class MediaPipe:
    """The bundled face landmarker, which also labelled what weights with `loss.factor_supervision` were
    trained on.

    It sees all of `liax.face.factors.FACTORS`.

    Args:
        processes: How many measure at once; a script that asks for more than one needs its work under `if
            __name__ == "__main__":`, because each process reads the script anew.
    """

    name = "MediaPipe"
    factors: Mapping[str, Factor] = FACTORS

    def __init__(self, processes: int = 1) -> None:
        self._processes = processes
        self._landmarker = FaceLandmarker(max_faces=1) if processes == 1 else None
        self._pool = (
            ProcessPoolExecutor(processes, get_context("spawn"), _open_landmarker) if processes > 1 else None
        )

    def __enter__(self) -> MediaPipe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._landmarker is not None:
            self._landmarker.close()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def measure(self, images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """Factors (N, F) of RGB uint8 images (R, R, 3), in their order; a row of NaN where no face is seen.

        Images are taken as they are needed: a few for each process wait in memory.

        Raises:
            LiaxError: When the processes cannot be started.
        """
        if self._landmarker is not None:
            rows = [_measured(self._landmarker, image_RR3) for image_RR3 in images]
        else:
            try:
                rows = list(self._by_many(images))
            except BrokenProcessPool:
                raise LiaxError(
                    "The processes that measure faces have died; call MediaPipe(processes=…) under "
                    "`if __name__ == '__main__':`, or measure with one process."
                ) from None
        return np.array(rows, np.float64).reshape(-1, len(self.factors))

    def _by_many(self, images: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float64]]:
        assert self._pool is not None
        waiting: deque[Future[NDArray[np.float64]]] = deque()
        for image_RR3 in images:
            waiting.append(self._pool.submit(_measure_here, image_RR3))
            if len(waiting) > _WAITING * self._processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _measured(landmarker: FaceLandmarker, image_RR3: NDArray[np.uint8]) -> NDArray[np.float64]:
    face = next(iter(landmarker.detect(image_RR3)), None)
    if face is None:
        return np.full(len(MediaPipe.factors), np.nan)
    side = float(max(image_RR3.shape[:2]))
    return np.array([factor.measure(face, side) for factor in MediaPipe.factors.values()], np.float64)


# The landmarker of a process of the pool, which holds it until the process ends.
_here: FaceLandmarker | None = None


def _open_landmarker() -> None:
    global _here
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to handle
    _here = FaceLandmarker(max_faces=1)


def _measure_here(image_RR3: NDArray[np.uint8]) -> NDArray[np.float64]:
    assert _here is not None
    return _measured(_here, image_RR3)


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
