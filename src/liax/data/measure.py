"""Regions of a whole data set, file by file: kept as they come, so that an interruption costs little."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.data.frames import decode_item
from liax.data.manifest import Item, Manifest
from liax.data.regions import Regions, find_regions, load_regions, save_regions
from liax.errors import LiaxError
from liax.face.landmarks import FaceLandmarker

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int | None], None]

_SECONDS_BETWEEN_SAVES = 30.0


def measure_regions(
    manifest: Manifest, output: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> list[str]:
    """Writes the regions of every item to `output`; returns the files that could not be decoded.

    What `output` or an interrupted run's `unfinished(output)` already holds is not measured again, unless
    `overwrite`. Files that cannot be decoded are left out, each with a warning in the log.
    """
    partial = unfinished(output)
    known: dict[str, Regions] = {}
    if overwrite:
        partial.unlink(missing_ok=True)
    else:
        for path in (output, partial):
            known |= load_regions(path) if path.exists() else {}
    waiting = [item for item in manifest.items if item.file not in known]
    if not waiting and not partial.exists():
        return []
    total, begun = sum(item.frames for item in waiting), 0
    failed: list[str] = []
    saved = time.monotonic()
    try:
        with FaceLandmarker() as landmarker:
            for item in waiting:
                frames = _counted(manifest.folder, item, begun, total, progress)
                try:
                    known[item.file] = find_regions(landmarker, frames)
                except LiaxError as error:
                    log.warning(f"{error}.")
                    failed.append(item.file)
                begun += item.frames
                if time.monotonic() - saved > _SECONDS_BETWEEN_SAVES:
                    save_regions(partial, known)
                    saved = time.monotonic()
    except BaseException:
        save_regions(partial, known)
        raise
    save_regions(output, known)
    partial.unlink(missing_ok=True)
    return failed


def unfinished(output: Path) -> Path:
    """Where an interrupted run leaves what it has."""
    return output.with_name(f"{output.stem}.unfinished{output.suffix}")


def _counted(
    folder: Path, item: Item, begun: int, total: int, progress: Progress | None
) -> Iterator[NDArray[np.uint8]]:
    for done, frame_HW3 in enumerate(decode_item(folder, item), start=begun + 1):
        yield frame_HW3
        if progress is not None:
            progress("measuring", done, total)
