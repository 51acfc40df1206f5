"""Faces in pictures of any size, including those too small or too close for the landmarker's single look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.face.crop import Box
from liax.face.landmarks import Face, FaceLandmarker

# Longest side of what the landmarker is given; it finds faces at 192 pixels and measures them at 256.
_LOOK = 1024
# Parts of fewer pixels a side show nothing that the whole did not.
_SMALLEST_PART = 128
# Two finds are the same face when their boxes share this much of the smaller one.
_SAME = 0.5


def find_faces(
    landmarker: FaceLandmarker, image_HW3: NDArray[np.uint8], *, thorough: bool = True
) -> list[Face]:
    """All faces in an RGB uint8 image (H, W, 3), largest first; empty when there is none.

    Args:
        thorough: Look also at the overlapping quarters, for faces that are small in the whole. Where there is
            none either, look with a margin around (for a face that fills the picture) and at the sixteenths,
            which finds faces down to about 4 % of the longer side.
    """
    height, width = image_HW3.shape[:2]
    faces = find_in_box(landmarker, image_HW3, (0, 0, width, height))
    if not thorough:
        return faces
    faces += _in_parts(landmarker, image_HW3, 2)
    if not faces:
        faces = find_in_box(landmarker, image_HW3, (-width / 3, -height / 3, width * 4 / 3, height * 4 / 3))
    if not faces:
        faces = _in_parts(landmarker, image_HW3, 4)
    return _distinct(faces)


def _in_parts(landmarker: FaceLandmarker, image_HW3: NDArray[np.uint8], parts: int) -> list[Face]:
    """Faces in overlapping squares of the longer side / parts; some may be found more than once."""
    height, width = image_HW3.shape[:2]
    side = max(width, height) / parts
    if side < _SMALLEST_PART:
        return []
    return [
        face
        for y in _starts(height, side)
        for x in _starts(width, side)
        for face in find_in_box(landmarker, image_HW3, (x, y, x + side, y + side))
    ]


def find_in_box(landmarker: FaceLandmarker, image_HW3: NDArray[np.uint8], view: Box) -> list[Face]:
    """Faces within one box of the image, largest first, in the whole image's coordinates.

    The box may leave the picture; there it sees black.
    """
    left, top = int(view[0]), int(view[1])
    right, bottom = max(left + 1, int(view[2])), max(top + 1, int(view[3]))
    scale = min(1.0, _LOOK / max(right - left, bottom - top))
    image = Image.fromarray(image_HW3)
    if (left, top, right, bottom) != (0, 0, *image.size):
        image = image.crop((left, top, right, bottom))
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2)
    back = np.array([(right - left) / image.width, (bottom - top) / image.height], np.float32)
    corner = np.array([left, top], np.float32)
    return [
        replace(face, landmarks=face.landmarks * back + corner)
        for face in landmarker.detect(np.asarray(image))
    ]


def overlap(one: Box, other: Box) -> float:
    """How much of the smaller of two boxes lies within the other, 0…1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    smaller = min((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other))
    return width * height / max(smaller, 1e-6)


def _starts(length: float, side: float) -> NDArray[np.float64]:
    """Where windows of `side` begin so that they cover `length` and overlap by half."""
    count = max(1, int(np.ceil((length - side) / (side / 2))) + 1)
    return np.linspace(0, max(0.0, length - side), count)


def _distinct(faces: list[Face]) -> list[Face]:
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: f.area, reverse=True):
        if all(overlap(face.box, other.box) < _SAME for other in kept):
            kept.append(face)
    return kept
