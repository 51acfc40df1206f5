"""What the pixels of a file say: whether the invisible mark is in its picture, or in frames of its video."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.marking.pixel_reading import PixelMark, read_pixels
from liax.media.footage import open_footage

FRAMES = 16
"""How many frames of a video are read, evenly over it."""

_MOST_DECODED = 2000  # frames, of which the rest of a long video is left out
_UNKNOWN_STEP = 10


def read_pixel_mark(path: Path) -> PixelMark:
    """What a picture's or video's pixels say, whoever saved it last.

    Of a video, some frames are read together. Crops of down to four fifths of the width
    and of the height are found.
    """
    try:
        return read_pixels(_sampled(path))
    except LiaxError as error:
        return PixelMark(problem=str(error))


def _sampled(path: Path) -> Iterator[NDArray[np.uint8]]:
    footage = open_footage(path, "file")
    step = _UNKNOWN_STEP
    if footage.expected is not None:
        step = max(1, min(footage.expected, _MOST_DECODED) // FRAMES)
    for frame in islice(iter(footage), 0, min(step * FRAMES, _MOST_DECODED), step):
        yield frame.rgb()
