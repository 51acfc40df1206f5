"""Ranges of known curves, what of them holds on other people, and sums of edits on the tiny network."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linear_faces import Brightness, FakeFactor
from PIL import Image

from liax.interpretation import guaranteed_range as module
from liax.interpretation.guaranteed_range import (
    error_within,
    fit_unit_and_range,
    measure_additivity,
    tolerance,
    verify_range,
)
from liax.interpretation.probe import ControlCurve, ProbeResult, measure_curves
from liax.model import LIAX
from liax.portrait.animator import Animator
from liax.weights.controls import Control, Controls, VerifiedRange

YAW, SIZE = FakeFactor(12.0, "head", "deg"), FakeFactor(0.1)
AMOUNTS = np.array([-3.0, -2, -1, 0, 1, 2, 3])
CONTROL = Control("yaw", "head", {0: 0.1}, -30.0, 30.0, "deg", "", VerifiedRange(-20.0, 20.0, 4.0, 1.0))


def curve(got_PA: object, asked_A: np.ndarray = AMOUNTS) -> ControlCurve:
    got_PA = np.array(got_PA, np.float64)
    return ControlCurve(
        asked_A, got_PA[..., None], np.full(got_PA.shape, 0.1), np.ones(got_PA.shape), ("yaw",)
    )


def test_tolerances() -> None:
    assert tolerance(YAW) == 4
    assert tolerance(SIZE) == pytest.approx(0.1 / 3)


def test_a_range_to_both_sides_is_better_than_a_wider_one_to_one_side() -> None:
    _, verified = fit_unit_and_range(curve([[-45, -30, -15, 0, 9, 10, 11]]), "yaw", YAW)
    assert verified is not None
    assert verified.low < -9
    assert verified.high > 9


@given(st.floats(3, 20), st.lists(st.floats(0.5, 1.5), min_size=2, max_size=6), st.floats(0.05, 1))
def test_everybody_is_within_the_tolerance_in_the_range(
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


def test_without_a_range_the_mean_from_end_to_end_is_the_unit() -> None:
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


BRIGHT = Control("bright", "other", {0: 0.5, 3: -1.0}, -1.0, 2.0)
RIGHT = Control("right", "other", {2: 0.8}, 0.0, 1.0)


@pytest.fixture(scope="module")
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu")


@pytest.fixture(scope="module")
def portraits(portrait_HW3: np.ndarray) -> dict[str, np.ndarray]:
    return {"one": np.asarray(Image.fromarray(portrait_HW3).resize((64, 64)))}


def test_edits_that_add_up_miss_nothing(
    animator: Animator, portraits: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Factors as a function of the coefficients' changes: linear for two controls, the third undoes one."""
    count = animator.network.config.vectors
    third = Control("third", "other", {1: 1.0}, -1.0, 0.5)
    controls = Controls(count, (BRIGHT, RIGHT, third))

    def measured(animator, portraits, changes_NM, instrument, **options):  # type: ignore[no-untyped-def]
        bright_N = 10 * (changes_NM[:, 0] - changes_NM[:, 3])
        undone_N = np.where(changes_NM[:, 1] != 0, 0.0, bright_N)
        right_N = 5 * changes_NM[:, 2]
        factors_PNF = np.stack([np.stack([undone_N, right_N], 1), np.full((len(changes_NM), 2), np.nan)])
        return ProbeResult(factors_PNF, *np.zeros((2, 2, len(changes_NM))), np.ones((2, len(changes_NM))))

    monkeypatch.setattr(module, "probe_portraits", measured)
    sums = {
        (s.first, s.second): s.miss for s in measure_additivity(animator, portraits, controls, Brightness())
    }
    assert sums == pytest.approx(
        {("bright", "third"): 1.0, ("bright", "right"): 0.0, ("right", "third"): 0.0}, abs=1e-9
    )
    assert next(iter(sums)) == ("bright", "third")
    assert measure_additivity(animator, portraits, Controls(count, (BRIGHT,)), Brightness()) == []


def test_sums_are_of_half_the_farther_end(animator: Animator, portraits: dict[str, np.ndarray]) -> None:
    """On the real network: recomputed from curves at the amounts that are added."""
    instrument = Brightness()
    controls = Controls(animator.network.config.vectors, (BRIGHT, RIGHT))
    (found,) = measure_additivity(animator, portraits, controls, instrument)
    assert instrument.seen == 4
    both = Control("both", "other", {0: 0.5, 3: -1.0, 2: 0.4}, 0.0, 1.0)
    asked = {"bright": [0.0, 1.0], "right": [0.0, 0.5], "both": [0.0, 1.0]}
    curves = measure_curves(animator, portraits, [BRIGHT, RIGHT, both], asked, Brightness())
    change = {name: curve.change_PAF[0, 1] / [10, 5] for name, curve in curves.items()}
    off = np.linalg.norm(change["both"] - change["bright"] - change["right"])
    size = np.linalg.norm(change["bright"]) + np.linalg.norm(change["right"])
    assert found.miss == pytest.approx(off / size, abs=0.01)
    assert found.miss > 0.02
