"""Correlation and gain of measured movements."""

from __future__ import annotations

import numpy as np
import pytest

from liax.evaluation.motion_metrics import FEWEST_FRAMES, MOTION_THRESHOLDS, compare_motion, gain, pearson
from liax.face.factors import FACTORS

NAMES = list(FACTORS)


def test_every_factor_has_its_threshold() -> None:
    assert list(MOTION_THRESHOLDS) == NAMES


def test_pearson_agrees_with_numpy_and_skips_frames_without_a_face() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 40))
    expected = np.corrcoef(x[5:], y[5:])[0, 1]
    y[:5] = np.nan
    assert pearson(x, y) == pytest.approx(expected)
    assert gain(x, 0.3 * x + 2) == pytest.approx(0.3)


def test_an_output_that_stands_still_or_has_no_face_follows_nothing() -> None:
    x = np.arange(40.0)
    assert pearson(x, np.full(40, 0.1)) == 0
    assert pearson(x, np.where(x < FEWEST_FRAMES - 1, x, np.nan)) == 0


def test_only_factors_that_move_are_followed() -> None:
    driving = np.zeros((40, len(NAMES)))
    driving[:, NAMES.index("yaw")] = np.linspace(-10, 10, 40)
    driving[:, NAMES.index("pitch")] = np.linspace(-1, 1, 40)
    driving[20, NAMES.index("blink")] = 0.6
    found = compare_motion(driving, driving)
    assert set(found) == {"yaw", "blink"}
    assert found["yaw"]["correlation"] == pytest.approx(1)
    assert found["blink"]["beyond_pose"] == pytest.approx(1)


def test_eyes_that_only_seem_to_move_with_the_head_do_not_count_beyond_the_pose() -> None:
    random = np.random.default_rng(2)
    driving, output = np.zeros((2, 200, len(NAMES)))
    yaw = driving[:, NAMES.index("yaw")] = random.normal(0, 10, 200)
    driving[:, NAMES.index("gaze-x")] = 0.02 * yaw + random.normal(0, 0.1, 200)
    output[:, NAMES.index("gaze-x")] = 0.02 * yaw + random.normal(0, 0.1, 200)
    gaze = compare_motion(driving, output)["gaze-x"]
    assert gaze["correlation"] > 0.5
    assert abs(gaze["beyond_pose"]) < 0.2
