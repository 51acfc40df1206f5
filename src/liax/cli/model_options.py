"""Which network a command uses, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import tyro

if TYPE_CHECKING:
    from liax.portrait import Animator

T = TypeVar("T")
Flat = Annotated[T, tyro.conf.arg(name=""), tyro.conf.FlagCreatePairsOff]
"""A dataclass whose fields are options of the command itself."""


@dataclass(frozen=True)
class ModelOptions:
    """Which network is used, and where it runs."""

    weights: str = "small"
    """Name or file of the network's weights."""

    device: str | None = None
    """cpu, cuda, cuda:N or mps; by default the fastest there is."""

    @property
    def files(self) -> tuple[Path, ...]:
        """What the weights' name may stand for among files; no output replaces it."""
        return (Path(self.weights),)

    def open(self) -> Animator:
        """The network, ready; imports PyTorch, which --help and wrong arguments do not wait for.

        Raises:
            LiaxError: If there are no such weights or no such device.
        """
        from liax.portrait import Animator
        from liax.portrait.device import keep_freed_memory
        from liax.weights import load

        keep_freed_memory()
        return Animator(load(self.weights), self.device)
