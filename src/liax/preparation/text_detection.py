"""Detection of text that is laid over a picture: strokes close beside each other, in a line, that stand
still.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Box

# Everything is measured in pictures of so many pixels a side.
TEXT_SIDE = 256
# An edge of a stroke: so many levels over two pixels, and the picture changes by fewer meanwhile.
_EDGE, _LARGEST_CHANGE = 60, 24
# Strokes count within so many pixels beside each other, where they are as many in so many rows on end; a
# pattern that goes on for more rows than letters are high is no text.
_WIDTH, _ROWS, _HEIGHT = 64, 4, 38
# Fewer are not worth looking at.
_FEWEST = 4


def count_text_strokes(moments_NTSS: NDArray[np.uint8], face: Box) -> int:
    """The most strokes of letters beside each other in a quarter of the picture's width, at any moment.

    Args:
        moments_NTSS: Grey pictures of SIDE pixels a side: N moments, the first and the last picture of each.
        face: Its box; in it nothing is taken for a letter, but in its lowest sixth.
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
