"""Statistics of effects that are known because they were made up."""

from dataclasses import replace

import numpy as np
import pytest
from linear_faces import FakeFactor, linear_effects

from liax.interpretation.effects import EffectStatistics, describe_effects

QUANTITIES = {"yaw": FakeFactor(10.0), "jaw": FakeFactor(0.5)}
FACTORS = ("yaw", "jaw")


def described(slopes_PMF: np.ndarray, **changes: np.ndarray) -> EffectStatistics:
    return describe_effects(replace(linear_effects(slopes_PMF, FACTORS), **changes), QUANTITIES)


def test_straight_lines() -> None:
    """Vector 0 turns two heads by 20 and 40 degrees a unit, vector 1 closes the mouth and turns a little."""
    statistics = described(np.array([[[20.0, 0.0], [5.0, -1.0]], [[40.0, 0.0], [5.0, -1.0]]]))
    np.testing.assert_allclose(statistics.effect_MF, [[3, 0], [0.5, -2]], atol=1e-12)
    np.testing.assert_allclose(statistics.travel_MF, [[6, 0], [1, -4]], atol=1e-12)
    np.testing.assert_allclose(statistics.spread_MF[0, 0], 1 / 3)  # a standard deviation of 1 about 3
    np.testing.assert_allclose(statistics.spread_MF[1], [0, 0], atol=1e-12)
    np.testing.assert_allclose(statistics.monotonicity_MF[[0, 1, 1], [0, 0, 1]], [1, 1, -1])
    np.testing.assert_allclose(statistics.linearity_MF[[0, 1, 1], [0, 0, 1]], [1, 1, 1])
    assert np.isnan(statistics.linearity_MF[0, 1])  # what does not change has no line to be near to
    assert statistics.strongest_M.tolist() == [0, 1]
    np.testing.assert_allclose(statistics.leakage_M, [0, 0.2], atol=1e-12)
    np.testing.assert_allclose(statistics.identity_MV[0], [0.1, 0.05, 0, 0.05, 0.1])
    np.testing.assert_allclose(statistics.flow_MV[1], [2, 1, 0, 1, 2])
    assert (statistics.lost_MV == 0).all()


def test_curves_are_monotone_but_not_straight_and_people_may_disagree() -> None:
    slopes_PMF = np.zeros((3, 1, 2))
    effects = linear_effects(slopes_PMF, FACTORS)
    values = effects.values_MV[0]
    cubes, square = values**3, values**2
    factors_PMVF = np.zeros((3, 1, 5, 2))
    factors_PMVF[:, 0, :, 0] = 10 * np.stack([cubes, cubes, -cubes])
    factors_PMVF[:, 0, :, 1] = square
    statistics = described(slopes_PMF, factors_PMVF=factors_PMVF)
    assert statistics.monotonicity_MF[0, 0] == pytest.approx(1 / 3)
    assert statistics.agreement_MF[0, 0] == pytest.approx(2 / 3)
    # Of x³ at -1, -.5, 0, .5, 1: Σx⁴ = 2.125, Σx² = 2.5, Σx⁶ = 2.03125.
    assert statistics.linearity_MF[0, 0] == pytest.approx(2.125**2 / (2.5 * 2.03125))
    assert statistics.effect_MF[0, 0] == pytest.approx(0.85 / 3)
    assert statistics.monotonicity_MF[0, 1] == pytest.approx(0, abs=1e-12)
    assert statistics.linearity_MF[0, 1] == pytest.approx(0, abs=1e-12)


def test_lost_faces_count_as_lost_and_for_nothing_else() -> None:
    slopes_PMF = np.tile(np.array([[20.0, 0.1], [5.0, -1.0]]), (4, 1, 1))
    whole = described(slopes_PMF)
    factors_PMVF = linear_effects(slopes_PMF, FACTORS).factors_PMVF.copy()
    factors_PMVF[0, 0, 4] = np.nan  # one portrait loses its face at one end
    factors_PMVF[1, 0, :3] = np.nan  # another one altogether: its unmoved picture shows none
    statistics = described(slopes_PMF, factors_PMVF=factors_PMVF)
    np.testing.assert_allclose(statistics.lost_MV[0], [0.25, 0.25, 0.25, 0, 0.25])
    np.testing.assert_allclose(statistics.effect_MF, whole.effect_MF)
    np.testing.assert_allclose(statistics.travel_MF, whole.travel_MF)
    np.testing.assert_allclose(statistics.monotonicity_MF, whole.monotonicity_MF)
    assert np.isnan(statistics.slopes_PMF[1, 0]).all()


def test_vectors_that_were_left_out_say_nothing() -> None:
    slopes_PMF = np.ones((2, 3, 2))
    factors_PMVF = linear_effects(slopes_PMF, FACTORS).factors_PMVF.copy()
    factors_PMVF[:, 1] = np.nan
    statistics = described(slopes_PMF, factors_PMVF=factors_PMVF)
    assert statistics.strongest_M[1] == -1
    for array in (statistics.effect_MF, statistics.travel_MF, statistics.lost_MV):
        assert np.isnan(array[1]).all()
        assert np.isfinite(array[[0, 2]]).all()
    assert np.isnan(statistics.leakage_M[1])
