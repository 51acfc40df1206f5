"""PyTorch for the first frames, and a faster runtime once that is worth its start."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Literal

from torch import Tensor

from liax.model import Encoded
from liax.portrait.engine import Drawing, Engine

# Frames: compiling the bundled network takes as long as OpenVINO then saves on so many.
WORTHWHILE = 16


class SwitchingEngine:
    """An `Engine` that is one, and later another.

    Reading and drawing change over separately, each after `WORTHWHILE` frames. So the same work gives the
    same pictures, whatever threads it is spread over.

    Args:
        first: What begins.
        make_other: Makes what takes over, or gives `first` again; called once.
    """

    def __init__(self, first: Engine, make_other: Callable[[], Engine]) -> None:
        self._first, self._make_other = first, make_other
        self._other: Engine | None = None
        self._frames = {"read": 0, "draw": 0}
        self._lock = Lock()

    def encode(self, levels_BRR3: Tensor) -> Encoded:
        return self._after("read", len(levels_BRR3)).encode(levels_BRR3)

    def coefficients(self, levels_BRR3: Tensor) -> Tensor:
        return self._after("read", len(levels_BRR3)).coefficients(levels_BRR3)

    def draw(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Drawing:
        return self._after("draw", len(code_BD)).draw(code_BD, features)

    def draw_levels(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Tensor:
        return self._after("draw", len(code_BD)).draw_levels(code_BD, features)

    def switch(self) -> None:
        """Let the other take over now, for work that may not stop in its midst."""
        with self._lock:
            self._frames = dict.fromkeys(self._frames, WORTHWHILE)

    def _after(self, kind: Literal["read", "draw"], frames: int) -> Engine:
        """The engine for so many more frames."""
        with self._lock:
            self._frames[kind] += frames
            if self._frames[kind] <= WORTHWHILE:
                return self._first
            if self._other is None:
                self._other = self._make_other()
            return self._other
