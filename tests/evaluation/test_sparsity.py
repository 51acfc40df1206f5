"""Numbers computed by hand, and what must hold for any coefficients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from liax.evaluation.sparsity import changes, effective_rank, gini, hoyer, sparsity, used

codes = arrays(
    np.float64, st.tuples(st.integers(2, 8), st.integers(2, 6)), elements=st.floats(-1, 1, width=32)
)


def test_measures_by_hand() -> None:
    alpha_NM = np.array([[3.0, 0.0, 0.0, 0.0], [1, -1, 1, 1], [4, 0, -3, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(hoyer(alpha_NM)[:3], [1, 0, 2 - 7 / 5])
    # Sorted 0, 0, 3, 4: (-3·0 - 1·0 + 1·3 + 3·4) / (4·7) · 4/3
    np.testing.assert_allclose(gini(alpha_NM)[:3], [1, 0, 15 / 28 * 4 / 3])
    assert np.isnan(hoyer(alpha_NM)[3])
    assert np.isnan(gini(alpha_NM)[3])
    assert used(np.array([[1.0, 0.05, -0.051, 0.0]])).tolist() == [[True, False, True, False]]


def test_description_leaves_out_frames_of_zeros() -> None:
    found = sparsity(np.array([[2.0, 0, 0, 0], [0, 0, 0, 0], [0, 1, -1, 0]])).plain
    assert found.hoyer == pytest.approx((1 + 2 - np.sqrt(2)) / 2)
    assert (found.used, found.used_ever) == (1.5, 3)


def test_a_constant_coefficient_is_no_sparsity() -> None:
    alpha_NM = np.random.default_rng(0).normal(size=(4000, 20))
    alpha_NM[:, 3] += 1000
    found = sparsity(alpha_NM)
    assert found.plain.hoyer > 0.99
    assert found.plain.used == pytest.approx(1)
    assert found.centred.hoyer < 0.3
    assert found.centred.used > 15
    assert found.effective_rank == pytest.approx(20, abs=0.1)
    assert found.varying == 20


def test_change_is_from_each_clips_first_frame() -> None:
    alpha_NM = np.array([[5.0, 5], [5, 6], [7, 7], [9, 7], [7, 7]])
    clip_N = np.array([4, 4, 2, 2, 2])
    assert changes(alpha_NM, clip_N).tolist() == [[0, 1], [2, 0], [0, 0]]
    found = sparsity(alpha_NM, clip_N)
    assert found.change is not None
    assert found.change.hoyer == 1
    assert sparsity(alpha_NM).change is None
    single = sparsity(alpha_NM[:2], [0, 1]).change
    assert single is not None
    assert np.isnan(single.hoyer)


def test_effective_rank_by_hand() -> None:
    """Singular values 3 and 1: shares 3/4 and 1/4; equal ones count fully, none at all is 0."""
    values = np.array([0.75, 0.25])
    expected = np.exp(-(values * np.log(values)).sum())
    assert effective_rank(np.diag([3.0, 1.0, 0.0])) == pytest.approx(expected)
    assert effective_rank(np.eye(5)) == pytest.approx(5)
    assert effective_rank(np.zeros((4, 3))) == 0


def test_usage_is_the_share_of_frames() -> None:
    alpha_NM = np.array([[1.0, 0, 0], [-1, 0, 0], [1, 1, 0], [-1, -1, 0]])
    found = sparsity(alpha_NM)
    assert found.usage_M.tolist() == [1, 0.5, 0]
    np.testing.assert_allclose(found.std_M, [1, np.sqrt(0.5), 0])
    assert (found.varying, found.vectors, found.frames) == (2, 3, 4)


@given(codes, st.integers(0, 2**31), st.sampled_from([0.25, -2.0, 8.0]))
def test_scale_sign_and_order_do_not_matter(alpha_NM: NDArray[np.float64], seed: int, scale: float) -> None:
    alpha_NM = alpha_NM[np.abs(alpha_NM).max(1) > 1e-6]
    order_M = np.random.default_rng(seed).permutation(alpha_NM.shape[1])
    for measure in (hoyer, gini):
        found = measure(alpha_NM)
        assert ((found > -1e-9) & (found < 1 + 1e-9)).all()
        np.testing.assert_allclose(measure(scale * alpha_NM[:, order_M]), found, atol=1e-9)


@pytest.mark.parametrize("alpha_NM", [np.zeros((0, 3)), np.zeros((3, 1)), np.zeros(3), [[1, np.nan]]])
def test_what_is_no_code_is_refused(alpha_NM: object) -> None:
    with pytest.raises(ValueError, match="finite"):
        sparsity(alpha_NM)  # type: ignore[arg-type]
