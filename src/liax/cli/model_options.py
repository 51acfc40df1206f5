"""Which network a command uses, and where it runs."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import tyro

if TYPE_CHECKING:
    from liax.portrait import Animator

log = logging.getLogger(__name__)

T = TypeVar("T")
Flat = Annotated[T, tyro.conf.arg(name=""), tyro.conf.FlagCreatePairsOff]
"""A dataclass whose fields are options of the command itself."""


DEFAULT_WEIGHTS = os.environ.get("LIAX_WEIGHTS") or "small"
DEFAULT_DEVICE = os.environ.get("LIAX_DEVICE") or None


@dataclass(frozen=True)
class ModelOptions:
    """Which network is used, and where it runs."""

    weights: str = DEFAULT_WEIGHTS
    """Name or file of the network's weights."""

    device: str | None = DEFAULT_DEVICE
    """cpu, cuda, cuda:N or mps; by default the fastest there is."""

    size: int | None = None
    """Side of the pictures that the network draws; by default its largest. Half of it is drawn faster."""

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

        started = time.monotonic()
        keep_freed_memory()
        animator = Animator(load(self.weights, size=self.size), self.device)
        log.info(
            "opened %s on %s in %s: %.1f s",
            self.weights,
            animator.device,
            str(animator.dtype).removeprefix("torch."),
            time.monotonic() - started,
        )
        return animator
