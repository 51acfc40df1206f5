"""Contact sheets: what the numbers look like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

MOMENTS = 6
_TILE, _TITLE, _GAP = 192, 24, 2


def liveliest(frames_THW3: NDArray[np.uint8], among: NDArray[np.int64], moments: int = MOMENTS) -> list[int]:
    """Frames unlike the first one (largest mean |difference|), a tenth of the clip apart; in order."""
    source = frames_THW3[0].astype(np.int16)
    motion = {int(i): float(np.abs(frames_THW3[i] - source).mean()) for i in among}
    apart = len(frames_THW3) / 10
    chosen: list[int] = []
    for index in sorted(motion, key=motion.__getitem__, reverse=True):
        if len(chosen) < moments and all(abs(index - other) >= apart for other in chosen):
            chosen.append(index)
    return sorted(chosen)


def contact_sheet(
    frames_THW3: NDArray[np.uint8], outputs: dict[int, NDArray[np.uint8]], title: str
) -> Image.Image:
    """Left the source; then per moment, from above: driving, output, |difference|."""
    rows = ("driving", "output", "|difference|")
    sheet = Image.new(
        "RGB", ((MOMENTS + 1) * (_TILE + _GAP), _TITLE + len(rows) * (_TILE + _GAP)), (24, 24, 24)
    )
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    pen.text((4, 4), title, "white", font)
    _paste(sheet, frames_THW3[0], 0, 0)
    pen.text((4, _TITLE + _TILE + _GAP + 4), "source (above)", "white", font)
    for column, (index, output) in enumerate(sorted(outputs.items()), 1):
        driving = frames_THW3[index]
        difference = np.abs(driving.astype(np.int16) - output).astype(np.uint8)
        for row, picture in enumerate((driving, output, difference)):
            _paste(sheet, picture, column, row)
            label = f"{rows[row]} {index}" if row == 0 else rows[row]
            place = column * (_TILE + _GAP) + 3, _TITLE + row * (_TILE + _GAP) + 2
            pen.text(place, label, "white", font, stroke_width=1, stroke_fill="black")
    return sheet


def worst_and_best(worst: Sequence[Path], best: Sequence[Path]) -> Image.Image:
    """Contact sheets below each other: the worst in the left column, the best in the right one."""
    columns = [[Image.open(path) for path in paths] for paths in (worst, best)]
    width, height = columns[0][0].size
    merged = Image.new("RGB", (2 * width + 8, height * max(map(len, columns))))
    for x, column in enumerate(columns):
        for y, sheet in enumerate(column):
            merged.paste(sheet, (x * (width + 8), y * height))
    return merged


def _paste(sheet: Image.Image, picture_HW3: NDArray[np.uint8], column: int, row: int) -> None:
    tile = Image.fromarray(picture_HW3).resize((_TILE, _TILE), Image.Resampling.LANCZOS)
    sheet.paste(tile, (column * (_TILE + _GAP), _TITLE + row * (_TILE + _GAP)))
