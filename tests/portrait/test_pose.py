"""Ranges of the resulting pose, for edits and for transfers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from liax.portrait.edit_vector import Edit
from liax.portrait.motion import DrivingFrame, Transfer, transfer_motion
from liax.portrait.pose import HeldStretches, PoseRange, allowed_change, measure_pose, measured_controls
from liax.weights.controls import Control, Controls

YAW = Control("yaw", "head", {0: 0.02, 3: 0.005}, -30.0, 25.0, "deg")
CONTROLS = Controls(
    5,
    (
        YAW,
        Control("pitch", "head", {1: 0.05}, -20.0, 20.0, "deg"),
        Control("smile", "mouth", {2: 1.0}, -1.0, 1.0),
    ),
)


@pytest.mark.parametrize(
    ("own", "allowed"),
    [(0, (-30, 25)), (20, (-30, 5)), (-10, (-20, 25)), (40, (-30, 0)), (-35, (0, 25))],
)
def test_what_a_turned_head_may_still_do(own: float, allowed: tuple[float, float]) -> None:
    """Neither the change nor the pose that results is out of range; none can be forced back into it."""
    assert allowed_change(YAW, {"yaw": own}) == allowed
    assert allowed_change(YAW, {}) == (-30, 25)


@given(st.floats(-60, 60), st.floats(-200, 200), st.floats(-1, 1))
def test_a_change_is_held(own: float, turn: float, smile: float) -> None:
    """What is not of the head stays; what is in range stays to the bit."""
    change_M = turn * CONTROLS.directions_MK[:, 0] + smile * np.eye(5)[2]
    held_M, beyond = PoseRange(CONTROLS, {"yaw": own}).hold(change_M)
    low, high = allowed_change(YAW, {"yaw": own})
    expected = min(max(turn, low), high)
    np.testing.assert_allclose(
        held_M, expected * CONTROLS.directions_MK[:, 0] + smile * np.eye(5)[2], atol=1e-9
    )
    assert (beyond == ("yaw",)) == (abs(turn - expected) > 0.05 * 55)


def frames(yaws: list[float]) -> list[DrivingFrame]:
    return [
        DrivingFrame(Fraction(k, 2), (yaw * CONTROLS.directions_MK[:, 0]).astype(np.float32), k == 0, None)
        for k, yaw in enumerate(yaws)
    ]


def test_a_driving_that_begins_turned_and_swings_over() -> None:
    """From 35 to -35 degrees and back: the sum stops at -30, and it is said when."""
    held = HeldStretches()
    transfer = Transfer(pose_range=PoseRange(CONTROLS, {"yaw": 2.0}))
    source_M = np.full(5, 0.04, np.float32)
    driving = frames([35, 20, 0, -20, -35, 10, 35, -35])
    moved: NDArray[np.float32] = np.stack(list(transfer_motion(source_M, driving, transfer, held=held)))
    turned = (moved - source_M) @ np.linalg.pinv(CONTROLS.directions_MK[:, :1])[0]
    np.testing.assert_allclose(turned, [0, -15, -30, -30, -30, -25, 0, -30], atol=1e-4)
    assert held.sentence() == (
        "The head would move farther than pictures hold (yaw); it is held there, at 1.0-2.0 s, 3.5 s."
    )
    free = np.stack(list(transfer_motion(source_M, driving, replace(transfer, pose_range=None))))
    assert (free - source_M)[4, 0] == pytest.approx(-70 * 0.02, abs=1e-5)


def test_nothing_held_is_nothing_said() -> None:
    held = HeldStretches()
    list(
        transfer_motion(np.zeros(5), frames([0, 10]), Transfer(pose_range=PoseRange(CONTROLS, {})), held=held)
    )
    assert held.sentence() == ""


def test_an_edit_counts_the_portrait_s_own_pose() -> None:
    edit = Edit.of({"yaw": 18.0, "pitch": 5.0, 4: 0.5}, CONTROLS)
    alpha_M = np.zeros(5, np.float32)
    free_M = 18 * CONTROLS.directions_MK[:, 0] + 5 * CONTROLS.directions_MK[:, 1] + 0.5 * np.eye(5)[4]
    np.testing.assert_allclose(edit.vector_for(alpha_M), free_M, atol=1e-6)
    assert edit.held_back({"yaw": 3.0, "pitch": 0.0}) == ""
    pose = {"yaw": 20.0, "pitch": -3.0}
    np.testing.assert_allclose(
        edit.vector_for(alpha_M, pose), free_M - 13 * CONTROLS.directions_MK[:, 0], atol=1e-6
    )
    assert edit.beyond(pose) == ("yaw",)
    assert edit.held_back(pose) == (
        "The portrait's yaw is at 20 deg already, so it goes no further than 25 deg, where pictures hold."
    )
    forced = Edit.of({"yaw": 18.0, "pitch": 5.0, 4: 0.5}, CONTROLS, force=True)
    np.testing.assert_allclose(forced.vector_for(alpha_M, pose), free_M, atol=1e-6)
    assert forced.held_back(pose) == ""


def test_only_calibrated_heads_are_held() -> None:
    """Published controls are in no unit: what they make of a pose is not known."""
    assert [control.name for control in measured_controls(CONTROLS)] == ["yaw", "pitch"]
    bare = Controls(5, tuple(replace(control, unit="") for control in CONTROLS))
    assert measured_controls(bare) == []
    change_M = np.full(5, 9.0)
    held_M, beyond = PoseRange(bare, {"yaw": 20.0}).hold(change_M)
    assert beyond == ()
    np.testing.assert_array_equal(held_M, change_M)


def test_the_pose_of_a_portrait(portrait_HW3: NDArray[np.uint8]) -> None:
    """Its mirror image is turned the other way; where no face is, nothing is known."""
    pose, mirrored = measure_pose(portrait_HW3), measure_pose(np.ascontiguousarray(portrait_HW3[:, ::-1]))
    assert set(pose) == {"yaw", "pitch", "roll", "x", "y", "size"}
    assert pose["yaw"] == pytest.approx(-mirrored["yaw"], abs=3)
    assert pose["pitch"] == pytest.approx(mirrored["pitch"], abs=3)
    assert measure_pose(np.full((64, 64, 3), 90, np.uint8)) == {}
