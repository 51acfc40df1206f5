"""All faces of footage, each in a track of its own."""

from collections.abc import Iterator

import numpy as np
import pytest

from clips import Frames
from liax.face.all_faces import FaceTrack, find_tracks
from liax.face.landmarks import FaceLandmarker
from liax.face.place import crop_for
from liax.media.cuts import detect_cuts
from memory_footage import MemoryFootage
from scenes import head_scene


@pytest.fixture(scope="module")
def landmarker() -> Iterator[FaceLandmarker]:
    with FaceLandmarker() as landmarker:
        yield landmarker


def tracks_of(landmarker: FaceLandmarker, frames: Frames) -> tuple[list[FaceTrack], int]:
    footage = MemoryFootage(frames)
    return find_tracks(landmarker, detect_cuts(footage), footage.rate)


def spans(tracks: list[FaceTrack]) -> list[tuple[int, int]]:
    return [(track.first, track.end) for track in tracks]


def test_a_cut_ends_a_track(landmarker: FaceLandmarker) -> None:
    frames = head_scene(20, left=300) + head_scene(25, left=20, shade=160)
    tracks, count = tracks_of(landmarker, frames)
    assert count == 45
    assert spans(tracks) == [(0, 20), (20, 45)]
    right, left = (crop_for(track.boxes) for track in tracks)
    assert right.left - left.left == pytest.approx(280, abs=8)


def test_two_people_give_two_tracks(landmarker: FaceLandmarker) -> None:
    """One of them, half as large, is there for the last second only."""
    frames = head_scene(50, left=0, side=300)
    for frame, other in zip(frames[25:], head_scene(25, left=440, side=150), strict=True):
        frame[:, 440:590] = other[:, 440:590]
    tracks, _ = tracks_of(landmarker, frames)
    assert len(tracks) == 2
    assert spans(tracks)[0] == (0, 50)
    first, end = spans(tracks)[1]
    assert 25 <= first <= 35
    assert end == 50
    large, small = (crop_for(track.boxes) for track in tracks)
    assert small.side == pytest.approx(large.side / 2, rel=0.1)
    assert small.left > 400


def test_a_face_that_leaves_ends_its_track(landmarker: FaceLandmarker) -> None:
    frames = head_scene(50)
    for frame in frames[30:]:
        frame[30:] = np.random.default_rng(0).integers(40, 90, (330, 640, 3))
    tracks, _ = tracks_of(landmarker, frames)
    assert len(tracks) == 1
    assert tracks[0].first == 0
    assert 25 < tracks[0].end <= 35


def test_no_face(landmarker: FaceLandmarker) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (10, 90, 160, 3), np.uint8)
    assert tracks_of(landmarker, list(noise)) == ([], 10)
