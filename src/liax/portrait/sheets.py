"""Pictures side by side with words: grids, and captions on frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
Cell = tuple[Pixels, str]

_PAPER, _INK, _FAINT = (255, 255, 255), (20, 20, 20), (90, 90, 90)
_GAP, _SMALLEST = 4, 9


def draw_sheet(rows: Iterable[tuple[str, Sequence[Cell]]], side: int = 256) -> Pixels:
    """A grid of captioned pictures on white, RGB uint8.

    Args:
        rows: Each a title and its cells: RGB uint8 pictures (H, W, 3) of one size, and what to write above
            them. Titles stand to the left, line by line; where all are empty there is no margin.
        side: The height of a picture in the sheet, in pixels; its width keeps its aspect.
    """
    shrunk = [
        (title, [(_at_height(picture, side), text) for picture, text in cells]) for title, cells in rows
    ]
    size = max(12, side // 12)
    font = ImageFont.load_default(size)
    line = round(1.5 * size)
    margin = max(round(font.getlength(text)) for title, _ in shrunk for text in title.split("\n"))
    margin += 4 * _GAP if margin else _GAP
    width = max(sum(picture.width + _GAP for picture, _ in cells) for _, cells in shrunk)
    sheet = Image.new("RGB", (margin + width, (line + side + _GAP) * len(shrunk) + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for row, (title, cells) in enumerate(shrunk):
        x, y = margin, row * (line + side + _GAP) + _GAP
        draw.multiline_text((2 * _GAP, y + line), title, _INK, font, spacing=line - size)
        for picture, text in cells:
            draw.text(
                (x + picture.width / 2, y + line / 2), text, _FAINT, _fit(text, picture.width, size), "mm"
            )
            sheet.paste(picture, (x, y + line))
            x += picture.width + _GAP
    return np.asarray(sheet)


def caption(picture_HW3: Pixels, text: str) -> Pixels:
    """The picture with `text` in its lower left corner, readable on any ground."""
    image = Image.fromarray(picture_HW3)
    size = max(12, image.height // 16)
    ImageDraw.Draw(image).text(
        (size / 2, image.height - size / 2),
        text,
        "white",
        ImageFont.load_default(size),
        anchor="ls",
        stroke_width=max(1, size // 8),
        stroke_fill="black",
    )
    return np.asarray(image)


def _fit(text: str, width: int, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The default font at `size`, or as much smaller as the text needs, down to what can be read."""
    length = ImageFont.load_default(size).getlength(text)
    return ImageFont.load_default(max(_SMALLEST, min(size, int(size * width / max(length, 1)))))


def _at_height(picture_HW3: Pixels, height: int) -> Image.Image:
    image = Image.fromarray(picture_HW3)
    width = max(1, round(image.width * height / image.height))
    return image if image.height == height else image.resize((width, height), Image.Resampling.LANCZOS)
