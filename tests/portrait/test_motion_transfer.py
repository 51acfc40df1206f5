from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from liax.portrait.motion import DrivingFrame, Transfer, nearest_references, transfer_motion
from liax.weights.controls import CoefficientLimits

M = 5
SOURCE_M = np.array([0.5, -0.2, 0, 0.1, 0], np.float32)


def alphas(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(count, M)).astype(np.float32)


def moments(alpha_NM: NDArray[np.float32], begins: Sequence[int] = (0,)) -> Iterator[DrivingFrame]:
    for n, alpha_M in enumerate(alpha_NM):
        yield DrivingFrame(Fraction(n, 25), alpha_M, n in begins, None)


def carried(
    alpha_NM: NDArray[np.float32], transfer: Transfer, begins: Sequence[int] = (0,), **references: list
) -> NDArray[np.float32]:
    result_NM = np.stack(list(transfer_motion(SOURCE_M, moments(alpha_NM, begins), transfer, **references)))
    assert result_NM.dtype == np.float32
    return result_NM


def test_relative_is_equation_10() -> None:
    alpha_NM, edit_M, gains_MM = alphas(6), alphas(1, 1)[0], alphas(M, 2)
    expected_NM = SOURCE_M + edit_M + (alpha_NM - alpha_NM[0]) @ gains_MM.T
    np.testing.assert_allclose(carried(alpha_NM, Transfer(True, edit_M, gains_MM)), expected_NM, atol=1e-5)
    np.testing.assert_allclose(carried(alpha_NM, Transfer()), SOURCE_M + alpha_NM - alpha_NM[0], atol=1e-6)


def test_motion_stops_where_faces_do_unless_the_driving_goes_further() -> None:
    limits = CoefficientLimits(np.full(M, -1.0), np.full(M, 1.0))
    alpha_NM = np.zeros((4, M), np.float32)
    alpha_NM[1:, 0] = 0.4, 0.8, 1.8
    np.testing.assert_allclose(carried(alpha_NM, Transfer())[:, 0], [0.5, 0.9, 1.3, 2.3])
    np.testing.assert_allclose(carried(alpha_NM, Transfer(limits=limits))[:, 0], [0.5, 0.9, 1.0, 1.8])
    edited = Transfer(edit_M=np.full(M, 2.0), limits=limits)  # an edit that is further already stays
    np.testing.assert_allclose(carried(alpha_NM, edited)[:, 0], 2.5)
    np.testing.assert_allclose(carried(alpha_NM, Transfer(False, limits=limits)), alpha_NM)


def test_absolute_takes_over_and_gains_scale_the_way_there() -> None:
    alpha_NM, edit_M = alphas(6), alphas(1, 1)[0]
    np.testing.assert_allclose(carried(alpha_NM, Transfer(False, edit_M)), alpha_NM + edit_M, atol=1e-6)
    half = carried(alpha_NM, Transfer(False, gains_MM=np.eye(M) / 2))
    np.testing.assert_allclose(half, (alpha_NM + SOURCE_M) / 2, atol=1e-6)
    one = carried(alpha_NM, Transfer(False, gains_MM=np.diag([0, 0, 1, 0, 0])))
    expected_NM = np.tile(SOURCE_M, (6, 1))
    expected_NM[:, 2] = alpha_NM[:, 2]
    np.testing.assert_allclose(one, expected_NM, atol=1e-6)


def test_every_shot_has_its_own_reference() -> None:
    alpha_NM = alphas(9)
    result_NM = carried(alpha_NM, Transfer(), begins=(0, 4, 7))
    reference_NM = alpha_NM[[0, 0, 0, 0, 4, 4, 4, 7, 7]]
    np.testing.assert_allclose(result_NM, SOURCE_M + alpha_NM - reference_NM, atol=1e-6)
    for start in (0, 4, 7):
        np.testing.assert_allclose(result_NM[start], SOURCE_M, atol=1e-6)


def test_before_the_first_beginning_belongs_to_the_first_shot() -> None:
    """A title card: its moments have the coefficients of the first face."""
    alpha_NM = alphas(6)
    alpha_NM[:2] = alpha_NM[2]
    result_NM = carried(alpha_NM, Transfer(), begins=(2, 5))
    np.testing.assert_allclose(result_NM[:3], np.tile(SOURCE_M, (3, 1)), atol=1e-6)
    np.testing.assert_allclose(result_NM[4], SOURCE_M + alpha_NM[4] - alpha_NM[2], atol=1e-6)
    np.testing.assert_allclose(result_NM[5], SOURCE_M, atol=1e-6)
    assert len(nearest_references(SOURCE_M, moments(alpha_NM, (2, 5)), Transfer())) == 2


@given(st.integers(0, 10_000), st.sets(st.integers(1, 11), max_size=3))
def test_the_nearest_of_each_shot_is_its_reference(seed: int, cuts: set[int]) -> None:
    alpha_NM, begins = alphas(12, seed), sorted({0, *cuts})
    references = nearest_references(SOURCE_M, moments(alpha_NM, begins), Transfer())
    bounds = [*begins, 12]
    assert len(references) == len(begins)
    result_NM = carried(alpha_NM, Transfer(), begins, references=references)
    for reference_M, start, end in zip(references, bounds, bounds[1:], strict=False):
        distance_N = np.linalg.norm(alpha_NM[start:end] - SOURCE_M, axis=1)
        best = start + int(distance_N.argmin())
        np.testing.assert_array_equal(reference_M, alpha_NM[best])
        np.testing.assert_allclose(result_NM[best], SOURCE_M, atol=1e-6)


def test_nearest_looks_at_the_motion_taken_over() -> None:
    alpha_NM = np.tile(SOURCE_M, (3, 1))
    alpha_NM[0, 0] += 0.1  # nearest in everything
    alpha_NM[1, 1] += 0.5  # nearest in vector 0
    alpha_NM[2] += 1
    (everything_M,) = nearest_references(SOURCE_M, moments(alpha_NM), Transfer())
    (head_M,) = nearest_references(SOURCE_M, moments(alpha_NM), Transfer(gains_MM=np.diag([1, 0, 0, 0, 0])))
    np.testing.assert_array_equal(everything_M, alpha_NM[0])
    np.testing.assert_array_equal(head_M, alpha_NM[1])


def test_it_streams() -> None:
    taken = 0

    def counted() -> Iterator[DrivingFrame]:
        nonlocal taken
        for moment in moments(alphas(5)):
            taken += 1
            yield moment

    stream = transfer_motion(SOURCE_M, counted(), Transfer())
    assert taken == 0
    for count in range(1, 6):
        next(stream)
        assert taken == count


def test_nothing_drives_nothing() -> None:
    assert list(transfer_motion(SOURCE_M, [], Transfer())) == []
    assert nearest_references(SOURCE_M, [], Transfer()) == []


@pytest.mark.parametrize("relative", [True, False])
def test_the_driving_is_left_as_it_was(relative: bool) -> None:
    alpha_NM = alphas(4)
    kept_NM = alpha_NM.copy()
    carried(alpha_NM, Transfer(relative, np.ones(M)))
    np.testing.assert_array_equal(alpha_NM, kept_NM)
