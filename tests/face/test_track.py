from collections.abc import Iterator

import numpy as np
import pytest

from clips import moving_face
from liax.face.landmarks import FaceLandmarker
from liax.face.track import FaceTracker


@pytest.fixture(scope="module")
def landmarker() -> Iterator[FaceLandmarker]:
    with FaceLandmarker() as landmarker:
        yield landmarker


def test_square_follows_the_middle_of_the_motion(
    landmarker: FaceLandmarker, portrait_HW3: np.ndarray
) -> None:
    """The face moves by 30 pixels; the square that shows all of it sits where it is half way."""
    frames = moving_face(portrait_HW3, 31)[::5]
    track, halfway = FaceTracker(landmarker), FaceTracker(landmarker)
    for frame in frames:
        track.add(frame)
    halfway.add(frames[3])
    assert track.found == 7
    assert track.crop().left == pytest.approx(halfway.crop().left, abs=3)
    assert track.crop().side == pytest.approx(halfway.crop().side, abs=5)


def test_frames_without_the_face_change_nothing(landmarker: FaceLandmarker, portrait_HW3: np.ndarray) -> None:
    frames = moving_face(portrait_HW3, 2)
    track = FaceTracker(landmarker)
    track.add(np.zeros_like(frames[0]))
    assert track.found == track.seen == 0
    for frame in (frames[0], np.zeros_like(frames[0]), frames[0]):
        track.add(frame)
    assert track.found == 2
    one = FaceTracker(landmarker)
    one.add(frames[0])
    assert track.crop().left == pytest.approx(one.crop().left, abs=2)


@pytest.mark.parametrize(("choice", "x"), [(1, 480), (2, 90)])
def test_stays_with_the_chosen_face(
    landmarker: FaceLandmarker, portrait_HW3: np.ndarray, choice: int, x: int
) -> None:
    head = portrait_HW3[:260, 90:350]
    both = np.full((280, 640, 3), 90, np.uint8)
    both[10:270, 350:610] = head
    both[60:190, 25:155] = head[::2, ::2]
    track = FaceTracker(landmarker, choice)
    for _ in range(3):
        track.add(both)
    assert track.seen == 2
    assert track.found == 3
    crop = track.crop()
    assert crop.left + crop.side / 2 == pytest.approx(x, abs=25)


@pytest.mark.parametrize("choice", [0, -1, 3])
def test_a_face_that_is_not_there(landmarker: FaceLandmarker, portrait_HW3: np.ndarray, choice: int) -> None:
    track = FaceTracker(landmarker, choice)
    track.add(moving_face(portrait_HW3, 1)[0])
    assert track.found == 0
    assert track.seen == 1


def test_a_face_comes_back_elsewhere(landmarker: FaceLandmarker, portrait_HW3: np.ndarray) -> None:
    here, there = moving_face(portrait_HW3, 380, 640)[::379]
    track = FaceTracker(landmarker)
    assert track.add(here)
    assert not track.add(there)  # too far for a fifth of a second: perhaps another's
    assert track.add(there)
    assert track.crop().side > 380


def test_who_stays_is_not_taken_for_who_left(landmarker: FaceLandmarker, portrait_HW3: np.ndarray) -> None:
    head = portrait_HW3[:260, 90:350]
    alone = np.full((280, 640, 3), 90, np.uint8)
    alone[10:270, 350:610] = head
    both = alone.copy()
    both[60:190, 25:155] = head[::2, ::2]
    track = FaceTracker(landmarker, 2)
    assert [track.add(frame) for frame in (both, alone, alone, alone, both)] == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert track.crop().left + track.crop().side / 2 == pytest.approx(90, abs=25)


def test_several_images_at_once(landmarker: FaceLandmarker, portrait_HW3: np.ndarray) -> None:
    """They show what they show one after the other: a face that moves, is gone, is elsewhere, and is back."""
    frames = moving_face(portrait_HW3, 380, 640)
    nobody = np.zeros_like(frames[0])
    images = [nobody, *frames[:40:8], nobody, *frames[48:72:8], frames[379], frames[379], nobody, frames[64]]
    one_by_one, together = FaceTracker(landmarker), FaceTracker(landmarker)
    found = [one_by_one.add(image) for image in images]
    assert found[:7] == [False, True, True, True, True, True, False]
    got = [there for k in range(0, len(images), 4) for there in together.add_all(images[k : k + 4])]
    assert got == found
    np.testing.assert_allclose(together.boxes, one_by_one.boxes, atol=3)
    assert FaceTracker(landmarker).add_all([]) == []
