"""Codes whose disentanglement is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from liax.interpretation.disentanglement import (
    Scores,
    disentanglement,
    mutual_information_gap,
    rotated,
    separation,
    shuffled,
)

FRAMES, CLIPS = 600, 5
NAMES = ("yaw", "pitch", "jaw", "blink")
group_N = np.arange(FRAMES) * CLIPS // FRAMES
rng = np.random.default_rng(0)
factors_NF = rng.uniform(-1, 1, (FRAMES, len(NAMES)))
noise_NK = rng.normal(size=(FRAMES, 4))
# Permuted, signed, scaled, and among coefficients that mean nothing.
perfect_NM = np.hstack([factors_NF * [3, -0.2, 1, -1], noise_NK])[:, rng.permutation(8)]


def scores(code_NM: NDArray[np.floating], factors: NDArray[np.float64] = factors_NF) -> Scores:
    return disentanglement(code_NM, factors, NAMES, group_N)


@pytest.fixture(scope="module")
def perfect() -> Scores:
    return scores(perfect_NM)


def test_a_perfect_code(perfect: Scores) -> None:
    assert perfect.factors == NAMES
    assert perfect.left_out == {}
    assert perfect.frames_F.tolist() == [FRAMES] * 4
    for score in (perfect.disentanglement, perfect.completeness, perfect.informativeness, perfect.sap):
        assert score > 0.97
    assert perfect.mig > 0.9
    np.testing.assert_allclose(perfect.importance_MF.sum(0), 1)
    best_F = np.abs(np.corrcoef(perfect_NM.T, factors_NF.T)[:8, 8:]).argmax(0)
    assert perfect.importance_MF.argmax(0).tolist() == best_F.tolist()


def test_a_rotated_code_is_as_informative_and_less_sorted(perfect: Scores) -> None:
    found = scores(rotated(perfect_NM))
    assert found.informativeness == pytest.approx(perfect.informativeness, abs=0.02)
    assert found.disentanglement < 0.65
    assert found.completeness < 0.65
    assert found.mig < 0.3
    assert found.sap < 0.5


def test_rotation_keeps_mean_and_distances() -> None:
    turned_NM = rotated(perfect_NM, seed=3)
    np.testing.assert_allclose(turned_NM.mean(0), perfect_NM.mean(0), atol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(np.diff(turned_NM, axis=0), axis=1),
        np.linalg.norm(np.diff(perfect_NM, axis=0), axis=1),
    )
    assert not np.allclose(turned_NM, rotated(perfect_NM, seed=4))


@pytest.mark.parametrize("code_NM", [rng.normal(size=(FRAMES, 8)), shuffled(perfect_NM)])
def test_a_code_that_knows_nothing(code_NM: NDArray[np.float64]) -> None:
    found = scores(code_NM)
    for score in (found.disentanglement, found.completeness, found.informativeness, found.mig, found.sap):
        assert 0 <= score < 0.1


def test_shuffling_keeps_neighbours_and_moves_everything() -> None:
    order = shuffled(np.arange(100)[:, None])[:, 0]
    assert sorted(order) == list(range(100))
    assert (np.diff(order) == 1).sum() == 98
    assert not (order == np.arange(100)).any()


def test_a_factor_in_two_coefficients_is_incomplete(perfect: Scores) -> None:
    found = scores(np.hstack([factors_NF, factors_NF]))
    assert found.completeness < perfect.completeness - 0.2
    assert found.disentanglement > 0.97
    assert found.mig < 0.02
    assert found.sap < 0.02


def test_a_coefficient_of_two_factors_is_entangled(perfect: Scores) -> None:
    code_NM = np.c_[factors_NF[:, 0] + factors_NF[:, 1], factors_NF[:, 2:], noise_NK]
    found = scores(code_NM)
    assert found.disentanglement_M[0] == pytest.approx(0.5, abs=0.1)  # two of four factors: 1 - ln 2 / ln 4
    assert found.disentanglement_M[1] > 0.85
    assert found.disentanglement < perfect.disentanglement - 0.15
    assert found.informativeness_F[0] == pytest.approx(0.5, abs=0.1)
    assert found.informativeness_F[2] > 0.97


def test_people_who_differ_are_held_out() -> None:
    """A code that names the clip predicts a factor that is the clip's, but of no other clip."""
    own_C = rng.normal(size=CLIPS)
    factors = factors_NF.copy()
    factors[:, 0] = own_C[group_N] + 0.01 * rng.normal(size=FRAMES)
    code_NM = np.c_[np.eye(CLIPS)[group_N], factors_NF[:, 1:]]
    found = scores(code_NM, factors)
    assert found.informativeness_F[0] < 0.1
    assert found.informativeness_F[1] > 0.97
    everybody = disentanglement(code_NM, factors, NAMES, np.arange(FRAMES) % CLIPS)
    assert everybody.informativeness_F[0] > 0.9


def test_unknown_frames_are_dropped_for_their_factor_only(perfect: Scores) -> None:
    factors = factors_NF.copy()
    factors[::3, 1] = np.nan
    found = scores(perfect_NM, factors)
    assert found.frames_F.tolist() == [FRAMES, FRAMES * 2 // 3, FRAMES, FRAMES]
    assert found.sap_F[0] == perfect.sap_F[0]
    assert found.mig > 0.9


def test_what_cannot_be_scored_is_left_out_and_said() -> None:
    factors = factors_NF.copy()
    factors[:, 0] = 3.0
    factors[90:, 1] = np.nan
    factors[group_N > 0, 2] = np.nan
    found = scores(perfect_NM, factors)
    assert found.factors == ("blink",)
    assert found.left_out["yaw"] == "does not vary"
    assert "fewer" in found.left_out["pitch"]
    assert "one clip" in found.left_out["jaw"]
    assert np.isnan(found.disentanglement)
    assert found.completeness > 0.97


def test_nothing_to_score() -> None:
    found = scores(perfect_NM, np.full_like(factors_NF, np.nan))
    assert found.factors == ()
    assert np.isnan([found.disentanglement, found.completeness, found.mig, found.sap]).all()


def test_the_same_seed_gives_the_same_scores(perfect: Scores) -> None:
    again = scores(perfect_NM)
    np.testing.assert_array_equal(again.importance_MF, perfect.importance_MF)


def test_gap_of_information_by_hand() -> None:
    """The factor has two values, so an entropy of ln 2; the second best tells it 8 times of 10."""
    factor_N = np.repeat([0.0, 1.0], 10)
    second_N = np.repeat([0.0, 1.0, 0.0, 1.0], [8, 2, 2, 8])
    entropy_of = np.log(2)
    told = entropy_of + 0.8 * np.log(0.8) + 0.2 * np.log(0.2)
    found = mutual_information_gap(np.c_[second_N, factor_N * -5, np.zeros(20)], factor_N)
    assert found == pytest.approx(1 - told / entropy_of)


def test_separation_is_the_gap_of_squared_correlations() -> None:
    factor_N = rng.normal(size=50)
    code_NM = np.c_[factor_N + rng.normal(size=50), rng.normal(size=(50, 2)), np.zeros(50)]
    squares = sorted(np.corrcoef(code_NM[:, i], factor_N)[0, 1] ** 2 for i in range(3))
    assert separation(code_NM, factor_N) == pytest.approx(squares[-1] - squares[-2])


def test_frames_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="same frames"):
        disentanglement(perfect_NM[:-1], factors_NF, NAMES, group_N)
    with pytest.raises(ValueError, match="finite"):
        disentanglement(np.full((FRAMES, 3), np.nan), factors_NF, NAMES, group_N)
