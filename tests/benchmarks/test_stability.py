"""Dictionaries whose pairing is known."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

FOLDER = Path(__file__).parents[2] / "benchmarks" / "ablation"
sys.path.insert(0, str(FOLDER))

from stability import match_profiles  # noqa: E402

profile_MF = np.random.default_rng(0).normal(size=(12, 8))


@given(st.integers(0, 2**31))
def test_a_permuted_signed_scaled_dictionary_is_found_again(seed: int) -> None:
    random = np.random.default_rng(seed)
    order, sign = random.permutation(12), random.choice([-1.0, 1.0], 12)
    other_MF = (profile_MF * (sign * random.uniform(0.1, 5, 12))[:, None])[order]
    found = match_profiles(profile_MF, other_MF, draws=0)
    assert dict(found.pairs) == {int(m): k for k, m in enumerate(order)}
    np.testing.assert_allclose(found.cosine_K, [sign[a] for a, _ in found.pairs])
    assert found.mean == pytest.approx(1)
    assert found.weighted == pytest.approx(1)


def test_the_pairing_is_the_best_in_sum_and_not_greedy() -> None:
    """Greedy would take (0, 0) at 1 and leave (1, 1) at 0."""
    a_MF = np.array([[1.0, 0.0], [0.8, 0.6]])
    b_MF = np.array([[1.0, 0.0], [0.6, -0.8]])
    found = match_profiles(a_MF, b_MF, draws=0)
    assert found.pairs == ((1, 0), (0, 1))
    np.testing.assert_allclose(found.cosine_K, [0.8, 0.6])
    assert found.mean == pytest.approx(0.7)
    assert found.weighted == pytest.approx(0.7)


def test_long_profiles_weigh_more() -> None:
    a_MF, b_MF = np.diag([9.0, 4.0]), np.array([[4.0, 0.0], [0.75, 0.0]])
    found = match_profiles(a_MF, b_MF, draws=0)
    assert found.mean == pytest.approx(0.5)
    assert found.weighted == pytest.approx(6 / (6 + np.sqrt(3)))


def test_chance_is_what_unrelated_dictionaries_reach() -> None:
    related = match_profiles(profile_MF, profile_MF + 0.1)
    assert related.mean > 0.9
    assert related.chance_share < 0.01
    unrelated = [
        match_profiles(profile_MF, np.random.default_rng(seed).normal(size=(12, 8))) for seed in range(1, 21)
    ]
    for found in unrelated:
        assert found.mean == pytest.approx(found.chance, abs=0.12)
    assert sum(found.chance_share < 0.1 for found in unrelated) <= 5


def test_vectors_of_the_larger_dictionary_are_left_over() -> None:
    found = match_profiles(profile_MF[:5], profile_MF, draws=0)
    assert sorted(found.pairs) == [(m, m) for m in range(5)]


def test_a_vector_without_effect_resembles_nothing() -> None:
    found = match_profiles(np.zeros((3, 4)), profile_MF[:3, :4], draws=5)
    assert found.cosine_K.tolist() == [0, 0, 0]
    assert (found.mean, found.weighted, found.chance_share) == (0, 0, 1)


@pytest.mark.parametrize("other", [profile_MF[:, :3], np.zeros((0, 8)), np.full((2, 8), np.nan)])
def test_profiles_that_do_not_compare_are_refused(other: np.ndarray) -> None:
    with pytest.raises(ValueError, match="profiles"):
        match_profiles(profile_MF, other)
