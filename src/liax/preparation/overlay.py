"""Text that is laid over a picture: letters that stand still, stand out and stand in a line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Box

# Heights of letters, as shares of the picture's side, and their widths and filling, as shares of the box.
_LOW, _HIGH = 0.025, 0.14
_NARROW, _WIDE = 0.12, 1.8
_FULL = 0.9
# What stands still changes by at most so many levels in most of the frames; what stands out differs so much
# from its surroundings.
_STEADY, _CONTRAST = 24, 50
# Neighbours in a line: alike in height within a ratio, level and close within shares of the height.
_ALIKE, _LEVEL, _CLOSE = 1.7, 0.35, 1.3


def letters_in_a_line(grey_NHW: NDArray[np.uint8], face: Box) -> int:
    """The most letters that stand in one line beside or below the face, over a few frames of a clip.

    grey_NHW: grey frames from all over the clip. face: in which nothing is taken for a letter, but its lowest
    sixth.
    """
    import cv2

    still_HW = np.median(grey_NHW, 0).astype(np.uint8)
    spread_HW = np.median(np.abs(grey_NHW.astype(np.int16) - still_HW), 0) * 2
    steady_HW = spread_HW < _STEADY
    side = len(still_HW)
    finder = cv2.MSER.create(5, int((_LOW * side) ** 2 * 0.2), int((_HIGH * side) ** 2 * _WIDE))
    regions, boxes = finder.detectRegions(still_HW)
    letters = []
    for points, (x, y, width, height) in zip(regions, boxes, strict=True):
        points_N2 = np.asarray(points)
        shape = _LOW * side <= height <= _HIGH * side and _NARROW * height <= width <= _WIDE * height
        if not shape or (len(points_N2) > _FULL * width * height and width > 0.4 * height):
            continue
        centre = (x + width / 2, y + height / 2)
        if face[0] < centre[0] < face[2] and face[1] < centre[1] < face[3] - (face[3] - face[1]) / 6:
            continue
        rows, columns = points_N2[:, 1], points_N2[:, 0]
        if steady_HW[rows, columns].mean() < 0.8:
            continue
        window = still_HW[max(0, y - 1) : y + height + 1, max(0, x - 1) : x + width + 1].astype(float)
        inside = float(still_HW[rows, columns].mean())
        outside = (window.sum() - inside * len(points_N2)) / max(window.size - len(points_N2), 1)
        if abs(inside - outside) >= _CONTRAST:
            letters.append((float(x), float(y), float(width), float(height)))
    return _longest_line(_distinct(letters))


def _distinct(letters: list[tuple[float, float, float, float]]) -> list[tuple[float, float, float, float]]:
    """Without regions that are found twice, or within another: a letter's hole, its shadow."""
    kept: list[tuple[float, float, float, float]] = []
    for x, y, width, height in sorted(letters, key=lambda box: box[2] * box[3], reverse=True):
        cx, cy = x + width / 2, y + height / 2
        if not any(a <= cx <= a + w and b <= cy <= b + h for a, b, w, h in kept):
            kept.append((x, y, width, height))
    return kept


def _longest_line(letters: list[tuple[float, float, float, float]]) -> int:
    longest = 0
    lines: list[list[tuple[float, float, float, float]]] = []
    for letter in sorted(letters):
        x, y, _, height = letter
        for line in lines:
            a, b, w, h = line[-1]
            alike = max(height, h) / min(height, h) < _ALIKE
            level = abs((y + height / 2) - (b + h / 2)) < _LEVEL * max(height, h)
            if alike and level and x - (a + w) < _CLOSE * max(height, h):
                line.append(letter)
                break
        else:
            lines.append([letter])
        longest = max(longest, max(map(len, lines)))
    return longest
