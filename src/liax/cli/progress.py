"""How far a long run has come, on standard error: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 10.0


class ProgressDisplay:
    """Call it with (what is being done, frames done, frames in all or None); use as a context manager.

    Args:
        units: What is counted, for stages that do not count frames.
    """

    def __init__(self, units: Mapping[str, str] | None = None) -> None:
        self._units = units or {}
        self._bar: Progress | None = None
        console = Console(stderr=True)
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=console,
                transient=True,
            )
        self._stage: str | None = None
        self._stage_started = self._last_printed = time.monotonic()

    def __enter__(self) -> ProgressDisplay:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._log_stage(time.monotonic())

    def _log_stage(self, now: float) -> None:
        if self._stage is not None:
            log.info("%s: %.1f s", self._stage, now - self._stage_started)

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._log_stage(now)
            self._stage, self._stage_started, self._last_printed = stage, now, now
            if self._bar is not None:
                for task in self._bar.task_ids:
                    self._bar.remove_task(task)
                self._bar.add_task(stage, total=total)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, total=total)
        elif now - self._last_printed >= _SECONDS_BETWEEN_LINES:
            self._last_printed = now
            counted = _counted(done, total, self._units.get(stage, "frames"), now - self._stage_started)
            print(f"{stage}: {counted}", file=sys.stderr, flush=True)


def _counted(done: int, total: int | None, unit: str, seconds: float) -> str:
    if not total or total < done:
        return f"{done} {unit}"
    left = seconds / max(done, 1) * (total - done)
    return f"{done} of {total} {unit}, about {left:.0f} s left"
