"""Intervals hold the true mean as often as they say, and say nothing where nothing is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liax.evaluation.summary import bootstrap_interval


@pytest.mark.parametrize(
    ("clips", "confidence", "least", "most"),
    [(10, 0.95, 0.86, 0.94), (50, 0.95, 0.915, 0.975), (50, 0.8, 0.74, 0.85)],
)
def test_coverage_is_what_the_docstring_promises(
    clips: int, confidence: float, least: float, most: float
) -> None:
    """Of 500 experiments on normal clips of known mean; few clips give too narrow intervals, as is known."""
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(500):
        low, high = bootstrap_interval(rng.normal(3, 2, clips), confidence=confidence, draws=400, seed=seed)
        held += low <= 3 <= high
    assert least < held / 500 < most


def test_width_is_that_of_the_standard_error() -> None:
    values = np.random.default_rng(0).normal(0, 1, 400)
    low, high = bootstrap_interval(values, draws=4000)
    error = values.std() / math.sqrt(len(values))
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.05)
    assert (high + low) / 2 == pytest.approx(values.mean(), abs=0.1 * error)


def test_a_clip_weighs_as_much_as_its_frames() -> None:
    """Two clips, drawn twice: the mean is 0, 1, or, in half of the draws, the weighted mean 0.9."""
    low, high = bootstrap_interval([0.0, 1.0], weights=[1, 9], confidence=0.4, draws=4000)
    assert (low, high) == (pytest.approx(0.9), pytest.approx(0.9))
    assert bootstrap_interval([0.0, 1.0], weights=[1, 9]) == (0, 1)
    assert bootstrap_interval([0.0, 1.0, 7.0], weights=[1, 9, 0]) == (0, 1)


@pytest.mark.parametrize("values", [[], [2.0], [math.nan, 2.0], [math.nan, math.inf]])
def test_fewer_than_two_clips_tell_nothing(values: list[float]) -> None:
    assert all(math.isnan(end) for end in bootstrap_interval(values))


def test_equal_clips_leave_no_doubt() -> None:
    assert bootstrap_interval([0.25] * 5) == (0.25, 0.25)


@given(st.lists(st.floats(-100, 100) | st.just(math.nan), min_size=2, max_size=12), st.integers(0, 9))
def test_ends_are_ordered_within_the_values_and_repeatable(values: list[float], seed: int) -> None:
    known = [value for value in values if math.isfinite(value)]
    low, high = bootstrap_interval(values, draws=50, seed=seed)
    if len(known) < 2:
        assert math.isnan(low)
        assert math.isnan(high)
        return
    assert min(known) - 1e-9 <= low <= high <= max(known) + 1e-9
    assert bootstrap_interval(values, draws=50, seed=seed) == (low, high)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ([[1.0, 2.0]], {}),
        ([1.0, 2.0], {"weights": [1.0]}),
        ([1.0, 2.0], {"weights": [1.0, -1.0]}),
        ([1.0, 2.0], {"confidence": 95}),
        ([1.0, 2.0], {"draws": 0}),
    ],
)
def test_senseless_arguments_are_refused(values: list[float], options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        bootstrap_interval(values, **options)
