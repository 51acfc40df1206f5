"""A head that moves, and surroundings that follow it slowly."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from liax.face.crop import Crop
from liax.portrait.framing import Framing
from liax.portrait.head_mask import HeadMask
from liax.portrait.moving_head import MovingHead
from liax.portrait.retouch import PixelChange
from liax.portrait.shots import Shot

SIZE = 96
# The middle of the square: x and y from 36 to 60.
BOX = (36.0, 36.0, 60.0, 60.0)
# Beside the head, within its surroundings: 1.8 halves of the box from its middle.
HEAD, BESIDE, CORNER = (48, 48), (48, 48 + 21), (2, 2)


@pytest.fixture
def head() -> MovingHead:
    shot = Shot(0, Framing(Crop(0, 0, SIZE), SIZE, SIZE), 0, Fraction(0), (), ((0, BOX),))
    mask = HeadMask.of(shot, SIZE, Fraction(25))
    assert mask is not None
    return MovingHead(mask, Fraction(25))


def change(shift_x: float, new: float = 1.0) -> PixelChange:
    """All of the square moves alike, and all is drawn anew."""
    ones_RR = np.ones((SIZE, SIZE), np.float32)
    shift_RR2 = np.stack([shift_x * ones_RR, 0 * ones_RR], -1)
    drawn_RR3 = np.repeat(50 * new * ones_RR[..., None], 3, 2)
    return PixelChange(shift_RR2, new * ones_RR, drawn_RR3, np.zeros((SIZE, SIZE, 3), np.uint8))


def test_only_the_head_moves_in_every_frame(head: MovingHead) -> None:
    """Beside it a shake of 1.5 pixels is one of less than an eighth; the corners stay as filmed."""
    shifts = [head.apply(change(5 + 1.5 * (-1) ** k), k).shift_RR2 for k in range(60)][20:]
    swings = np.ptp(shifts, 0)[..., 0]
    assert swings[HEAD] == pytest.approx(3)
    assert 0 < swings[BESIDE] < 3 / 8
    assert 1 < shifts[-1][BESIDE][0] < 5
    assert not np.abs(shifts)[:, CORNER[0], CORNER[1]].any()
    assert np.abs(np.diff(shifts[-1][..., 0], axis=1)).max() < 1  # nothing is torn


def test_the_drawing_is_where_the_head_is_and_where_it_was_filmed(head: MovingHead) -> None:
    drawn = head.apply(change(-20), 0)
    assert drawn.new_RR[HEAD] == 1
    assert drawn.new_RR[48, 68] == 1  # 20 pixels to its right
    assert drawn.drawn_RR3[48, 68, 0] == 50
    assert drawn.new_RR[48, 24] == 0
    assert drawn.new_RR[CORNER] == 0


def test_a_bend_ends_and_no_change_is_none(head: MovingHead) -> None:
    for k in range(5):
        head.apply(change(8), k)
    after = [head.apply(change(0, new=0), 5 + k).shift_RR2 for k in range(100)]
    beside = [float(shift_RR2[BESIDE][0]) for shift_RR2 in after]
    assert all(a >= b for a, b in pairwise(beside))
    assert beside[0] > 0.5
    assert not after[-1].any()
