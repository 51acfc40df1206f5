"""Contact sheets: what the numbers look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

MOMENTS = 6
_TILE, _GAP, _LINE = 176, 3, 20
_PAPER, _INK, _FAINT = (255, 255, 255), (30, 32, 37), (99, 103, 111)


def liveliest(
    liveliness_T: NDArray[np.floating], among: NDArray[np.int64], moments: int = MOMENTS
) -> list[int]:
    """Frames among these that are least like the first one, a tenth of the clip apart; in order."""
    apart = len(liveliness_T) / 10
    chosen: list[int] = []
    for index in sorted(among.tolist(), key=lambda i: float(liveliness_T[i]), reverse=True):
        if len(chosen) < moments and all(abs(index - other) >= apart for other in chosen):
            chosen.append(index)
    return sorted(chosen)


def contact_sheet(
    source_RR3: NDArray[np.uint8],
    moments: Mapping[int, tuple[NDArray[np.uint8], NDArray[np.uint8]]],
    paired: bool,
) -> NDArray[np.uint8]:
    """Left the source; then a column for each moment: driving, output and, where paired, |difference|.

    moments: frame number -> driving and output. All pictures are square and RGB uint8, and so is the sheet.
    """
    rows = ["driving", "output", "|difference|"] if paired else ["driving", "output"]
    columns: list[tuple[str, Sequence[NDArray[np.uint8]]]] = []
    for number, (driving_RR3, output_RR3) in sorted(moments.items()):
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
