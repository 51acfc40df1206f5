"""How long does the picture of `liax studio` take to follow a slider?

    python benchmarks/slider.py [--device cuda] [--moves 40]

Makes the page's own call, `Studio.edit_portrait`, for one slider that moves through its range, once its
portrait is open: for the face's square alone, and pasted into the whole picture. What the browser and the
connection need comes on top. Times are shown as shares of the goal: half a second on a GPU, one second on
two CPU cores.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro

from liax.app.studio import Studio
from liax.options import EditOptions
from liax.portrait import Animator
from liax.weights import load

_GOALS = {"cuda": 0.5, "mps": 0.5, "cpu": 1.0}


@dataclass(frozen=True)
class Settings:
    """Measure how long a slider's picture takes."""

    portrait: Path = Path("src/liax/assets/demo_portrait.jpg")
    """A picture with a face."""
    weights: str = "small"
    """Name or file of the weights."""
    device: str | None = None
    """cpu, cuda, cuda:N or mps; by default the fastest there is."""
    float32: bool = False
    """Compute in float32 also where the device multiplies bfloat16 natively."""
    moves: int = 40
    """How often the slider is moved."""


def main(settings: Settings) -> None:
    animator = Animator(load(settings.weights), settings.device, torch.float32 if settings.float32 else None)
    goal = _GOALS[animator.device.type]
    control = next(iter(animator.controls))
    print(f"{animator.device}, {animator.dtype}, {torch.get_num_threads()} threads; {control.name}")
    with Studio(animator) as studio:
        for what, paste in (("square", False), ("pasted", True)):
            took = []
            for value in np.linspace(control.low, control.high, settings.moves + 1):
                start = time.perf_counter()
                studio.edit_portrait(
                    settings.portrait, {control.name: float(value)}, EditOptions(paste=paste)
                )
                took.append(time.perf_counter() - start)
            opened, middle, slow = took[0], np.median(took[1:]), np.quantile(took[1:], 0.95)
            print(
                f"{what}: median {middle * 1e3:.0f} ms, {middle / goal:.0%} of {goal:g} s, 95 % of moves "
                f"within {slow * 1e3:.0f} ms; the first {opened:.1f} s"
            )


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
