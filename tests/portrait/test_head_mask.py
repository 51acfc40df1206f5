"""The head's place over time, and edits kept to it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from liax.face.crop import Crop
from liax.portrait.framing import Framing, frame_whole_picture
from liax.portrait.head_mask import HeadMask
from liax.portrait.retouch import PixelChange
from liax.portrait.shots import Shot

SIZE = 64
# A face of 40 x 50 pixels of the picture in a square of 128 that begins at (100, 50), seen at half its size.
BOX = (144.0, 89.0, 184.0, 139.0)


def shot(*face_boxes: tuple[int, tuple[float, float, float, float]]) -> Shot:
    return Shot(0, Framing(Crop(100, 50, 128), SIZE, SIZE), 0, Fraction(0), (), face_boxes)


def moved(x: float) -> tuple[float, float, float, float]:
    return BOX[0] + x, BOX[1], BOX[2] + x, BOX[3]


def around(*face_boxes: tuple[int, tuple[float, float, float, float]]) -> HeadMask:
    made = HeadMask.of(shot(*face_boxes), SIZE, Fraction(25))
    assert made is not None
    return made


def test_an_edit_is_whole_at_the_head_and_gone_away_from_it() -> None:
    weight_RR = around((0, BOX)).weight(7)
    assert (weight_RR[21:42, 26:38] == 1).all()  # the face's box: x 22 to 42, y 19.5 to 44.5
    assert (weight_RR[32, 21:43] == 1).all()
    assert (weight_RR[40:46, 31:33] == 1).all()  # the chin
    assert (weight_RR[14, 30:34] == 1).all()  # hair
    assert not weight_RR[:, :9].any()
    assert not weight_RR[:, 55:].any()
    assert not weight_RR[60:].any()
    assert np.abs(np.diff(weight_RR, axis=1)).max() < 0.3  # no edge


def test_the_head_has_room_to_move() -> None:
    """Wherever it is within moments, it has room, and the room grows and shrinks slowly."""
    made = around(*[(k, moved(0 if k < 100 else 30)) for k in range(0, 201, 5)])
    centre = [
        float((made.weight(k).sum(0) * np.arange(SIZE)).sum() / made.weight(k).sum()) for k in range(201)
    ]
    assert centre[200] - centre[0] == pytest.approx(15, abs=0.5)
    assert made.weight(97)[32, 25:54].min() > 0.9  # before it gets there
    assert made.weight(103)[32, 27:57].min() > 0.9
    assert max(np.abs(np.diff(centre))) < 1


def test_a_change_is_kept_to_the_head() -> None:
    made = around((0, BOX))
    ones = np.ones((SIZE, SIZE), np.float32)
    change = made.apply(
        PixelChange(
            np.stack([3 * ones, 0 * ones], -1),
            ones,
            np.stack([50 * ones] * 3, -1),
            np.zeros((*ones.shape, 3), np.uint8),
        ),
        0,
    )
    assert tuple(change.shift_RR2[30, 32]) == (3, 0)
    assert (change.new_RR[30, 32], change.drawn_RR3[30, 32, 0]) == (1, 50)
    assert not any(a[:, :8].any() for a in (change.shift_RR2, change.new_RR, change.drawn_RR3))


def test_where_the_face_is_not_known_there_are_none() -> None:
    assert HeadMask.of(shot(), SIZE, Fraction(25)) is None
    uncropped = Shot(0, frame_whole_picture(300, 200, SIZE), 0, Fraction(0), (), ((0, BOX),))
    assert HeadMask.of(uncropped, SIZE, Fraction(25)) is None
