"""What a portrait does while a camera moves it, with a tiny network and real faces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from liax.errors import OptionError
from liax.face.crop import Crop
from liax.face.landmarks import FaceLandmarker
from liax.live.camera_face import CameraFace, square_of
from liax.live.session import LiveSession, check_live_options, measure_rate
from liax.model import LIAX
from liax.options import LiveOptions
from liax.portrait import Animator, open_portrait
from liax.portrait.source import Portrait

Camera = Callable[[int], NDArray[np.uint8]]
PLAIN = LiveOptions(smoothing=0, mirror=False)


@pytest.fixture(scope="module")
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu")


@pytest.fixture(scope="module")
def portrait(animator: Animator, portrait_HW3: NDArray[np.uint8]) -> Portrait:
    return open_portrait(animator, portrait_HW3)


@pytest.fixture(scope="module")
def crop(landmarker: FaceLandmarker, camera: Camera) -> Crop:
    """The square that a session starts with."""
    face = CameraFace(landmarker)
    face.look(camera(100), 0.0)
    assert face.crop is not None
    return face.crop


@pytest.fixture
def open_session(
    animator: Animator, portrait: Portrait, landmarker: FaceLandmarker
) -> Callable[[LiveOptions], LiveSession]:
    return lambda options: LiveSession(animator, portrait, landmarker, options)


def _expected(
    animator: Animator,
    portrait: Portrait,
    frames: list[NDArray[np.uint8]],
    crop: Crop,
    options: LiveOptions = PLAIN,
) -> list[NDArray[np.uint8]]:
    """a_s + strength (a_t - a_1), drawn; the crop is that of the first frame."""
    squares = [square_of(frame, crop, animator.seen_size, options.mirror) for frame in frames]
    seen_TM = np.concatenate([animator.coefficients([square]) for square in squares])
    moved_TM = portrait.alpha_M + options.strength * (seen_TM - seen_TM[0])
    drawn = [next(iter(animator.render(portrait.encoded, [moved_M]))) for moved_M in moved_TM]
    return [portrait.from_square(square_RR3) for square_RR3 in drawn]


@pytest.mark.parametrize(
    "options", [PLAIN, LiveOptions(strength=2, smoothing=0), LiveOptions(strength=0, smoothing=0)]
)
def test_the_change_since_the_first_frame_moves_the_portrait(
    animator: Animator,
    portrait: Portrait,
    camera: Camera,
    crop: Crop,
    open_session: Callable[[LiveOptions], LiveSession],
    options: LiveOptions,
) -> None:
    frames = [camera(x) for x in (100, 110, 118)]
    session = open_session(options)
    still_HW3 = session.start()
    expected = _expected(animator, portrait, frames, crop, options)
    assert np.abs(still_HW3.astype(int) - expected[0]).max() <= 1
    for number, frame in enumerate(frames):
        shown = session.step(frame, 0.1 * number)
        assert shown.face_seen
        assert np.abs(shown.picture_HW3.astype(int) - expected[number]).max() <= 1
    moved = np.abs(shown.picture_HW3.astype(int) - still_HW3).mean()
    assert (moved > 1) == (options.strength > 0)


def test_smoothing_follows_later(camera: Camera, open_session: Callable[[LiveOptions], LiveSession]) -> None:
    moved = {}
    for smoothing in (0.0, 0.5, 1.0):
        session = open_session(LiveOptions(smoothing=smoothing, mirror=False))
        still_HW3 = session.start().astype(int)
        session.step(camera(100), 0.0)
        moved[smoothing] = np.abs(session.step(camera(118), 0.04).picture_HW3 - still_HW3).mean()
    assert moved[0.0] > 1.2 * moved[0.5] > 1.2 * moved[1.0] > 0


def test_the_neutral_pose_is_chosen_anew(
    camera: Camera, open_session: Callable[[LiveOptions], LiveSession]
) -> None:
    session = open_session(PLAIN)
    still_HW3 = session.start().astype(int)
    session.step(camera(100), 0.0)
    away_HW3 = session.step(camera(118), 0.1).picture_HW3
    session.set_neutral()
    assert np.abs(session.step(camera(118), 0.2).picture_HW3 - still_HW3).max() <= 1
    assert np.abs(away_HW3 - still_HW3).mean() > 1


def test_frozen_it_stays_and_then_goes_on(
    camera: Camera, open_session: Callable[[LiveOptions], LiveSession]
) -> None:
    session = open_session(PLAIN)
    session.step(camera(100), 0.0)
    session.frozen = True
    held = session.step(camera(118), 0.1)
    assert not held.is_new
    session.frozen = False
    moved = session.step(camera(118), 0.2)
    assert moved.is_new
    assert np.abs(moved.picture_HW3.astype(int) - held.picture_HW3).mean() > 1


def test_without_a_face_the_last_pose_stays(
    camera: Camera, nobody: NDArray[np.uint8], open_session: Callable[[LiveOptions], LiveSession]
) -> None:
    session = open_session(PLAIN)
    waiting = session.step(nobody, 0.0)
    assert not waiting.face_seen
    assert np.array_equal(waiting.picture_HW3, session.start())
    session.step(camera(100), 0.1)
    last = session.step(camera(112), 0.2)
    session.look(nobody, 0.5)
    session.look(nobody, 0.8)
    gone = session.step(nobody, 0.9)
    assert not gone.face_seen
    assert not gone.is_new
    assert np.array_equal(gone.picture_HW3, last.picture_HW3)
    back = session.step(camera(112), 1.0)
    assert back.face_seen
    assert np.abs(back.picture_HW3.astype(int) - last.picture_HW3).max() <= 1  # from the same neutral pose


def test_the_portrait_does_not_jump_as_the_square_does(
    camera: Camera, open_session: Callable[[LiveOptions], LiveSession]
) -> None:
    session = open_session(LiveOptions(smoothing=0.3, mirror=False))
    face = session._face
    session.step(camera(100), 0.0)
    first, seconds = face.crop, 0.0
    for x in range(106, 220, 6):
        seconds += 0.25
        before = session.step(camera(x), seconds)
        session.look(camera(x), seconds)
        if face.crop != first:
            break
    assert face.crop != first
    after = session.step(camera(x), seconds + 1e-4)
    assert np.abs(after.picture_HW3.astype(int) - before.picture_HW3).max() <= 2
    further = session.step(camera(x + 12), seconds + 0.25)
    assert np.abs(further.picture_HW3.astype(int) - after.picture_HW3).mean() > 0.3


def test_turning_the_mirror_makes_the_pose_neutral(
    camera: Camera, open_session: Callable[[LiveOptions], LiveSession]
) -> None:
    session = open_session(PLAIN)
    still_HW3 = session.start().astype(int)
    session.step(camera(100), 0.0)
    session.step(camera(110), 0.1)
    session.options = LiveOptions(smoothing=0, mirror=True)
    assert np.abs(session.step(camera(110), 0.2).picture_HW3 - still_HW3).max() <= 1


def test_a_camera_that_is_turned_moves_the_portrait_on(
    camera: Camera, open_session: Callable[[LiveOptions], LiveSession]
) -> None:
    session = open_session(PLAIN)
    still_HW3 = session.start().astype(int)
    session.step(camera(100), 0.0)
    session.look(camera(100), 0.3)
    turned_HW3 = np.ascontiguousarray(camera(100)[:, 90:390])  # the same face in frames of another shape
    shown = session.step(turned_HW3, 0.4)
    assert shown.is_new
    assert np.abs(shown.picture_HW3 - still_HW3).mean() < 3
    assert session._face.size == (300, 300)


def test_frames_out_of_order_are_left_out(
    camera: Camera, open_session: Callable[[LiveOptions], LiveSession]
) -> None:
    session = open_session(PLAIN)
    session.step(camera(100), 1.0)
    for seconds in (1.0, 0.5):
        assert not session.step(camera(118), seconds).is_new
    assert session.step(camera(118), 1.1).is_new


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (LiveOptions(strength=2.5), "There is no strength 2.5; choose 0 to 2."),
        (LiveOptions(smoothing=-0.1), "There is no smoothing -0.1; choose 0 to 1."),
        (LiveOptions(smoothing=float("nan")), "There is no smoothing nan; choose 0 to 1."),
    ],
)
def test_options_have_ranges(options: LiveOptions, told: str) -> None:
    with pytest.raises(OptionError) as refused:
        check_live_options(options)
    assert str(refused.value) == told


def test_the_rate_is_that_of_reading_and_drawing(
    animator: Animator, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter([0.0, 0.3, 1.0, 1.1, 2.0, 2.2])  # seconds of a clock: .3, .1 and .2 for each
    monkeypatch.setattr("liax.live.session.time.perf_counter", lambda: next(drawn))
    assert measure_rate(animator, portrait, frames=3) == pytest.approx(10)
