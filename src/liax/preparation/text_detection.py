"""Detection of text laid over a picture: strokes close to each other, in a line, that stand still."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Box

# Side of the pictures in which text is looked for, in pixels.
TEXT_SIDE = 256
# An edge of a stroke changes by more than _EDGE levels over two pixels, and by less than _LARGEST_CHANGE from
# the first to the last picture of a moment.
_EDGE, _LARGEST_CHANGE = 60, 24
# Strokes are counted within a window _WIDTH pixels wide that has as many of them in _ROWS rows in a row. A
# pattern that goes on for more than _HEIGHT rows, the height of letters, is not text.
_WIDTH, _ROWS, _HEIGHT = 64, 4, 38
# Fewer strokes are not looked at.
_FEWEST = 4


def count_text_strokes(moments_NTSS: NDArray[np.uint8], face: Box) -> int:
    """The most strokes of letters beside each other in a quarter of the picture's width, at any moment.

    Args:
        moments_NTSS: Grey pictures (TEXT_SIDE, TEXT_SIDE): the first and the last of each of N moments.
        face: The face's box. Only in its lowest sixth can there be letters.
    """
    left, top, right, bottom = (max(0, round(edge)) for edge in face)
    free_SS = np.ones((TEXT_SIDE, TEXT_SIDE), bool)
    free_SS[top : bottom - (bottom - top) // 6, left:right] = False
    return max(_strokes(moment[0], moment[-1], free_SS) for moment in moments_NTSS.astype(np.int16))


def _strokes(grey_SS: NDArray[np.int16], later_SS: NDArray[np.int16], free_SS: NDArray[np.bool_]) -> int:
    slope = grey_SS[:, 2:] - grey_SS[:, :-2]
    asked = (free_SS & (np.abs(grey_SS - later_SS) < _LARGEST_CHANGE))[:, 1:-1]
    # A stroke has two sides.
    strokes = np.minimum(_beside(asked & (slope > _EDGE)), _beside(asked & (slope < -_EDGE)))
    lines = np.lib.stride_tricks.sliding_window_view(strokes, _ROWS, 0).min(-1)
    for most in range(int(lines.max()), _FEWEST - 1, -1):
        if ((lines == most) & (_heights(strokes >= most / 2)[: len(lines)] <= _HEIGHT)).any():
            return most
    return 0


def _beside(edges: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many edges begin within _WIDTH pixels from each on."""
    begins = edges.copy()
    begins[:, 1:] &= ~edges[:, :-1]
    before = np.pad(np.cumsum(begins, 1), ((0, 0), (1, 0)))
    return before[:, _WIDTH:] - before[:, :-_WIDTH]


def _heights(marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many pixels are marked on end above and below each, itself included."""
    rows = np.broadcast_to(np.arange(len(marked))[:, None], marked.shape)
    above = np.maximum.accumulate(np.where(marked, -1, rows), 0)
    below = np.minimum.accumulate(np.where(marked, len(marked), rows)[::-1], 0)[::-1]
    return below - above - 1
