"""Where coefficients stop: at what nearly all faces have, or one that was seen."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.model import LIAX
from liax.portrait import Animator
from liax.weights import load, save
from liax.weights.controls import (
    LIMITS_KEY,
    CoefficientLimits,
    Control,
    read_controls,
    read_limits,
    set_controls,
)

REACH = CoefficientLimits(np.array([-1.0, -0.1, 0.0]), np.array([2.0, 0.1, 3.0]))
triples = st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=3).map(np.float32)


def test_the_rarest_faces_do_not_count() -> None:
    alpha_NM = np.linspace([-1, 0], [1, 10], 1001)
    alpha_NM[0], alpha_NM[-1] = (-50, -50), (50, 50)
    limits = CoefficientLimits.of(alpha_NM)
    np.testing.assert_allclose(limits.low_M, [-0.99, 0.05])
    np.testing.assert_allclose(limits.high_M, [0.99, 9.95])


@given(triples, triples)
def test_held_within_reach_or_what_was_seen(
    alpha_M: NDArray[np.float32], seen_M: NDArray[np.float32]
) -> None:
    held_M = REACH.clamp(alpha_M, seen_M)
    low_M, high_M = np.minimum(REACH.low_M, seen_M), np.maximum(REACH.high_M, seen_M)
    assert ((low_M <= held_M) & (held_M <= high_M)).all()
    within_M = (low_M <= alpha_M) & (alpha_M <= high_M)
    np.testing.assert_array_equal(held_M[within_M], alpha_M[within_M])
    np.testing.assert_array_equal(REACH.clamp(seen_M, seen_M), seen_M)


def test_it_travels_with_the_weights_and_stays_when_controls_change(tmp_path: Path, tiny: LIAX) -> None:
    limits = CoefficientLimits(np.linspace(-2, -1, 8), np.linspace(0.5, 1, 8))
    path = tmp_path / "reaching.safetensors"
    save(tiny, path, metadata={LIMITS_KEY: limits.to_json()})
    set_controls(path, path, [Control("yaw", "head", {0: 0.02}, -30, 30, "deg")])
    network = load(path)
    for found in (read_limits(network.metadata, 8), Animator(network, "cpu").controls.limits):
        assert found is not None
        np.testing.assert_allclose(found.low_M, limits.low_M, atol=1e-4)
        np.testing.assert_allclose(found.high_M, limits.high_M, atol=1e-4)


def test_weights_need_not_say() -> None:
    assert read_limits({}, 8) is None
    assert read_controls({}, 8).limits is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"low": [0, 0], "high": [1]}',
        '{"low": [2, 0], "high": [1, 1]}',
        '{"low": [NaN, 0], "high": [1, 1]}',
        '{"low": ["a", 0], "high": [1, 1]}',
    ],
)
def test_unusable_reach(text: str) -> None:
    with pytest.raises(LiaxError, match=r"reach cannot be used .*; get or make the weights anew"):
        read_limits({LIMITS_KEY: text}, 2)


def test_bundled_weights_hold_eyes_open_and_mouths_shut() -> None:
    """Blink's coefficient is about 0 on open eyes, jaw's on shut mouths: less than that nobody has."""
    controls = Animator(load("small"), "cpu").controls
    assert controls.limits is not None
    for name in ("blink", "jaw"):
        (index, *_) = controls[name].vectors
        assert -0.5 < controls.limits.low_M[index] < 0.1
        assert controls.limits.high_M[index] > 1
