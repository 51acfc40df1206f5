"""Find faces in pictures of any size, also those too small, too close or turned too far for one run of the
landmarker.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Box, resize
from liax.face.landmarks import Face, FaceLandmarker
from liax.pipeline import mapped

MAX_SIDE = 1280
"""Longest side of the landmarker's input in pixels; it finds faces at 192 and measures them at 256."""

# Smaller parts, by their side in pixels, show nothing that the whole picture did not.
_MIN_PART = 128
# Side of the square around its place in which a face is looked for again, relative to its box.
_NEIGHBOURHOOD = 3.0
# Likewise, one after the other, in which it is to be certain.
_SURROUNDINGS = (4.0, 2.0)
# Two detections are the same face if their boxes overlap by this fraction of the smaller one.
_SAME_FACE_OVERLAP = 0.5


def find_faces(
    landmarker: FaceLandmarker,
    image_HW3: NDArray[np.uint8],
    *,
    thorough: bool = True,
    enough: float = math.inf,
    at_once: int = 1,
) -> list[Face]:
    """All faces in an RGB uint8 image (H, W, 3), largest first; empty if there are none.

    Args:
        landmarker: It sees the picture, and parts of it, as single images.
        image_HW3: The picture.
        thorough: Also search overlapping quarters, for faces that are small in the picture. If these have no
            face either, search the picture with a margin around it, for a face that fills it, then the
            picture turned, for one that lies on its side, and then sixteenths, for faces down to about 4 % of
            the longer side.
        enough: A face of this share of the longer side, found at first sight, ends a thorough search.
        at_once: How many parts are searched at once, in threads.
    """
    height, width = image_HW3.shape[:2]
    whole = (0, 0, width, height)
    faces = find_in_box(landmarker, image_HW3, whole)
    if not thorough or (faces and faces[0].area >= (enough * max(width, height)) ** 2):
        return faces
    faces += _in_parts(landmarker, image_HW3, 2, at_once)
    if not faces:
        faces = find_in_box(landmarker, image_HW3, (-width / 3, -height / 3, width * 4 / 3, height * 4 / 3))
    for quarters in (1, 3, 2):
        faces = faces or find_in_box(landmarker, image_HW3, whole, quarters=quarters, sure=True)
    if not faces:
        faces = _in_parts(landmarker, image_HW3, 4, at_once)
    return _distinct(faces)


def find_upright(landmarker: FaceLandmarker, image_HW3: NDArray[np.uint8], face: Face) -> Face:
    """A face of the picture as it is measured when it stands upright.

    A landmarker measures faces badly that lie on their side, and may take one for its opposite. So the face's
    surroundings are turned until it is certain. A face that it never is stays as it was found.
    """
    likeliest = round(face.roll / 90)
    for factor in _SURROUNDINGS:
        view = _around(face.box, factor)
        for quarters in (likeliest, likeliest + 2, likeliest + 1, likeliest - 1):
            for found in find_in_box(landmarker, image_HW3, view, quarters=quarters, sure=True):
                if overlap(found.box, face.box) > _SAME_FACE_OVERLAP:
                    return found
    return face


def find_near(landmarker: FaceLandmarker, image_HW3: NDArray[np.uint8], box: Box) -> list[Face]:
    """Faces around a box, largest first."""
    return find_in_box(landmarker, image_HW3, _around(box, _NEIGHBOURHOOD))


def _around(box: Box, factor: float) -> Box:
    """The square about a box's centre whose side is `factor` times the box's longer side."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    reach = factor / 2 * max(box[2] - box[0], box[3] - box[1])
    return x - reach, y - reach, x + reach, y + reach


def _in_parts(
    landmarker: FaceLandmarker, image_HW3: NDArray[np.uint8], parts: int, at_once: int
) -> list[Face]:
    """Faces in overlapping squares whose side is the longer side / parts; a face may be found repeatedly."""
    height, width = image_HW3.shape[:2]
    side = max(width, height) / parts
    if side < _MIN_PART:
        return []
    boxes = [(x, y, x + side, y + side) for y in _starts(height, side) for x in _starts(width, side)]
    look = partial(find_in_box, landmarker, image_HW3)
    return [face for faces in mapped(look, boxes, at_once) for face in faces]


def find_in_box(
    landmarker: FaceLandmarker,
    image_HW3: NDArray[np.uint8],
    view: Box,
    *,
    quarters: int = 0,
    sure: bool = False,
) -> list[Face]:
    """Faces within a box of an RGB uint8 image (H, W, 3), largest first, in the image's coordinates.

    Args:
        view: The box; it may extend beyond the picture, which is black there.
        quarters: By how many quarter turns it is turned clockwise first.
        sure: Whether only faces that are certain count (`FaceLandmarker.detect_surely`).
    """
    left, top = int(view[0]), int(view[1])
    right, bottom = max(left + 1, int(view[2])), max(top + 1, int(view[3]))
    scale = min(1.0, MAX_SIDE / max(right - left, bottom - top))
    view_HW3 = _cut(image_HW3, left, top, right, bottom)
    if scale < 1:
        width, height = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
        view_HW3 = resize(view_HW3, width, height, "bilinear")
    seen_HW3 = np.rot90(view_HW3, -quarters)
    faces = (landmarker.detect_surely if sure else landmarker.detect)(seen_HW3)
    if quarters % 4:
        middle_2, seen_middle_2 = (np.array(seen.shape[1::-1]) / 2 for seen in (view_HW3, seen_HW3))
        faces = [face.turned(90 * quarters, seen_middle_2, middle_2) for face in faces]
    seen_height, seen_width, _ = view_HW3.shape
    back = np.array([(right - left) / seen_width, (bottom - top) / seen_height], np.float32)
    corner = np.array([left, top], np.float32)
    return [replace(face, landmarks=face.landmarks * back + corner) for face in faces]


def _cut(image_HW3: NDArray[np.uint8], left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
    """Columns left … right - 1 of rows top … bottom - 1, black beyond the picture."""
    height, width, _ = image_HW3.shape
    if min(left, top) >= 0 and right <= width and bottom <= height:
        return image_HW3[top:bottom, left:right]
    cut_HW3 = np.zeros((bottom - top, right - left, 3), np.uint8)
    inside_HW3 = image_HW3[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    y, x = max(0, -top), max(0, -left)
    cut_HW3[y : y + inside_HW3.shape[0], x : x + inside_HW3.shape[1]] = inside_HW3
    return cut_HW3


def overlap(one: Box, other: Box) -> float:
    """The fraction, from 0 to 1, of the smaller of two boxes that lies within the other."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    smaller = min((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other))
    return width * height / max(smaller, 1e-6)


def continuation(faces: Iterable[Face], last: Box, least: float) -> Face | None:
    """The face whose box shares most with the last one, if it is more than `least`."""
    best = max(faces, key=lambda face: overlap(face.box, last), default=None)
    return best if best is not None and overlap(best.box, last) > least else None


def _starts(length: float, side: float) -> NDArray[np.float64]:
    """Starts of windows of length `side` that cover `length` and overlap by about half."""
    count = max(1, int(np.ceil((length - side) / (side / 2))) + 1)
    return np.linspace(0, max(0.0, length - side), count)


def _distinct(faces: list[Face]) -> list[Face]:
    """The faces without repeated detections, largest first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: f.area, reverse=True):
        if all(overlap(face.box, other.box) < _SAME_FACE_OVERLAP for other in kept):
            kept.append(face)
    return kept
