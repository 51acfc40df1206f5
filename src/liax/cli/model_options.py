"""Which network a command uses, and where it runs."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import tyro

from liax.options import Backend

if TYPE_CHECKING:
    from liax.portrait import Animator

log = logging.getLogger(__name__)

T = TypeVar("T")
Flat = Annotated[T, tyro.conf.arg(name=""), tyro.conf.FlagCreatePairsOff]
"""A dataclass whose fields are options of the command itself."""


DEFAULT_WEIGHTS = os.environ.get("LIAX_WEIGHTS") or "small"
DEFAULT_DEVICE = os.environ.get("LIAX_DEVICE") or None
# Weights made for cameras, which commands for these take where they are installed and nobody names others.
_LIVE = "live"


def live_weights() -> str:
    """The default of commands for cameras."""
    installed = _LIVE in entry_points(group="liax.weights").names
    return _LIVE if installed and not os.environ.get("LIAX_WEIGHTS") else DEFAULT_WEIGHTS


@dataclass(frozen=True)
class ModelOptions:
    """Which network is used, and where it runs."""

    weights: str = DEFAULT_WEIGHTS
    """Name or file of the network's weights."""

    device: str | None = DEFAULT_DEVICE
    """cpu, cuda, cuda:N or mps; by default the fastest there is."""

    backend: Backend | None = None
    """torch, onnxruntime or openvino: what runs the network. The latter two run on CPUs, and need extras of
    their names. By default torch; on a CPU, openvino takes over in longer work if it is installed."""

    size: int | None = None
    """Side of the pictures that the network draws; by default its largest. Half of it is drawn faster."""

    @property
    def files(self) -> tuple[Path, ...]:
        """What the weights' name may stand for among files; no output replaces it."""
        return (Path(self.weights),)

    @property
    def shown_name(self) -> str:
        """What visitors of a page see of the weights: their name, but not their folder."""
        return self.files[0].name if self.files[0].is_file() else self.weights

    def open(self) -> Animator:
        """The network, ready; imports PyTorch, which --help and wrong arguments do not wait for.

        Raises:
            LiaxError: If there are no such weights, no such device or no such backend.
        """
        from liax.portrait import Animator
        from liax.portrait.device import keep_freed_memory
        from liax.weights import load

        started = time.monotonic()
        keep_freed_memory()
        animator = Animator(load(self.weights, size=self.size), self.device, backend=self.backend)
        log.info(
            "opened %s on %s in %s, run by %s: %.1f s",
            self.weights,
            animator.device,
            str(animator.dtype).removeprefix("torch."),
            animator.backend,
            time.monotonic() - started,
        )
        return animator
