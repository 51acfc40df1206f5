"""Controls with known answers: which vectors a factor takes, and what its units and ranges come to."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_faces import FakeFactor, linear_effects

from liax.interpretation.calibration import active_vectors, calibrate_controls, name_vectors, trial_values
from liax.interpretation.effects import describe_effects
from liax.interpretation.guaranteed_range import verification_amounts, verify_control
from liax.interpretation.probe import ControlCurve, evenly_spaced_amounts, leakage
from liax.weights.controls import Control, Controls, VerifiedRange

QUANTITIES = {
    "yaw": FakeFactor(10.0, "head", "deg", "turns"),
    "pitch": FakeFactor(5.0, "head", "deg", "nods"),
    "jaw": FakeFactor(0.1, "mouth", "", "opens the mouth"),
}
USUAL = np.array([quantity.usual for quantity in QUANTITIES.values()])


def named(effect_MF: np.ndarray, people: int = 6, spread: float = 0.0, **options: int) -> Controls:
    """Controls of vectors with this effect matrix, in usual deviations, on people who differ a little."""
    noise = np.random.default_rng(0).normal(size=(people, *effect_MF.shape)) * spread
    effects = linear_effects((effect_MF + noise) * USUAL, tuple(QUANTITIES))
    statistics = describe_effects(effects, QUANTITIES)
    return name_vectors(statistics, effects.values_MV, QUANTITIES, **options)


def moved(controls: Controls, effect_MF: np.ndarray) -> np.ndarray:
    """What a unit of each control moves (K, F)."""
    return controls.directions_MK.T @ effect_MF


def test_vectors_of_one_meaning_are_called_by_it() -> None:
    effect_MF = np.zeros((5, 3))
    effect_MF[3, 0], effect_MF[0, 1], effect_MF[4, 2] = 2.0, -1.5, 1.0
    controls = named(effect_MF, spread=0.01)
    assert [control.name for control in controls] == ["yaw", "pitch", "jaw"]
    assert {name: list(controls[name].vectors) for name in QUANTITIES} == {
        "yaw": [3],
        "pitch": [0],
        "jaw": [4],
    }
    assert controls["pitch"].vectors[0] == pytest.approx(-1 / 1.5, rel=0.02)
    # Tried from -1 to 1; a control may go half as far again.
    assert controls["yaw"].low == pytest.approx(-3, rel=0.02)
    assert controls["yaw"].high == pytest.approx(3, rel=0.02)
    assert (controls["jaw"].group, controls["jaw"].meaning) == ("mouth", "opens the mouth")


@settings(max_examples=20)
@given(angle=st.floats(0.5, 1.07), seed=st.integers(0, 99))
def test_a_factor_spread_over_two_vectors_is_gathered(angle: float, seed: int) -> None:
    """Yaw and pitch are mixed by a rotation: each control takes the mixture back, and leaks nothing."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    effect_MF = np.zeros((4, 3))
    rows = np.random.default_rng(seed).permutation(4)
    effect_MF[rows[:2], :2] = 2 * turn
    effect_MF[rows[2], 2] = 1.0
    controls = named(effect_MF)
    np.testing.assert_allclose(moved(controls, effect_MF), np.eye(3), atol=0.03)
    for control in controls:
        assert len(control.vectors) == (1 if control.name == "jaw" else 2)
    single = named(effect_MF, largest_set=1)
    assert all(len(control.vectors) == 1 for control in single)


def test_a_small_leak_is_not_worth_another_vector() -> None:
    effect_MF = np.array([[2.0, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert list(named(effect_MF)["yaw"].vectors) == [0]
    effect_MF[0, 1] = 1.0
    assert sorted(named(effect_MF)["yaw"].vectors) == [0, 1]


def test_what_cannot_be_moved_is_not_offered() -> None:
    effect_MF = np.diag([2.0, 0.2, 1.0])  # a pitch of .2 usual deviations a unit: .6 from end to end
    assert [control.name for control in named(effect_MF)] == ["yaw", "jaw"]
    # The mouth opens only along with a turn that is stronger.
    effect_MF = np.array([[2.0, 0.0, 1.0], [0.0, 2.0, 0.0]])
    assert [control.name for control in named(effect_MF)] == ["yaw", "pitch"]
    assert not named(np.zeros((4, 3))).items


def test_what_moves_people_differently_is_not_offered() -> None:
    slopes_PMF = np.zeros((10, 2, 3))
    slopes_PMF[:, 0, 0] = 2.0
    slopes_PMF[:, 1, 1] = [3, 3, 3, 3, 3, 3, 3, -1, -1, -1]  # three of ten nod the other way
    effects = linear_effects(slopes_PMF * USUAL, tuple(QUANTITIES))
    statistics = describe_effects(effects, QUANTITIES)
    controls = name_vectors(statistics, effects.values_MV, QUANTITIES)
    assert [control.name for control in controls] == ["yaw"]


def test_vectors_that_were_not_tried_are_not_used() -> None:
    effects = linear_effects(np.tile(np.diag([2.0, 2.0, 2.0]) * USUAL, (4, 1, 1)), tuple(QUANTITIES))
    effects.factors_PMVF[:, 1] = np.nan
    controls = name_vectors(describe_effects(effects, QUANTITIES), effects.values_MV, QUANTITIES)
    assert [control.name for control in controls] == ["yaw", "jaw"]


def test_vectors_are_tried_beyond_what_is_observed_within_reason() -> None:
    observed_MV = np.array([[-0.1, 0, 0.2], [-2, 0, 0.5], [0, 0, 0], [-0.02, 0, 0.02]])
    np.testing.assert_allclose(
        trial_values(observed_MV), [[-0.3, 0, 0.6], [-1, 0, 1], [0, 0, 0], [-0.06, 0, 0.06]]
    )
    assert active_vectors(observed_MV) == [0, 1]


CURVE_QUANTITIES = {
    "yaw": FakeFactor(12.0, "head", "deg", "turns"),
    "size": FakeFactor(0.1, "head", "", "comes nearer"),
    "jaw": FakeFactor(0.1, "mouth", "", "opens the mouth"),
}
FACTORS = tuple(CURVE_QUANTITIES)
YAW = Control("yaw", "head", {0: 0.5, 2: -0.1}, -3.0, 3.0)
JAW = Control("jaw", "mouth", {1: 2.0}, -2.0, 4.0)
AMOUNTS = np.array([-3.0, -2, -1, 0, 1, 2, 3])


def curve(own_PA: np.ndarray, factor: str = "yaw", amounts: np.ndarray = AMOUNTS) -> ControlCurve:
    change_PAF = np.zeros((*own_PA.shape, 3))
    change_PAF[..., FACTORS.index(factor)] = own_PA
    return ControlCurve(amounts, change_PAF, np.full(own_PA.shape, 0.1), np.ones(own_PA.shape), FACTORS)


def one(control: Control, measured: ControlCurve) -> Control | None:
    found = calibrate_controls(Controls(3, (control,)), {control.name: measured}, CURVE_QUANTITIES)
    return found.items[0] if found.items else None


def test_degrees_asked_for_are_degrees_measured() -> None:
    """Ten degrees for each unit tried: a degree is a tenth of it, and the range is the whole."""
    control = one(YAW, curve(np.tile(10 * AMOUNTS, (5, 1))))
    assert control is not None
    assert control.vectors == pytest.approx({0: 0.05, 2: -0.01})
    assert (control.low, control.high, control.unit) == (-30, 30, "deg")
    assert control.verified == VerifiedRange(-30, 30, 4, 1)
    assert (control.name, control.group, control.meaning) == ("yaw", "head", "turns")


def test_a_curve_that_flattens_holds_farther_than_its_promise() -> None:
    """18, 30 and 36 degrees at 1, 2 and 3: no line is within 4 degrees of them all, but pictures hold."""
    flat = curve(np.tile(40 * np.tanh(AMOUNTS / 2), (5, 1)))
    control = one(YAW, flat)
    assert control is not None
    assert control.verified is not None
    degrees_a_unit = 0.5 / control.vectors[0]
    assert control.high == pytest.approx(3 * degrees_a_unit, rel=0.05)
    assert (control.verified.low, control.low) == (-control.verified.high, -control.high)
    assert 2 * degrees_a_unit < control.verified.high < 3 * degrees_a_unit
    assert np.abs(flat.of("yaw")[0, 1:6] - AMOUNTS[1:6] * degrees_a_unit).max() < 4


def test_people_who_turn_differently_shorten_the_promise() -> None:
    """Ten degrees a unit give or take 20 %: 2 at one, 4 at two, 6 at three, of which 4 are allowed."""
    control = one(YAW, curve(np.array([[8], [12.0]]) * AMOUNTS * 0.99))
    assert control is not None
    assert (control.low, control.high) == (-29, 29)
    assert control.verified == VerifiedRange(-19, 19, 4, 1)
    unlike = one(YAW, curve(np.array([[-30], [60.0]]) * AMOUNTS))  # 15 give or take 45, at any amount
    assert unlike is not None
    assert (unlike.low, unlike.high, unlike.verified) == (-45, 45, None)


@pytest.mark.parametrize("trouble", ["no face", "another person", "all drift", "smeared", "no answer"])
def test_a_range_ends_where_faces_do(trouble: str) -> None:
    own_PA = np.tile(10 * AMOUNTS, (5, 1))
    measured = curve(own_PA)
    if trouble == "no face":
        measured.change_PAF[0, 0] = np.nan  # of one in five portraits, at the lowest amount
    elif trouble == "another person":
        measured.identity_PA[0, 0] = 0.61
    elif trouble == "all drift":
        measured.identity_PA[:, 0] = [0.4, 0.41, np.nan, 0.47, 0.54]  # 0.455 on average
    elif trouble == "smeared":
        measured.sharpness_PA[0, 0] = 0.55
    else:
        measured.change_PAF[:, 0] = measured.change_PAF[:, 1]
    control = one(YAW, measured)
    assert control is not None
    assert (control.low, control.high) == (-20, 30)


@pytest.mark.parametrize(("look", "offered"), [(0.2, ["jaw"]), (0.9, ["jaw", "yaw"])])
def test_a_control_by_another_name_is_not_offered(look: float, offered: list[str]) -> None:
    """A "yaw" along the jaw's vector, which opens the mouth as well; with a vector of its own it stays."""
    jaw = curve(np.tile(0.1 * AMOUNTS, (5, 1)), "jaw")
    yaw = curve(np.tile(10 * AMOUNTS, (5, 1)))
    yaw.change_PAF[..., FACTORS.index("jaw")] = 0.07 * AMOUNTS
    named = Controls(3, (replace(JAW, low=-3, high=3), replace(YAW, vectors={0: look, 1: 1.0})))
    found = calibrate_controls(named, {"jaw": jaw, "yaw": yaw}, CURVE_QUANTITIES)
    assert [control.name for control in found] == offered


def test_of_two_controls_by_each_others_name_the_purer_one_stays() -> None:
    """A blink reads as a downward look, and a look that moves the lids alone blinks even more."""
    jaw, yaw = curve(np.tile(0.1 * AMOUNTS, (5, 1)), "jaw"), curve(np.tile(12 * AMOUNTS, (5, 1)))
    jaw.change_PAF[..., FACTORS.index("yaw")] = -10 * AMOUNTS  # 0.83 for each 1
    yaw.change_PAF[..., FACTORS.index("jaw")] = -0.12 * AMOUNTS  # 1.2
    named = Controls(3, (replace(JAW, low=-3, high=3), replace(YAW, vectors={1: -1.0})))
    found = calibrate_controls(named, {"jaw": jaw, "yaw": yaw}, CURVE_QUANTITIES)
    assert [control.name for control in found] == ["jaw"]


def test_a_movement_that_is_hardly_seen_is_not_offered() -> None:
    """One usual deviation, from end to end."""
    assert one(YAW, curve(np.tile(2 * AMOUNTS, (5, 1)))) is None


def test_what_one_portrait_in_twenty_does_is_allowed() -> None:
    measured = curve(np.tile(10 * AMOUNTS, (20, 1)))
    measured.change_PAF[0, 0] = np.nan
    assert one(YAW, measured).low == -30  # type: ignore[union-attr]


def test_expressions_are_one_where_they_end() -> None:
    """Opening answers up to 3, of 4; closing, which a closed mouth cannot, goes as far as was tried: to 2."""
    amounts = np.array([-2.0, -1, 0, 1, 2, 3, 4])
    control = one(JAW, curve(np.tile([0, 0, 0, 0.1, 0.2, 0.3, 0.3], (5, 1)), "jaw", amounts))
    assert control is not None
    assert (control.low, control.high, control.unit) == (-0.66, 1, "")
    assert control.verified is None
    assert control.vectors == pytest.approx({1: 6.0})


def test_lids_that_answer_late_are_closed() -> None:
    amounts = np.array([-2.0, -1, 0, 1, 2, 3, 4])
    control = one(JAW, curve(np.tile([0.01, 0, 0, 0.01, 0.2, 0.4, 0.41], (5, 1)), "jaw", amounts))
    assert control is not None
    assert (control.low, control.high) == (-0.66, 1)
    assert control.vectors == pytest.approx({1: 6.0})


def test_the_side_without_an_answer_goes_as_far_as_the_other_at_most() -> None:
    amounts = np.array([-4.0, -3, -2, -1, 0, 1, 2])
    own_PA = np.tile([0, 0, 0, 0, 0, 0.1, 0.2], (5, 1))
    assert (one(JAW, curve(own_PA, "jaw", amounts)).low) == -1  # type: ignore[union-attr]
    lost = curve(own_PA, "jaw", amounts)
    lost.change_PAF[:, 3] = np.nan  # no face at -1
    assert (one(JAW, lost).low) == 0  # type: ignore[union-attr]


def test_a_range_ends_where_the_factor_turns_back() -> None:
    amounts = np.array([-2.0, -1, 0, 1, 2, 3, 4])
    control = one(JAW, curve(np.tile([0.3, -0.2, 0, 0.2, 0.1, 0.4, 0.5], (5, 1)), "jaw", amounts))
    assert control is not None
    assert (control.low, control.high) == (-1, 1)
    assert control.vectors == pytest.approx({1: 2.0})


def test_leaks_are_told_and_what_leaks_most_is_no_control() -> None:
    measured = curve(np.tile(12 * AMOUNTS, (5, 1)))
    measured.change_PAF[..., FACTORS.index("jaw")] = -0.025 * AMOUNTS  # a quarter of a usual deviation
    assert one(YAW, measured).meaning == "turns; leaks 20 % into jaw"  # type: ignore[union-attr]
    assert leakage(measured.moved("yaw", CURVE_QUANTITIES)) == pytest.approx(0.2)
    measured.change_PAF[..., FACTORS.index("jaw")] = -0.16 * AMOUNTS  # 1.6 times as much as yaw
    assert one(YAW, measured) is None
    assert one(YAW, curve(np.tile(1 * AMOUNTS, (5, 1)))) is None  # six degrees are half a usual deviation


def test_amounts_that_are_asked_for() -> None:
    degrees = Control("yaw", "head", {0: 1.0}, -13.0, 20.0, "deg")
    assert verification_amounts(degrees) == [-13, -10, -5, 0, 5, 10, 15, 20]
    assert verification_amounts(replace(JAW, low=0.0, high=1.0)) == [0, 0.25, 0.5, 0.75, 1]
    assert evenly_spaced_amounts(JAW, 2) == [-2, -1, 0, 2, 4]
    promising = replace(degrees, verified=VerifiedRange(-12, 10, 4, 1))
    assert verification_amounts(promising) == [-13, -12, -10, -5, 0, 5, 10, 15, 20]
    shift = Control("x", "head", {0: 1.0}, -0.2, 0.2, verified=VerifiedRange(-0.2, 0.12, 0.01, 1))
    assert verification_amounts(shift) == pytest.approx(
        [-0.2, -0.15, -0.1, -0.05, 0, 0.05, 0.1, 0.12, 0.15, 0.2]
    )


def test_verified_says_how_near_what_is_measured_comes() -> None:
    asked = np.array([-10.0, 0, 10])
    control = replace(YAW, low=-10.0, high=10.0, unit="deg", verified=VerifiedRange(-10, 10, 4, 1))
    got_PA = np.array([[-8.0, 0, 13], [-10, 0, np.nan], [-15, 0, 11]])
    measured = curve(got_PA, amounts=asked)
    measured.identity_PA[:, 0], measured.identity_PA[:, 2] = 0.2, [0.3, np.nan, 0.5]
    found = verify_control(control, measured, CURVE_QUANTITIES)
    assert found.asked == (-10, 0, 10)
    np.testing.assert_allclose(found.mean_A, [-11, 0, 12])
    np.testing.assert_allclose(found.deviation_A, [np.sqrt(26 / 3), 0, 1])
    assert found.gain == pytest.approx((80 + 130 + 100 + 150 + 110) / 500)
    assert found.error == pytest.approx(np.sqrt((4 + 9 + 0 + 25 + 1) / 5))
    assert found.within == pytest.approx(4 / 5)
    assert found.identity == pytest.approx(np.mean([0.2, 0.2, 0.2, 0.3, 0.5]))
    assert found.leakage == pytest.approx(0)
    partly = verify_control(replace(control, verified=VerifiedRange(0, 10, 2, 1)), measured, CURVE_QUANTITIES)
    assert (partly.gain, partly.within) == (found.gain, 0.5)  # all of the range; what is promised
    assert partly.error == pytest.approx(np.sqrt((9 + 1) / 2))
    expression = verify_control(
        replace(JAW, low=0.0, high=1.0), replace(measured, asked_A=asked / 10), CURVE_QUANTITIES
    )
    assert np.isnan([expression.gain, expression.error, expression.within]).all()


def test_a_portrait_that_never_shows_a_face_is_no_trouble() -> None:
    got_PA = np.full((2, 3), np.nan)
    control = replace(YAW, low=-10.0, high=10.0, unit="deg", verified=VerifiedRange(-10, 10, 4, 1))
    found = verify_control(control, curve(got_PA, amounts=np.array([-10.0, 0, 10])), CURVE_QUANTITIES)
    assert np.isnan(found.mean_A).all()
    assert np.isnan([found.error, found.within, found.leakage]).all()
