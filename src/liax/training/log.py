"""The log of a run: lines on stderr with the time left, log.csv, TensorBoard scalars and pictures."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image
from rich.console import Console
from torch import Tensor

from liax.training.checkpoint import write_atomically
from liax.training.config import TrainConfig

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class RunLog:
    """The log of one process.

    Args:
        quiet: Write nothing, as all processes but the first do.
    """

    def __init__(self, config: TrainConfig, quiet: bool) -> None:
        self._config, self._quiet = config, quiet
        self._console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self._writer: SummaryWriter | None = None
        self._mark = (0, time.monotonic())

    def say(self, text: str) -> None:
        self._console.print(text)

    def loading(self, done: int, total: int) -> None:
        if done % max(total // 10, 1) == 0 or done == total:
            self.say(f"reading frames: {done} of {total} files")

    def begin(self, step: int) -> None:
        """Before the first step after `step`; what a killed run logged later than that is dropped."""
        self._mark = (step, time.monotonic())
        if not self._quiet:
            from torch.utils.tensorboard import SummaryWriter

            _drop_after(step, self._config.out / "log.csv")
            self._writer = SummaryWriter(self._config.out, purge_step=step + 1)

    def scalars(self, step: int, values: dict[str, float], minutes: float) -> None:
        """Losses of one step, with the speed since the last call and the time left at that speed.

        On a GPU also the peak memory so far, in GiB.
        """
        (last_step, last_time), now = self._mark, time.monotonic()
        self._mark = (step, now)
        speed = (step - last_step) / max(now - last_time, 1e-9)
        left = (self._config.steps - step) / max(speed, 1e-9)
        if self._config.max_minutes is not None:
            left = min(left, 60 * (self._config.max_minutes - minutes))
        about = {"speed": speed}
        shown = f"{speed:.3g} it/s"
        if torch.cuda.is_available():
            about["memory"] = torch.cuda.max_memory_allocated() / 2**30
            shown += f" {about['memory']:.1f} GiB"
        losses = " ".join(f"{name} {value:.4f}" for name, value in values.items())
        self.say(f"step {step}/{self._config.steps} {shown} {_minutes(left)} left {losses}")
        self._write(step, {f"train/{name}": value for name, value in values.items()} | about)

    def validation(self, step: int, scores: dict[str, float], picture_3HW: Tensor) -> None:
        self.say(f"step {step} validation " + " ".join(f"{n} {v:.4f}" for n, v in scores.items()))
        self._write(step, {f"val/{name}": value for name, value in scores.items()})
        if self._writer is not None:
            pixels_HW3 = (picture_3HW * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
            Image.fromarray(pixels_HW3).save(self._config.out / "validation.png")
            self._writer.add_image("val/source-driving-output", picture_3HW, step)
            self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _write(self, step: int, values: dict[str, float]) -> None:
        if self._writer is None:
            return
        with (self._config.out / "log.csv").open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(
                (step, name, f"{value:.6g}") for name, value in values.items()
            )
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)


def _drop_after(step: int, path: Path) -> None:
    """Keeps the whole lines of a log up to and including `step`."""
    if not path.exists():
        return
    lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.endswith("\n") and int(line.partition(",")[0]) <= step]
    write_atomically(path, "".join(kept))


def _minutes(seconds: float) -> str:
    return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
