"""Tracks and keyframes on a portrait: coefficients, ranges, and what is told."""

from __future__ import annotations

import logging
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from liax.errors import LiaxError, OptionError
from liax.model import LIAX
from liax.options import Amount, AnimateOptions, DrivingOptions, Stretch
from liax.portrait import Animator, animate, open_driving, open_portrait
from liax.portrait.edit_vector import Edit
from liax.portrait.template import Template
from liax.portrait.track_driving import NamedDriving, open_track
from liax.portrait.track_export import export_motion
from liax.tracks import Timing, Track, read_track, write_track
from liax.weights.controls import CoefficientLimits, Control, Controls

UNCROPPED = AnimateOptions(crop=False)


@pytest.fixture
def animator(tiny: LIAX) -> Animator:
    animator = Animator(tiny, "cpu")
    count = tiny.config.vectors
    animator.controls = Controls(
        count,
        (
            Control("yaw", "head", {0: 0.04}, -20, 30, "deg"),
            Control("smile", "mouth", {1: 1.5, 3: 0.5}, -0.8, 1),
            Control("blink", "eyes", {2: 1.5}, -1, 1),
            Control("gaze-y", "gaze", {0: 0.4, 2: -1.0}, -1, 1),
        ),
        CoefficientLimits(np.full(count, -1.0), np.full(count, 1.2)),
    )
    return animator


def track(*, changes: bool = False, **amounts: list[float]) -> Track:
    count = len(next(iter(amounts.values())))
    names = tuple(name.replace("_", "-") for name in amounts)
    return Track(
        Timing.steady(count, Fraction(25)), names, np.array(list(amounts.values())).T, changes=changes
    )


def alphas(driving: Template) -> np.ndarray:
    return np.stack([frame.alpha_M for frame in driving.frames()])


def test_a_track_of_a_template_drives_like_it(animator: Animator, face_clip: Path, tmp_path: Path) -> None:
    """Coefficients to 1e-6, so that pictures are alike (45 dB are asked for)."""
    export_motion(lambda: animator, face_clip, tmp_path / "a.safetensors")
    template = open_driving(animator, tmp_path / "a.safetensors")
    for name in ("a.csv", "a.json"):
        timing = export_motion(lambda: animator, tmp_path / "a.safetensors", tmp_path / name)
        assert len(timing) == 12
        again = open_driving(animator, tmp_path / name)
        assert isinstance(again, Template)
        assert again.rate == 12
        np.testing.assert_allclose(alphas(again), alphas(template), atol=1e-6)


def test_the_same_pictures(
    animator: Animator, face_clip: Path, portrait_HW3: np.ndarray, tmp_path: Path
) -> None:
    export_motion(lambda: animator, face_clip, tmp_path / "a.csv", DrivingOptions(crop=False))
    portrait = open_portrait(animator, portrait_HW3, UNCROPPED)
    one, other = (
        np.stack([picture for _, picture in animate(animator, portrait, driving, UNCROPPED).frames])
        for driving in (tmp_path / "a.csv", face_clip)
    )
    assert np.abs(one[0].astype(int) - one[-1]).max() > 3
    assert np.abs(one.astype(int) - other).max() <= 1  # 45 dB would be 1.4 on average


def test_changes_come_on_top_of_the_portrait(animator: Animator) -> None:
    source_M = np.linspace(-0.5, 0.5, animator.controls.count).astype(np.float32)
    driving = open_track(track(changes=True, yaw=[0, 10], smile=[0.5, 0]), animator, "a")
    assert isinstance(driving, NamedDriving)
    change_TM = alphas(driving.on(source_M)) - source_M
    np.testing.assert_allclose(change_TM[0, [0, 1, 3]], [0, 0.75, 0.25], atol=1e-6)
    np.testing.assert_allclose(change_TM[1, [0, 1, 3]], [0.4, 0, 0], atol=1e-6)


def test_a_pose_replaces_what_it_names(animator: Animator) -> None:
    source_M = np.linspace(-0.5, 0.5, animator.controls.count).astype(np.float32)
    driving = open_track(track(yaw=[5, 10]), animator, "a")
    assert isinstance(driving, NamedDriving)
    posed_TM = alphas(driving.on(source_M))
    np.testing.assert_allclose(posed_TM[:, 0], [0.2, 0.4], atol=1e-6)
    np.testing.assert_allclose(posed_TM[:, 1:], np.stack([source_M[1:]] * 2), atol=1e-6)


def test_a_pose_replaces_all_of_the_portrait_that_looks_like_it(animator: Animator) -> None:
    """Not only what the control's largest vector says: half a smile stays half a smile."""
    source_M = np.zeros(animator.controls.count, np.float32)
    source_M[[1, 3, 4]] = 0.3, 0.9, 0.2
    driving = open_track(track(smile=[0.5]), animator, "a")
    assert isinstance(driving, NamedDriving)
    (posed_M,) = alphas(driving.on(source_M))
    direction_M = animator.controls["smile"].vectors
    along = sum(posed_M[m] * amount for m, amount in direction_M.items()) / (1.5**2 + 0.5**2)
    assert along == pytest.approx(0.5, abs=1e-6)
    beside = [posed_M[m] - 0.5 * amount for m, amount in direction_M.items()]
    np.testing.assert_allclose(beside, [0.3 - 1.5 * 0.36, 0.9 - 0.5 * 0.36], atol=1e-6)
    assert posed_M[4] == pytest.approx(0.2)


def test_ranges_and_limits_hold(animator: Animator, caplog: pytest.LogCaptureFixture) -> None:
    source_M = np.zeros(animator.controls.count, np.float32)
    wild = track(changes=True, yaw=[0, 90], smile=[0, 3])
    driving = open_track(wild, animator, "wild.csv")
    assert isinstance(driving, NamedDriving)
    with caplog.at_level(logging.WARNING, "liax"):
        held_TM = alphas(driving.on(source_M))
    assert held_TM[1, 0] == pytest.approx(30 * 0.04)
    assert held_TM[1, 1] == pytest.approx(1.2)  # the coefficient limit, within the range
    assert [record.getMessage() for record in caplog.records] == [
        "wild.csv goes out of range, and is held at its ends: yaw is 90deg at 0.04 s (-20 to 30 deg); "
        "smile is 3 at 0.04 s (-0.8 to 1)."
    ]
    assert alphas(driving.on(source_M, force=True))[1, :2] == pytest.approx([3.6, 4.5])


def test_a_measured_expression_beyond_the_limits_still_changes(animator: Animator) -> None:
    """All of it is shifted to within them; only what is longer than they are is cut. A pose is held."""
    source_M = np.zeros(animator.controls.count, np.float32)
    driving = open_track(track(smile=[1.0, 1.2, 0.9]), animator, "a")
    assert isinstance(driving, NamedDriving)
    np.testing.assert_allclose(alphas(driving.on(source_M))[:, 1], [0.9, 1.2, 0.75], atol=1e-6)
    np.testing.assert_allclose(alphas(driving.on(source_M))[:, 3], [0.5, 0.6, 0.45], atol=1e-6)
    np.testing.assert_allclose(alphas(driving.on(source_M, absolute=True))[:, 1], [1.2] * 3, atol=1e-6)
    np.testing.assert_allclose(alphas(driving.on(source_M, force=True))[:, 1], [1.5, 1.8, 1.35], atol=1e-6)
    long = open_track(track(smile=[-1.0, 1.0]), animator, "a")
    assert isinstance(long, NamedDriving)
    np.testing.assert_allclose(alphas(long.on(source_M))[:, 1], [-1.0, 1.2], atol=1e-6)
    low = open_track(track(smile=[-0.9, -0.8]), animator, "a")
    assert isinstance(low, NamedDriving)
    np.testing.assert_allclose(alphas(low.on(source_M))[:, 1], [-1.0, -0.85], atol=1e-6)


def test_faces_that_look_down_blink_once(animator: Animator) -> None:
    driving = open_track(track(blink=[0, 0.5], gaze_y=[0, -0.5]), animator, "a")
    assert isinstance(driving, NamedDriving)
    assert driving.track.controls == ("blink",)
    changing = open_track(track(changes=True, blink=[0, 0.5], gaze_y=[0, -0.5]), animator, "a")
    assert isinstance(changing, NamedDriving)
    assert changing.track.controls == ("blink", "gaze-y")


def test_other_weights_follow_the_controls(
    animator: Animator, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    vectors = Track(
        Timing.steady(2, Fraction(25)),
        ("yaw",),
        np.array([[0], [5.0]]),
        (3,),
        np.ones((2, 1)),
        weights="beef",
    )
    write_track(vectors, tmp_path / "a.csv")
    driving = open_driving(animator, tmp_path / "a.csv")
    assert isinstance(driving, NamedDriving)
    assert (driving.track.controls, driving.track.vectors) == (("yaw",), ())
    assert "has motion vectors of other weights; only its controls are used" in caplog.text
    caplog.clear()
    open_track(track(changes=True, yaw=[1], wink=[1]), animator, "keys.toml")
    assert "keys.toml has wink, which these weights lack; that is left out." in caplog.text


def test_what_cannot_drive(animator: Animator, tmp_path: Path) -> None:
    with pytest.raises(LiaxError, match=r"a says nothing that these weights can do \(they have yaw, smile"):
        open_track(track(wink=[1]), animator, "a")
    with pytest.raises(LiaxError, match="a: smile is a bare number, not in deg"):
        open_track(replace(track(smile=[1]), units={"smile": "deg"}), animator, "a")
    (tmp_path / "keys.toml").write_text("[[key]]\nat = 0\nyaw = 3\n")
    for option in ({"absolute": True}, {"reference": "best"}, {"align": "pose"}):
        with pytest.raises(OptionError, match=r"keys\.toml says changes of the portrait, and has no pose"):
            animate(
                animator,
                np.zeros((64, 64, 3), np.uint8),
                tmp_path / "keys.toml",
                replace(UNCROPPED, **option),
            )


def test_keys_over_a_driving(animator: Animator, portrait_HW3: np.ndarray, tmp_path: Path) -> None:
    """They add what they say at each of its times, and nothing else changes."""
    (tmp_path / "keys.toml").write_text("[[key]]\nat = 0.04\nyaw = '10deg'\nease = 'hold'\n")
    still = track(yaw=[0.0, 0.0, 0.0])
    portrait = open_portrait(animator, portrait_HW3, UNCROPPED)

    def pictures(options: AnimateOptions) -> list[np.ndarray]:
        driving = open_track(still, animator, "still")
        return [picture for _, picture in animate(animator, portrait, driving, options).frames]

    plain, keyed = pictures(UNCROPPED), pictures(replace(UNCROPPED, keys=tmp_path / "keys.toml"))
    turned = pictures(replace(UNCROPPED, set={"yaw": 10.0}))
    timed = pictures(replace(UNCROPPED, set={"yaw": Amount(10, "deg", Stretch(0.0, 0.08)), "smile": 0.0}))
    assert np.array_equal(timed[1], turned[1])  # in the middle of its time
    assert np.array_equal(timed[::2], plain[::2])
    assert np.array_equal(keyed[0], plain[0])
    assert np.array_equal(keyed[1:], turned[1:])
    assert not np.array_equal(keyed[1], plain[1])


def test_edits_of_pictures_have_no_times(animator: Animator) -> None:
    with pytest.raises(LiaxError, match="yaw cannot change with time here; leave out its times"):
        Edit.of({"yaw": Amount(1, "deg", Stretch(1))}, animator.controls)


def test_live_link_of_a_video_is_measured(animator: Animator, face_clip: Path, tmp_path: Path) -> None:
    timing = export_motion(lambda: animator, face_clip, tmp_path / "face.csv", live_link=True)
    assert (len(timing), timing.rate) == (12, 12)
    measured = read_track(tmp_path / "face.csv", Fraction(12))
    assert len(measured.timing) == 12
    assert {"yaw", "jaw", "smile", "blink", "brow"} <= set(measured.controls)
    assert measured.amounts_TK.std() > 0


def test_one_track_becomes_another_without_weights(tmp_path: Path) -> None:
    def never() -> Animator:
        raise AssertionError("weights are not needed")

    (tmp_path / "keys.toml").write_text("[[key]]\nat = 1\nyaw = 10\njaw = 0.5\n")
    export_motion(never, tmp_path / "keys.toml", tmp_path / "a.json")
    assert read_track(tmp_path / "a.json").amounts_TK[-1].tolist() == [10, 0.5]
    export_motion(never, tmp_path / "a.json", tmp_path / "face.csv", live_link=True)
    face = read_track(tmp_path / "face.csv", Fraction(25))
    assert dict(zip(face.controls, face.amounts_TK[-1].round(4), strict=True))["jaw"] == 0.5
