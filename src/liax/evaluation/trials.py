"""One trial: drawn and measured in a single pass over its driving clip, a batch of frames in memory."""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.evaluation.animators import Animator
from liax.evaluation.clips import read_frames, select_frames
from liax.evaluation.framing import Framing, Seen, look_through, read_source
from liax.evaluation.kept import KeptFrames
from liax.evaluation.measures import Batch, Drawing, Measure
from liax.evaluation.protocols import Trial
from liax.evaluation.sheets import contact_sheet, liveliest
from liax.face.landmarks import FaceLandmarker
from liax.files import replacing
from liax.media.images import write_image


@dataclass(frozen=True)
class Folder:
    """Where the results of trials lie: for each NAME.json, NAME.npz, NAME.jpg, and kept frames."""

    path: Path

    def record(self, trial: Trial) -> dict[str, Any]:
        """What was measured of a trial so far: {} if nothing."""
        path = self.path / "clips" / f"{trial.name}.json"
        if not path.exists():
            return {}
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return record

    def arrays(self, trial: Trial) -> dict[str, NDArray[Any]]:
        """The arrays kept of a trial, called measure/name."""
        path = self.path / "clips" / f"{trial.name}.npz"
        if not path.exists():
            return {}
        with np.load(path) as arrays:
            return dict(arrays)

    def sheet(self, name: str) -> Path:
        """The contact sheet of the trial called `name`."""
        return self.path / "clips" / f"{name}.jpg"

    def kept(self, trial: Trial) -> KeptFrames:
        return KeptFrames(self.path / "frames" / trial.name)

    def write(self, trial: Trial, record: dict[str, Any], arrays: dict[str, Any]) -> None:
        """The record comes last and marks what is in it as done."""
        packed = io.BytesIO()
        np.savez_compressed(packed, **arrays)
        with replacing(self.path / "clips" / f"{trial.name}.npz") as file:
            file.write(packed.getbuffer())
        with replacing(self.path / "clips" / f"{trial.name}.json") as file:
            file.write(json.dumps(record, indent=1).encode())


@dataclass(frozen=True)
class Options:
    """size: side to compare at, None for the clips' own. cropper: finds faces in clips that are not cropped.

    batch: frames drawn at a time. keep: whether outputs are kept as pictures. sheet_frames: the most frames
    among which the sheet's moments are chosen, None for all.
    """

    size: int | None
    cropper: FaceLandmarker | None
    batch: int
    keep: bool
    sheet_frames: int | None


def missing(measures: Sequence[Measure], record: dict[str, Any]) -> list[Measure]:
    """The measures that a trial's record lacks, or has by another backbone."""
    done = record.get("measured", {})
    return [
        m
        for m in measures
        if m.name not in done or (done[m.name] != m.backbone and not isinstance(m, Drawing))
    ]


def measure_trial(
    trial: Trial,
    animator: Animator,
    measures: Sequence[Measure],
    folder: Folder,
    options: Options,
    tick: Callable[[int, int], None],
) -> None:
    """Draw a trial, let `measures` watch, and write what they saw beside what is there already.

    Where its outputs are kept as pictures, these are measured instead of drawing anew. tick: called with how
    many frames are done, and of how many.
    """
    seen = look_through(trial.driving.path, options.size, options.cropper)
    source_RR3 = _source(trial, seen, options)
    moments = liveliest(seen.liveliness_T, select_frames(seen.count, options.sheet_frames))
    # What measures of drawing watch is whatever the others need.
    looked = [(m.frames(seen.count), m.begin(trial.driving, seen, source_RR3)) for m in measures]
    wanted = reduce(np.union1d, [numbers for numbers, _ in looked], np.array([0, *moments]))
    kept = folder.kept(trial)
    if (reading := kept.has(wanted)) and not any(isinstance(m, Drawing) for m in measures):
        draw = kept.draw()
    else:
        reading = False
        draw = animator.begin(trial, source_RR3, seen.count)
    shown = {}
    for done, (numbers_B, driving_BRR3) in _batches(trial, seen.framing, wanted, options.batch):
        begun = time.perf_counter()
        output_B3RR, alpha_BM = draw(numbers_B, driving_BRR3)
        seconds = (time.perf_counter() - begun) / len(numbers_B)
        batch = Batch(numbers_B, driving_BRR3, output_B3RR, alpha_BM, seconds)
        for (numbers, watch), measure in zip(looked, measures, strict=True):
            part = batch if isinstance(measure, Drawing) else batch.only(numbers)
            if part is not None:
                watch.add(part)
        if options.keep and not reading:
            kept.keep(numbers_B, batch.output_BRR3)
        for number, driving_RR3, output_RR3 in zip(
            numbers_B.tolist(), driving_BRR3, batch.output_BRR3, strict=True
        ):
            if number in moments:
                shown[number] = driving_RR3, output_RR3
        tick(done, len(wanted))
    _write(trial, seen, {m: w.result() for m, (_, w) in zip(measures, looked, strict=True)}, folder)
    if not folder.sheet(trial.name).exists():
        paired = trial.source == trial.driving
        write_image(folder.sheet(trial.name), contact_sheet(source_RR3, shown, paired))


def _write(trial: Trial, seen: Seen, results: dict[Any, Any], folder: Folder) -> None:
    record, arrays = folder.record(trial), folder.arrays(trial)
    record = {
        "clip": trial.name,
        "source": trial.source.identity,
        "driving": trial.driving.identity,
        "frames": seen.count,
        "resolution": [seen.width, seen.height],
        "compared_at": seen.framing.size,
        "measured": record.get("measured", {}),
        "numbers": record.get("numbers", {}),
    }
    for measure, result in results.items():
        record["measured"][measure.name] = measure.backbone
        record["numbers"] |= {k: v if math.isfinite(v) else None for k, v in result.numbers.items()}
        arrays |= {f"{measure.name}/{key}": array for key, array in result.arrays.items()}
    folder.write(trial, record, arrays)


def _source(trial: Trial, seen: Seen, options: Options) -> NDArray[np.uint8]:
    if trial.source == trial.driving:
        return seen.framing.shown(next(iter(read_frames(trial.driving.path))))
    return read_source(trial.source.path, seen.framing.size, options.cropper)


def _batches(
    trial: Trial, framing: Framing, wanted: NDArray[np.int64], size: int
) -> Iterator[tuple[int, tuple[NDArray[np.int64], NDArray[np.uint8]]]]:
    """How many frames have come with this batch; their numbers, and what is compared of them."""
    chosen, last = set(wanted.tolist()), int(wanted[-1])
    numbers: list[int] = []
    frames: list[NDArray[np.uint8]] = []
    done = 0
    for number, frame_HW3 in enumerate(read_frames(trial.driving.path)):
        if number in chosen:
            numbers.append(number)
            frames.append(framing.shown(frame_HW3))
        if numbers and (len(numbers) == size or number == last):
            done += len(numbers)
            yield done, (np.array(numbers), np.stack(frames))
            numbers, frames = [], []
        if number == last:
            return
