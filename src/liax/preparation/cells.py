"""Cells of grids and split screens, pictures within bars: parts of a picture that straight seams bound."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Cell = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels, the last two exclusive."""

# At a point of a seam, levels step by at least _STEP over two pixels, on average over all pictures, and by
# _ALONE times as much as they do on average up to _BESIDE pixels away: seams are sharper than what is filmed.
_STEP, _ALONE, _BESIDE = 6.0, 2.5, 8
# So much of a line across the picture, or a part of it, has to be like that. Door frames and panels end at
# shoulders; on 110 people's clips without a grid, two had a line that is no seam.
_SHARE = 0.85
# Lines whose levels step by less than this on average are of bars, and do not count.
_FLAT = 0.5
# Parts that are less than this share of the picture's shorter side wide are bars and captions.
_LEAST = 0.12
# Rows and columns beside a seam that belong to neither side, and the share of the picture at its edge in
# which codecs and scaling leave seams of their own.
_BLURRED, _EDGE = 2, 0.02


@dataclass(frozen=True)
class _Part:
    top: int
    bottom: int
    left: int
    right: int


class SeamFinder:
    """Looks for straight seams that stand still over the pictures given to `add`, all of one size.

    Memory is two numbers a pixel.
    """

    def __init__(self) -> None:
        self._count = 0
        self._across_HW = self._down_HW = np.zeros((0, 0), np.float32)  # sums of steps

    def add(self, image_HW3: NDArray[np.uint8]) -> None:
        """The next RGB uint8 picture (H, W, 3), or a grey one (H, W)."""
        levels = image_HW3.astype(np.float32)
        across_HW, down_HW = _steps(levels, 1), _steps(levels, 0)
        self._across_HW = self._across_HW + across_HW if self._count else across_HW
        self._down_HW = self._down_HW + down_HW if self._count else down_HW
        self._count += 1

    def cells(self, scale: float = 1.0) -> list[Cell]:
        """The parts of the pictures between seams, without bars; the whole picture if there is no seam.

        Args:
            scale: What they are multiplied with, for pictures that were scaled down.
        """
        if not self._count:
            return []
        marked = self._marked()
        steps_HW = (self._across_HW + self._down_HW) / np.float32(self._count)
        height, width = marked[0].shape
        found: list[_Part] = []
        least = _LEAST * min(height, width)
        waiting = [_Part(0, height, 0, width)]
        while waiting:
            part = waiting.pop()
            if min(part.bottom - part.top, part.right - part.left) < least:
                continue
            halves = _divided(marked, steps_HW, part)
            waiting += halves
            if not halves:
                found.append(part)
        return [
            (math.ceil(p.left * scale), math.ceil(p.top * scale), int(p.right * scale), int(p.bottom * scale))
            for p in sorted(found, key=lambda p: (p.top, p.left))
        ]

    def longest(self) -> float:
        """The share of the picture's height or width along which its longest seam runs."""
        if not self._count:
            return 0.0
        across_HW, down_HW = self._marked()
        return float(max(_shares(across_HW, 0).max(), _shares(down_HW, 1).max()))

    def _marked(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where the picture steps from left to right, and from top to bottom, as at a seam."""
        down_WH = _seam_points(self._down_HW.T / np.float32(self._count))
        return _seam_points(self._across_HW / np.float32(self._count)), down_WH.T


def _steps(levels: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """How far the brightest-changing channel steps over two pixels around each."""
    padded = np.pad(levels, [(1, 1) if k == axis else (0, 0) for k in range(levels.ndim)], mode="edge")
    before, after = (np.take(padded, range(k, k + levels.shape[axis]), axis) for k in (0, 2))
    step = np.abs(after - before)
    return step.max(-1) if step.ndim == 3 else step


def _seam_points(step_HW: NDArray[np.float32]) -> NDArray[np.bool_]:
    padded_HW = np.pad(step_HW, ((0, 0), (_BESIDE, _BESIDE)), mode="reflect")
    offsets = [k for k in range(-_BESIDE, _BESIDE + 1) if abs(k) > 2]
    width = step_HW.shape[1]
    beside = np.median([padded_HW[:, _BESIDE + k : _BESIDE + k + width] for k in offsets], 0)
    return (step_HW > _STEP) & (step_HW > _ALONE * beside)


def _shares(marked_HW: NDArray[np.bool_], along: int) -> NDArray[np.float64]:
    """Per line the share of its length that is marked, 0 at the edges."""
    shares = np.asarray(marked_HW.mean(along))
    edge = max(1, round(_EDGE * len(shares)))
    shares[:edge] = shares[-edge:] = 0
    return shares


def _divided(
    marked: tuple[NDArray[np.bool_], NDArray[np.bool_]], steps_HW: NDArray[np.float32], part: _Part
) -> list[_Part]:
    """Both sides of the clearest seam across a part; none if there is no seam."""
    within = (slice(part.top, part.bottom), slice(part.left, part.right))
    across_HW, down_HW = marked[0][within], marked[1][within]
    filled_H, filled_W = (steps_HW[within].mean(axis) > _FLAT for axis in (1, 0))
    if not filled_H.any() or not filled_W.any():
        return []
    columns, rows = _shares(across_HW[filled_H], 0), _shares(down_HW[:, filled_W], 1)
    if max(columns.max(), rows.max()) < _SHARE:
        return []
    if columns.max() >= rows.max():
        at = part.left + int(columns.argmax())
        return [
            replace(part, right=at - _BLURRED + 1),
            replace(part, left=at + _BLURRED),
        ]
    at = part.top + int(rows.argmax())
    return [replace(part, bottom=at - _BLURRED + 1), replace(part, top=at + _BLURRED)]
