"""What trembles around the face is stilled; the face, and what really moves, is followed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from liax.portrait.retouch import Change
from liax.portrait.steady import Steady

SIZE = 64
FACE = np.s_[28:40, 24:40]
CORNER = np.s_[:6, :6]


def change(x: float) -> Change:
    """A shift by x everywhere."""
    shift_RR2 = np.zeros((SIZE, SIZE, 2), np.float32)
    shift_RR2[..., 0] = x
    return Change(shift_RR2, np.zeros((SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE, 3), np.float32))


def steadied(xs: np.ndarray, rate: int = 25) -> np.ndarray:
    steady = Steady(SIZE, Fraction(rate))
    return np.stack([steady(change(x)).shift_RR2[..., 0] for x in xs])


def test_trembling_is_stilled_except_in_the_face() -> None:
    noise = 3 + np.random.default_rng(0).normal(0, 0.1, 60).astype(np.float32)
    shifts = steadied(noise)
    trembles = np.abs(np.diff(shifts, axis=0)).mean(0)
    given = np.abs(np.diff(noise)).mean()
    np.testing.assert_allclose(trembles[FACE], given, rtol=1e-4)
    assert trembles[CORNER].max() < 0.25 * given


def test_a_lasting_change_is_followed() -> None:
    """Within a second or two when small, at once when large."""
    small = steadied(np.r_[np.full(5, 1.0), np.full(50, 1.3)])[:, 0, 0]
    assert small[6] < 1.1
    assert abs(small[-1] - 1.3) < 0.02
    large = steadied(np.r_[np.full(5, 1.0), np.full(50, 9.0)])[:, 0, 0]
    assert abs(large[5] - 9) < 1e-5


def test_time_counts_and_not_frames() -> None:
    slow = steadied(np.r_[1.0, np.full(20, 1.2)], 10)[10, 0, 0]
    fast = steadied(np.r_[1.0, np.full(60, 1.2)], 30)[30, 0, 0]
    assert abs(slow - fast) < 0.02


def test_nothing_stays_of_an_edit_that_ended() -> None:
    shifts = steadied(np.r_[np.full(5, 2.0), 0.0, 2.0])
    assert not shifts[5].any()
    assert (shifts[6][FACE] == 2).all()
