"""How many drafts a second does a page of `liax studio` get while a face is dragged?

    python benchmarks/dragging.py [--seconds 10] [--threads 2]

Serves the page, and asks over HTTP as drag.js does: one draft after the other, for a head that turns. What
the browser needs to show them comes on top, about ten milliseconds. The goal is 5 a second on two CPU cores.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import httpx
import numpy as np
import torch
import tyro

from liax.app.drafts import DRAFT_ROUTE
from liax.app.server import ServedPage
from liax.app.studio import Studio
from liax.portrait import Animator
from liax.weights import load

_GOAL = 5.0


@dataclass(frozen=True)
class Settings:
    """Measure drafts a second."""

    portrait: Path = Path("src/liax/assets/demo_portrait.jpg")
    """A picture with a face."""
    weights: str = "small"
    """Name or file of the weights."""
    device: str | None = None
    """cpu, cuda, cuda:N or mps; by default the fastest there is."""
    threads: int = 2
    """How many cores PyTorch may use."""
    seconds: float = 10.0
    """How long drafts are asked for."""


def main(settings: Settings) -> None:
    torch.set_num_threads(settings.threads)
    animator = Animator(load(settings.weights), settings.device)
    control = next(iter(animator.controls))
    print(f"{animator.device}, {animator.dtype}, {torch.get_num_threads()} threads; {control.name}")
    with Studio(animator) as studio:
        page = ServedPage(studio)
        fixed = {"page": "a", "portrait": shutil.copy(settings.portrait, studio.folder), "face": 0}
        fixed |= {"cropped": False, "paste": False, "measured": False}
        sides: Counter[int] = Counter()
        with httpx.Client(base_url=page.address, timeout=60) as client:
            amounts = cycle(np.linspace(control.low, control.high, 30).tolist())
            _ask(client, fixed, {})  # the portrait is opened
            begun, worked = time.perf_counter(), time.process_time()
            while (spent := time.perf_counter() - begun) < settings.seconds:
                sides[_ask(client, fixed, {control.name: next(amounts)})] += 1
        worked = (time.process_time() - worked) / sides.total()
        page.close()
    shown = ", ".join(f"{count} of {side}²" for side, count in sorted(sides.items()))
    rate = sides.total() / spent
    print(f"{rate:.1f} drafts a second, {rate / _GOAL:.0%} of the goal: {shown}")
    print(f"{1e3 * worked:.0f} ms of processor time a draft, on all cores together")


def _ask(client: httpx.Client, fixed: dict[str, object], settings: dict[str, float]) -> int:
    """The side in pixels at which the draft that comes was drawn."""
    answer = client.post(DRAFT_ROUTE, json={**fixed, "settings": settings}).raise_for_status()
    side: int = answer.json()["side"]
    return side


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
