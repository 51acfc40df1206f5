"""Names from effects that are known: single vectors, factors spread over several, and none at all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_faces import FakeFactor, linear_effects

from liax.interpretation.calibration import active_vectors, name_vectors, trial_values
from liax.interpretation.effects import describe_effects
from liax.weights.controls import Controls

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


@settings(max_examples=20, deadline=None)
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
