"""Numbers on synthetic motion; on real clips they are in the filter's docstring."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from liax.portrait.motion import DrivingFrame, OneEuroFilter, smooth_motion


def moments(
    alpha_NM: NDArray[np.float32], begins: Sequence[int] = (0,), rate: int = 25
) -> list[DrivingFrame]:
    return [DrivingFrame(Fraction(n, rate), alpha_M, n in begins, None) for n, alpha_M in enumerate(alpha_NM)]


def smooth(
    alpha_NM: NDArray[np.float64], begins: Sequence[int] = (0,), rate: int = 25
) -> NDArray[np.float32]:
    return np.stack([m.alpha_M for m in smooth_motion(moments(alpha_NM.astype(np.float32), begins, rate))])


def jitter(alpha_NM: NDArray[np.floating]) -> float:
    return float(np.abs(np.diff(alpha_NM, 2, axis=0)).mean())


def delay(alpha_N: NDArray[np.floating], smooth_N: NDArray[np.floating]) -> float:
    """Frames by which the raw motion must be shifted to agree best with the smoothed one."""
    lags, times = np.arange(0, 8, 0.1), np.arange(len(alpha_N))
    shifted = [np.interp(times - lag, times, alpha_N)[10:] for lag in lags]
    return float(lags[int(np.argmax([np.corrcoef(one, smooth_N[10:])[0, 1] for one in shifted]))])


@pytest.mark.parametrize("rate", [25, 50])
def test_jitter_halves_within_80_ms(rate: int) -> None:
    """A nodding head (0.4 Hz) and speech (2 Hz) under noise, sized as in real coefficients."""
    rng, time_N = np.random.default_rng(0), np.arange(10 * rate) / rate
    motion_NM = np.stack([0.3 * np.sin(0.8 * np.pi * time_N), 0.15 * np.sin(4 * np.pi * time_N)], 1)
    noisy_NM = motion_NM + rng.normal(scale=0.01, size=motion_NM.shape)
    smooth_NM = smooth(noisy_NM, rate=rate)
    assert jitter(smooth_NM) < 0.5 * jitter(noisy_NM)
    for m in range(2):
        assert delay(noisy_NM[:, m], smooth_NM[:, m]) < 0.08 * rate
    assert jitter(smooth(motion_NM, rate=rate)) > 0.65 * jitter(motion_NM)  # motion itself stays


@pytest.mark.parametrize("height", [0.1, 0.5, -0.5])
def test_a_blink_of_four_frames_is_not_flattened(height: float) -> None:
    blink_NM = np.zeros((40, 1))
    blink_NM[15:19] = height
    peak = smooth(blink_NM)[np.abs(smooth(blink_NM)).argmax()] / height
    assert 0.75 < peak < 1


def test_rest_is_stiller_than_motion() -> None:
    """What One-Euro is for: the same noise is damped more at rest than in a turn of the head."""
    noise_N = np.random.default_rng(1).normal(scale=0.005, size=100)
    turn_N = np.arange(100) * 0.04
    rest, turning = smooth(noise_N[:, None]), smooth((turn_N + noise_N)[:, None])
    assert jitter(rest) < 0.3 * jitter(noise_N[:, None])
    assert jitter(turning) > 2 * jitter(rest)


def test_a_cut_starts_anew() -> None:
    """The second shot is smoothed as if it stood alone; nothing of the first glides into it."""
    rng = np.random.default_rng(2)
    first_NM, second_NM = rng.normal(size=(8, 3)), 5 + rng.normal(size=(7, 3))
    both_NM = smooth(np.concatenate([first_NM, second_NM]), begins=(0, 8))
    np.testing.assert_allclose(both_NM[8:], smooth(second_NM), atol=1e-5)
    np.testing.assert_allclose(both_NM[8], second_NM[0], atol=1e-6)
    np.testing.assert_allclose(both_NM[:8], smooth(first_NM), atol=1e-6)


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30), st.integers(10, 60))
def test_it_stays_within_what_it_was_given(values: list[float], rate: int) -> None:
    """A low-pass never overshoots; and what is given is not changed."""
    given_moments = moments(np.array(values, np.float32)[:, None], rate=rate)
    result = list(smooth_motion(given_moments))
    smooth_N = [float(m.alpha_M[0]) for m in result]
    assert min(values) - 1e-6 <= min(smooth_N) <= max(smooth_N) <= max(values) + 1e-6
    assert smooth_N[0] == pytest.approx(values[0])
    assert [float(m.alpha_M[0]) for m in given_moments] == [float(v) for v in values]
    assert [(m.time, m.starts_shot) for m in result] == [(m.time, m.starts_shot) for m in given_moments]


def test_times_count_not_frames() -> None:
    """After a pause of a second, the filter has long arrived."""
    dense = [DrivingFrame(Fraction(n, 25), np.array([n > 0], np.float32), n == 0, None) for n in range(26)]
    sparse = [dense[0], dense[-1]]
    (_, slow_M), (_, late_M) = (
        (m.time, m.alpha_M) for m in (list(smooth_motion(dense))[1], list(smooth_motion(sparse))[1])
    )
    assert slow_M[0] < late_M[0] > 0.85


def _filtered(alpha_NM: NDArray[np.float64], amount: float, shift_at: int = 0) -> NDArray[np.float64]:
    """Rows through a filter whose origin moves by 1 before row `shift_at`, if that is not 0."""
    state = OneEuroFilter(0.0, alpha_NM[0].astype(np.float32), amount)
    smoothed = [state.smooth_M.copy()]
    for n, alpha_M in enumerate(alpha_NM[1:], 1):
        if n == shift_at:
            state.shift(np.ones(alpha_NM.shape[1]))
        state.add(n / 25, alpha_M.astype(np.float32) + (0 < shift_at <= n))
        smoothed.append(state.smooth_M.copy())
    return np.stack(smoothed)


@given(st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=12), st.floats(0.01, 1))
def test_less_smoothing_is_nearer_and_none_is_exact(values: list[float], amount: float) -> None:
    raw_N1 = np.array(values)[:, None]
    assert np.allclose(_filtered(raw_N1, 0.0), raw_N1, atol=1e-6)
    usual_N1 = smooth(raw_N1)
    assert np.allclose(_filtered(raw_N1, 1.0), usual_N1, atol=1e-6)
    step_21 = raw_N1[:2]
    less, more = (abs(_filtered(step_21, part)[1] - step_21[1]) for part in (amount / 2, amount))
    assert less <= more + 1e-9


@given(st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=12), st.integers(1, 2))
def test_another_origin_changes_nothing_else(values: list[float], shift_at: int) -> None:
    raw_N1 = np.array(values)[:, None]
    moved_N1 = _filtered(raw_N1, 0.7, shift_at)
    moved_N1[shift_at:] -= 1
    assert np.allclose(moved_N1, _filtered(raw_N1, 0.7), atol=1e-5)
