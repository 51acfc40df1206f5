import logging
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np
import pytest

from clips import moving_face
from liax.errors import LiaxError
from liax.face.landmarks import FaceLandmarker
from liax.face.track import FaceTracker
from liax.media.footage import Picture
from liax.portrait.shots import Absence, Shot, find_shots
from memory_footage import MemoryFootage

Told = Callable[[], list[str]]


@pytest.fixture(scope="module")
def landmarker() -> Iterator[FaceLandmarker]:
    with FaceLandmarker() as landmarker:
        yield landmarker


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture(scope="module")
def face(portrait_HW3: np.ndarray) -> list[np.ndarray]:
    """320x240 at 10 a second: a look at every second frame."""
    return moving_face(portrait_HW3, 24)


def nobody(count: int) -> list[np.ndarray]:
    """The background of `face`, alone."""
    return [np.full((240, 320, 3), 90, np.uint8)] * count


def covered(frames: list[np.ndarray]) -> list[np.ndarray]:
    """A hand before the face; most of the picture stays."""
    frames = [frame.copy() for frame in frames]
    for frame in frames:
        frame[55:150, 90:215] = (170, 130, 110)
    return frames


def elsewhere(face: list[np.ndarray]) -> list[np.ndarray]:
    """The same face smaller in a bright room: another shot."""
    frames = [np.full_like(frame, 230) for frame in face]
    for frame, picture in zip(frames, face, strict=True):
        frame[120:, 160:] = picture[::2, ::2]
    return frames


def test_one_shot(landmarker: FaceLandmarker, face: list[np.ndarray], told: Told) -> None:
    (shot,), count = find_shots(landmarker, MemoryFootage(face, 10), 64, None)
    assert (shot.first, shot.first_face, shot.absences, count) == (0, 0, (), 24)
    assert shot.framing.crop is not None
    assert (shot.framing.width, shot.framing.height) == (64, 64)
    assert told() == []


def test_each_shot_has_its_own_square(landmarker: FaceLandmarker, face: list[np.ndarray], told: Told) -> None:
    frames = face + elsewhere(face)
    shots, count = find_shots(landmarker, MemoryFootage(frames, 10), 64, None)
    assert [(shot.first, shot.first_face, shot.first_face_time) for shot in shots] == [
        (0, 0, 0),
        (24, 24, Fraction(24, 10)),
    ]
    assert count == 48
    one, other = (shot.framing.crop for shot in shots)
    assert one is not None
    assert other is not None
    assert other.side == pytest.approx(one.side / 2, rel=0.1)
    assert other.left == pytest.approx(160 + one.left / 2, abs=6)
    assert told() == ["held.mp4 cuts to another shot at 2.4 s; motion starts anew there."]


def test_a_face_that_leaves(landmarker: FaceLandmarker, face: list[np.ndarray], told: Told) -> None:
    frames = face[:11] + covered(face[11:17]) + face[17:]
    (shot,), _ = find_shots(landmarker, MemoryFootage(frames, 10), 64, None)
    assert shot.absences == (Absence(11, 18, Fraction(12, 10), Fraction(18, 10)),)
    assert [k for k in range(24) if not shot.shows_face(k)] == list(range(11, 18))
    assert told() == ["held.mp4 shows no face from 1.2 s to 1.8 s; motion is held still there."]
    # The square is that of the frames with the face.
    (whole,), _ = find_shots(landmarker, MemoryFootage(face, 10), 64, None)
    assert shot.framing.crop is not None
    assert whole.framing.crop is not None
    assert shot.framing.crop.left == pytest.approx(whole.framing.crop.left, abs=4)


def test_a_single_look_that_misses_is_no_absence(
    landmarker: FaceLandmarker, face: list[np.ndarray], told: Told
) -> None:
    frames = face[:12] + covered(face[12:13]) + face[13:]
    (shot,), _ = find_shots(landmarker, MemoryFootage(frames, 10), 64, None)
    assert shot.absences == ()
    assert told() == []


def test_a_face_that_comes_late_and_does_not_return(
    landmarker: FaceLandmarker, face: list[np.ndarray], told: Told
) -> None:
    frames = covered(face[:5]) + face[5:15] + covered(face[15:])
    (shot,), _ = find_shots(landmarker, MemoryFootage(frames, 10), 64, None)
    assert (shot.first_face, shot.first_face_time) == (6, Fraction(6, 10))
    assert [(a.first, a.last) for a in shot.absences] == [(0, 6), (15, 24)]
    assert told() == [
        "held.mp4 shows no face from 0.0 s to 0.6 s and from 1.6 s to 2.4 s; motion is held still there."
    ]


def test_a_title_card(landmarker: FaceLandmarker, face: list[np.ndarray], told: Told) -> None:
    frames = nobody(6) + face[:8] + nobody(6) + nobody(6) + elsewhere(face)[:8]
    shots, _ = find_shots(landmarker, MemoryFootage(frames, 10), 64, None)
    assert [shot.first_face for shot in shots] == [None, 6, None, 26]
    assert [[(a.first, a.last) for a in shot.absences] for shot in shots] == [[(0, 6)], [], [(14, 26)], []]
    assert told() == [
        "held.mp4 cuts to another shot at 2.6 s; motion starts anew there.",
        "held.mp4 shows no face from 0.0 s to 0.6 s and from 1.4 s to 2.6 s; motion is held still there.",
    ]


def test_many_cuts_are_summed_up(face: list[np.ndarray], told: Told) -> None:
    frames = (face[:6] + elsewhere(face)[:6]) * 4
    shots, _ = find_shots(None, MemoryFootage(frames, 10), 64, None)
    assert [shot.first for shot in shots] == list(range(0, 48, 6))
    assert told() == ["held.mp4 cuts to another shot 7 times, first at 0.6 s; motion starts anew each time."]


def test_without_faces_only_cuts_matter(face: list[np.ndarray], told: Told) -> None:
    frames = nobody(6) + face[:6] + nobody(6)
    shots, count = find_shots(None, MemoryFootage(frames, 10), 64, None)
    assert [(shot.first, shot.first_face, shot.absences) for shot in shots] == [
        (k, k, ()) for k in (0, 6, 12)
    ]
    assert count == 18
    assert {(shot.framing.crop, shot.framing.width, shot.framing.height) for shot in shots} == {
        (None, 86, 64)
    }
    assert told() == ["held.mp4 cuts to another shot at 0.6 s and 1.2 s; motion starts anew there."]


def test_no_shot_shows_the_face(landmarker: FaceLandmarker, face: list[np.ndarray]) -> None:
    with pytest.raises(LiaxError, match=r"held\.mp4 shows no face that can be found"):
        find_shots(landmarker, MemoryFootage(nobody(4), 10), 64, None)
    with pytest.raises(LiaxError, match=r"held\.mp4 has 1 face\(s\), and driving_face is"):
        find_shots(landmarker, MemoryFootage(nobody(4) + face[:4], 10), 64, 2)


def test_the_chosen_face_is_followed_shot_by_shot(
    landmarker: FaceLandmarker, portrait_HW3: np.ndarray, told: Told
) -> None:
    """Both, then only one, then both the other way round."""
    head = portrait_HW3[:260, 90:350]
    both, alone = np.full((280, 640, 3), 90, np.uint8), np.full((280, 640, 3), 200, np.uint8)
    both[10:270, 350:610] = alone[10:270, 30:290] = head
    both[60:190, 25:155] = head[::2, ::2]
    frames = [both] * 6 + [alone] * 6 + [np.ascontiguousarray(both[:, ::-1])] * 6
    shots, _ = find_shots(landmarker, MemoryFootage(frames, 10), 64, 2)
    assert [shot.first_face for shot in shots] == [0, None, 12]
    centres = [s.framing.crop.left + s.framing.crop.side / 2 for s in shots if s.framing.crop]
    assert centres == [pytest.approx(90, abs=25), 320, pytest.approx(550, abs=25)]
    assert told() == [
        "held.mp4 cuts to another shot at 1.2 s; motion starts anew there.",
        "held.mp4 does not show face 2 from 0.6 s to 1.2 s; motion is held still there.",
    ]
    find_shots(landmarker, MemoryFootage(frames, 10), 64, None)
    assert "held.mp4 shows 2 faces; using the largest, driving_face chooses another." in told()


def test_progress(face: list[np.ndarray]) -> None:
    done: list[int] = []
    find_shots(None, MemoryFootage(face, 10), 64, None, done.append)
    assert done == list(range(1, 25))


def test_frames_are_read_while_a_face_is_looked_for(
    landmarker: FaceLandmarker, face: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    read_at_looks = []

    class Counted(MemoryFootage):
        def __iter__(self) -> Iterator[Picture]:
            for frame in super().__iter__():
                read.append(1)
                yield frame

    def add_all(tracker: FaceTracker, images: Sequence[np.ndarray]) -> list[bool]:
        time.sleep(0.3)
        read_at_looks.append(len(read))
        return looks(tracker, images)

    looks = FaceTracker.add_all
    monkeypatch.setattr(FaceTracker, "add_all", add_all)
    find_shots(landmarker, Counted(face * 4, 10), 64, None)
    # The fourth look is at the seventh frame. Eight more looks, of two frames each, and a few frames follow.
    assert 7 + 16 <= read_at_looks[0] <= 7 + 16 + 16
    assert read_at_looks[-1] == 96


def test_shot_is_a_plain_value(face: list[np.ndarray]) -> None:
    shots, _ = find_shots(None, MemoryFootage(face, 10), 64, None)
    assert shots == [Shot(0, shots[0].framing, 0, Fraction(0))]
