"""What controls promise, and how much of it other people keep, on curves that are known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linear_faces import FakeFactor

from liax.interpretation.guaranteed_range import error_within, fit_unit_and_range, tolerance, verify_range
from liax.interpretation.probe import ControlCurve
from liax.weights.controls import Control, VerifiedRange

YAW, SIZE = FakeFactor(12.0, "head", "deg"), FakeFactor(0.1)
AMOUNTS = np.array([-3.0, -2, -1, 0, 1, 2, 3])
CONTROL = Control("yaw", "head", {0: 0.1}, -30.0, 30.0, "deg", "", VerifiedRange(-20.0, 20.0, 4.0, 1.0))


def curve(got_PA: object, asked_A: np.ndarray = AMOUNTS) -> ControlCurve:
    got_PA = np.array(got_PA, np.float64)
    return ControlCurve(asked_A, got_PA[..., None], np.full(got_PA.shape, 0.1), ("yaw",))


def test_tolerances() -> None:
    assert tolerance(YAW) == 4
    assert tolerance(SIZE) == pytest.approx(0.1 / 3)


def test_a_range_to_both_sides_is_better_than_a_wider_one_to_one_side() -> None:
    _, verified = fit_unit_and_range(curve([[-45, -30, -15, 0, 9, 10, 11]]), "yaw", YAW)
    assert verified is not None
    assert verified.low < -9
    assert verified.high > 9


@given(st.floats(3, 20), st.lists(st.floats(0.5, 1.5), min_size=2, max_size=6), st.floats(0.05, 1))
def test_within_the_promise_the_line_tells_everybody_well_enough(
    slope: float, people: list[float], bend: float
) -> None:
    """At the amounts that were measured and between them, on curves that bend and people who are unlike."""
    measured = curve(np.array(people)[:, None] * slope * np.tanh(bend * AMOUNTS) / bend)
    unit, verified = fit_unit_and_range(measured, "yaw", YAW)
    assert verified is not None
    for amount in np.linspace(verified.low, verified.high, 7):
        got_P = [np.interp(amount / unit, AMOUNTS, got_A) for got_A in measured.of("yaw")]
        assert np.sqrt(np.mean((np.array(got_P) - amount) ** 2)) <= 4 + 1e-6


def test_ends_lie_between_amounts() -> None:
    """People are 10 and 14 degrees a unit: off by 2 a unit, root mean square, and by 4 at 2 units."""
    unit, verified = fit_unit_and_range(curve(np.array([[10], [14.0]]) * AMOUNTS * 1.03), "yaw", YAW)
    assert unit == pytest.approx(12 * 1.03)
    assert verified is not None
    assert (verified.low, verified.high) == pytest.approx((-1.875 * unit, 1.875 * unit))


def test_without_a_promise_the_mean_from_end_to_end_is_the_unit() -> None:
    unlike = curve(np.array([[-40], [60.0]]) * AMOUNTS)
    assert fit_unit_and_range(unlike, "yaw", YAW) == (pytest.approx(10), None)


def test_portraits_without_a_face_are_left_out() -> None:
    got_PA = np.tile(10 * AMOUNTS, (4, 1))
    got_PA[0, 5:], got_PA[1] = np.nan, np.nan
    unit, verified = fit_unit_and_range(curve(got_PA), "yaw", YAW)
    assert (unit, verified) == (pytest.approx(10), VerifiedRange(-30, 30, 4, 1))


ASKED = np.array([-30.0, -20, -10, 0, 10, 20, 30])


def test_other_people_confirm_or_shorten_a_promise() -> None:
    exact = curve([ASKED, ASKED + 1], ASKED)
    assert verify_range(CONTROL, exact) == CONTROL  # not more than was promised, though 30 was met as well
    short = curve([ASKED, [-27, -19, -14, 0, 7, 11, 30]], ASKED)  # at 20, the errors are 0 and 9
    found = verify_range(CONTROL, short)
    assert found == replace(CONTROL, verified=VerifiedRange(-20, 10, 4, 1))
    broken = curve([[-30, -10, 0, 0, 0, 10, 30]] * 2, ASKED)
    assert verify_range(CONTROL, broken) == replace(CONTROL, verified=None)
    assert verify_range(replace(CONTROL, verified=None), exact).verified is None
    assert verify_range(CONTROL, curve(np.full((2, 7), np.nan), ASKED)).verified is None


def test_the_share_is_of_single_tries() -> None:
    """Off by 5, 0 and 0 at both ends: 2.9 root mean square, but one in three tries is off by more than 4."""
    measured = curve(ASKED * np.array([[1.5], [1], [1]]), ASKED)
    verified = VerifiedRange(-10, 10, 4, 1)
    assert error_within(verified, "yaw", measured) == pytest.approx((np.sqrt(25 / 3), 2 / 3))
    assert verify_range(replace(CONTROL, verified=verified), measured).verified == replace(
        verified, share=2 / 3
    )
