"""One trial: drawn and measured in a single pass over its driving clip, and shown as a contact sheet.

Memory holds a batch of frames.
"""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from liax.bounded import read_arrays, short
from liax.errors import LiaxError
from liax.evaluation.clip_scan import ClipScan, ComparedSquare, read_source, scan_clip
from liax.evaluation.clips import Trial, read_frames, select_frames
from liax.evaluation.metrics import FrameBatch, MetricFamily, MetricResult, TimeAndCoefficients
from liax.evaluation.options import EvaluateOptions
from liax.evaluation.reenactors import CachedFrames, Reenactor
from liax.face.landmarks import FaceLandmarker
from liax.files import atomic_file
from liax.media.images import write_image
from liax.report.json_files import read_json

HIGHLIGHTS = 6
_TILE, _GAP, _LINE = 176, 3, 20
_PAPER, _INK, _FAINT = (255, 255, 255), (30, 32, 37), (99, 103, 111)


def pick_highlights(
    liveliness_T: NDArray[np.floating], among: NDArray[np.int64], highlights: int = HIGHLIGHTS
) -> list[int]:
    """Those frames of `among` that are least like the first one, a tenth of the clip apart; in order."""
    apart = len(liveliness_T) / 10
    chosen: list[int] = []
    for index in sorted(among.tolist(), key=lambda i: float(liveliness_T[i]), reverse=True):
        if len(chosen) < highlights and all(abs(index - other) >= apart for other in chosen):
            chosen.append(index)
    return sorted(chosen)


def contact_sheet(
    source_RR3: NDArray[np.uint8],
    highlights: Mapping[int, tuple[NDArray[np.uint8], NDArray[np.uint8]]],
    paired: bool,
) -> NDArray[np.uint8]:
    """The source at the left, then a column for each highlight: driving, output and, where paired,
    |difference|.

    Args:
        source_RR3: RGB uint8 and square, like all pictures here.
        highlights: Frame number -> driving and output.
        paired: Whether outputs have a ground truth.

    Returns:
        The sheet, RGB uint8 (H, W, 3).
    """
    rows = ["driving", "output", "|difference|"] if paired else ["driving", "output"]
    columns: list[tuple[str, Sequence[NDArray[np.uint8]]]] = []
    for number, (driving_RR3, output_RR3) in sorted(highlights.items()):
        difference_RR3 = np.abs(driving_RR3.astype(np.int16) - output_RR3).astype(np.uint8)
        columns.append((f"frame {number}", (driving_RR3, output_RR3, difference_RR3)[: len(rows)]))
    left = _TILE + 2 * _GAP + _LINE
    size = (left + len(columns) * (_TILE + _GAP), _LINE + len(rows) * (_TILE + _GAP))
    sheet = Image.new("RGB", size, _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    pen.text((_TILE / 2, _LINE / 2), "source", _FAINT, font, "mm")
    _paste(sheet, source_RR3, 0, _LINE)
    for row, name in enumerate(rows):
        band = Image.new("RGB", (_TILE, _LINE), _PAPER)
        ImageDraw.Draw(band).text((_TILE / 2, _LINE / 2), name, _INK, font, "mm")
        sheet.paste(band.rotate(90, expand=True), (left - _GAP - _LINE, _LINE + row * (_TILE + _GAP)))
    for column, (name, pictures) in enumerate(columns):
        x = left + column * (_TILE + _GAP)
        pen.text((x + _TILE / 2, _LINE / 2), name, _FAINT, font, "mm")
        for row, picture_RR3 in enumerate(pictures):
            _paste(sheet, picture_RR3, x, _LINE + row * (_TILE + _GAP))
    return np.asarray(sheet)


def _paste(sheet: Image.Image, picture_RR3: NDArray[np.uint8], x: int, y: int) -> None:
    sheet.paste(Image.fromarray(picture_RR3).resize((_TILE, _TILE), Image.Resampling.LANCZOS), (x, y))


@dataclass(frozen=True)
class TrialFolder:
    """Where results of trials are: clips/NAME.json, .npz and .jpg of each, and frames/NAME if kept."""

    path: Path

    def record(self, trial: Trial) -> dict[str, Any]:
        """What has been measured of a trial; {} if nothing has."""
        path = self.path / "clips" / f"{trial.name}.json"
        if not path.exists():
            return {}
        record = read_json(path)
        if not isinstance(record, dict) or not isinstance(record.get("measured", {}), dict):
            raise LiaxError(f"{path} is damaged; delete it to have it measured anew.")
        return record

    def arrays(self, trial: Trial) -> dict[str, NDArray[Any]]:
        """The arrays kept of a trial, by "family/name"."""
        path = self.path / "clips" / f"{trial.name}.npz"
        if not path.exists():
            return {}
        try:
            return read_arrays(path)
        except (OSError, ValueError) as error:
            problem = f"{path} is damaged ({short(error)}); delete it, and the .json beside it."
            raise LiaxError(problem) from None

    def sheet(self, name: str) -> Path:
        """The contact sheet of the trial called `name`."""
        return self.path / "clips" / f"{name}.jpg"

    def frame_cache(self, trial: Trial) -> CachedFrames:
        """The outputs of a trial that are kept as pictures."""
        return CachedFrames(self.path / "frames" / trial.name)

    def write(self, trial: Trial, record: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Write both; the record comes last, and marks what is in it as done."""
        packed = io.BytesIO()
        np.savez_compressed(packed, **arrays)
        with atomic_file(self.path / "clips" / f"{trial.name}.npz") as file:
            file.write(packed.getbuffer())
        with atomic_file(self.path / "clips" / f"{trial.name}.json") as file:
            file.write(json.dumps(record, indent=1).encode())


def missing_metrics(families: Sequence[MetricFamily], record: dict[str, Any]) -> list[MetricFamily]:
    """The families that a trial's record lacks, or has by another backbone."""
    done = record.get("measured", {})
    return [
        family
        for family in families
        if family.name not in done
        or (done[family.name] != family.backbone and not isinstance(family, TimeAndCoefficients))
    ]


def measure_trial(
    trial: Trial,
    reenactor: Reenactor,
    families: Sequence[MetricFamily],
    folder: TrialFolder,
    options: EvaluateOptions,
    cropper: FaceLandmarker | None,
    tick: Callable[[int, int], None],
) -> None:
    """Draw a trial, measure it, and add what was measured to its record.

    If its outputs are kept as pictures, these are measured, and nothing is drawn.

    Args:
        families: What is measured.
        cropper: Finds faces in clips that are not cropped.
        tick: Called with the number of frames done, and of how many.
    """
    scan = scan_clip(trial.driving.path, options.size, cropper)
    source_RR3 = _source_picture(trial, scan, cropper)
    highlights = pick_highlights(scan.liveliness_T, select_frames(scan.count, options.most_frames))
    accumulators = [(f.frames(scan.count), f.prepare(trial.driving, scan, source_RR3)) for f in families]
    wanted = reduce(np.union1d, [numbers for numbers, _ in accumulators], np.array([0, *highlights]))
    cached = folder.frame_cache(trial)
    reading = cached.has(wanted) and not any(isinstance(f, TimeAndCoefficients) for f in families)
    draw = cached.draw() if reading else reenactor.prepare(trial, source_RR3, scan.count)
    shown = {}
    for done, (numbers_B, driving_BRR3) in _batches(trial, scan.framing, wanted, options.batch):
        begun = time.perf_counter()
        output_B3RR, alpha_BM = draw(numbers_B, driving_BRR3)
        seconds = (time.perf_counter() - begun) / len(numbers_B)
        batch = FrameBatch(numbers_B, driving_BRR3, output_B3RR, alpha_BM, seconds)
        for (numbers, accumulator), family in zip(accumulators, families, strict=True):
            # Time and coefficients are of whatever frames the others need.
            part = batch if isinstance(family, TimeAndCoefficients) else batch.only(numbers)
            if part is not None:
                accumulator.add(part)
        if options.keep_frames and not reading:
            cached.write(numbers_B, batch.output_BRR3)
        for number, driving_RR3, output_RR3 in zip(
            numbers_B.tolist(), driving_BRR3, batch.output_BRR3, strict=True
        ):
            if number in highlights:
                shown[number] = driving_RR3, output_RR3
        tick(done, len(wanted))
    results = {f: accumulator.result() for f, (_, accumulator) in zip(families, accumulators, strict=True)}
    _write_trial(trial, scan, results, folder)
    if not folder.sheet(trial.name).exists():
        paired = trial.source == trial.driving
        write_image(folder.sheet(trial.name), contact_sheet(source_RR3, shown, paired))


def _write_trial(
    trial: Trial, scan: ClipScan, results: Mapping[MetricFamily, MetricResult], folder: TrialFolder
) -> None:
    record, arrays = folder.record(trial), folder.arrays(trial)
    record = {
        "clip": trial.name,
        "source": trial.source.identity,
        "driving": trial.driving.identity,
        "frames": scan.count,
        "resolution": [scan.width, scan.height],
        "compared_at": scan.framing.size,
        "measured": record.get("measured", {}),
        "numbers": record.get("numbers", {}),
    }
    for family, result in results.items():
        record["measured"][family.name] = family.backbone
        record["numbers"] |= {k: v if math.isfinite(v) else None for k, v in result.numbers.items()}
        arrays |= {f"{family.name}/{key}": array for key, array in result.arrays.items()}
    folder.write(trial, record, arrays)


def _source_picture(trial: Trial, scan: ClipScan, cropper: FaceLandmarker | None) -> NDArray[np.uint8]:
    if trial.source == trial.driving:
        return scan.framing.cut(next(iter(read_frames(trial.driving.path))))
    return read_source(trial.source.path, scan.framing.size, cropper)


def _batches(
    trial: Trial, framing: ComparedSquare, wanted: NDArray[np.int64], size: int
) -> Iterator[tuple[int, tuple[NDArray[np.int64], NDArray[np.uint8]]]]:
    """How many frames are done with this batch; their numbers, and what is compared of them (B, R, R, 3)."""
    chosen, last = set(wanted.tolist()), int(wanted[-1])
    numbers: list[int] = []
    frames: list[NDArray[np.uint8]] = []
    done = 0
    for number, frame_HW3 in enumerate(read_frames(trial.driving.path)):
        if number in chosen:
            numbers.append(number)
            frames.append(framing.cut(frame_HW3))
        if numbers and (len(numbers) == size or number == last):
            done += len(numbers)
            yield done, (np.array(numbers), np.stack(frames))
            numbers, frames = [], []
        if number == last:
            return
