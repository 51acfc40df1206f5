"""All faces of footage, each followed until it is gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Box
from liax.face.find import continuation, find_faces, find_near, overlap
from liax.face.landmarks import FaceLandmarker
from liax.face.looks import THOROUGH_EVERY, ShotTracker, look_step, with_looks

if TYPE_CHECKING:  # footage needs PyAV, which machines that only train or evaluate may lack
    from liax.media.footage import Picture

# Two boxes are of the same face when they share more than this much of the smaller one. Neighbours could be
# mixed up, so that it is more than for a single face.
_LEAST_SHARED = 0.3
# A face that is missed in more looks than this is gone.
_MISSES = 2


@dataclass
class _Followed:
    """One of all faces: its box in each look that shows it, in pixels of the look."""

    looks: list[int]
    boxes: list[Box]
    missed: int = 0

    def found(self, look: int, box: Box) -> None:
        self.looks.append(look)
        self.boxes.append(box)
        self.missed = 0


class AllFacesTracker:
    """Follows every face over the images given to `add`; memory is four numbers per face and image.

    Attributes:
        gone: Faces that were missed too often; they are not regained.
        followed: The others.
    """

    def __init__(self, landmarker: FaceLandmarker) -> None:
        self._landmarker = landmarker
        self._looks = 0
        self.gone: list[_Followed] = []
        self.followed: list[_Followed] = []

    def add_all(self, images: Sequence[NDArray[np.uint8]]) -> list[bool]:
        """As `add` of each of the next images."""
        return [self.add(image_HW3) for image_HW3 in images]

    def add(self, image_HW3: NDArray[np.uint8]) -> bool:
        """Look for all faces in the next RGB uint8 image (H, W, 3); returns whether there is any."""
        look, thorough = self._looks, self._looks % THOROUGH_EVERY == 0
        self._looks += 1
        faces = find_faces(self._landmarker, image_HW3, thorough=thorough)
        for track in self._without_a_box(look, [face.box for face in faces]):
            last = track.boxes[-1]
            seen = [other.boxes[-1] for other in self.followed if other.looks[-1] == look]
            near = find_near(self._landmarker, image_HW3, last)
            # A neighbour that was seen already is not the one that is missing.
            fresh = [f for f in near if all(overlap(f.box, other) < _LEAST_SHARED for other in seen)]
            best = continuation(fresh, last, _LEAST_SHARED)
            if best is None:
                track.missed += 1
            else:
                track.found(look, best.box)
        self.gone += [track for track in self.followed if track.missed > _MISSES]
        self.followed = [track for track in self.followed if track.missed <= _MISSES]
        return any(track.looks[-1] == look for track in self.followed)

    def _without_a_box(self, look: int, boxes: list[Box]) -> list[_Followed]:
        """Gives each box to the face that it continues, or to a new one; returns the faces without a box."""
        pairs = sorted(
            (
                (overlap(track.boxes[-1], box), t, b)
                for t, track in enumerate(self.followed)
                for b, box in enumerate(boxes)
            ),
            reverse=True,
        )
        waiting, free = dict(enumerate(self.followed)), dict(enumerate(boxes))
        for share, t, b in pairs:
            if share > _LEAST_SHARED and t in waiting and b in free:
                waiting.pop(t).found(look, free.pop(b))
        self.followed += [_Followed([look], [box]) for box in free.values()]
        return list(waiting.values())


@dataclass(frozen=True)
class FaceTrack:
    """One face in the frames `first` … `end` - 1 of a footage.

    Args:
        end: The frame before which it is gone, or its shot is over.
        numbers: Some frames that show it, in order.
        boxes: Its box in each of these, in pixels of the frame.
    """

    end: int
    numbers: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)

    @property
    def first(self) -> int:
        """The first frame that shows it."""
        return self.numbers[0]

    def between(self, first: int, end: int) -> list[Box]:
        """Its boxes in frames first … end - 1."""
        return [box for number, box in zip(self.numbers, self.boxes, strict=True) if first <= number < end]


def find_tracks(
    landmarker: FaceLandmarker, frames: Iterable[tuple[Picture, bool]], rate: Fraction
) -> tuple[list[FaceTrack], int]:
    """The tracks of all faces in a footage, in order of their beginning and from left to right.

    Args:
        frames: Each frame, and whether a shot begins with it (`liax.media.cuts.detect_cuts`); read once.
        rate: Frames per second.

    Returns:
        The tracks, and the number of frames. Memory grows by four numbers per face and look.
    """
    tracks: list[FaceTrack] = []
    shot = ShotTracker(AllFacesTracker(landmarker), 0)
    count, step = 0, look_step(rate)
    for frame in with_looks(frames, rate):
        if frame.starts_shot:
            tracks += _tracks(shot, count, step)
            shot = ShotTracker(AllFacesTracker(landmarker), count)
        shot.pass_by(count, frame)
        count += 1
    tracks += _tracks(shot, count, step)
    return sorted(tracks, key=lambda track: (track.first, track.boxes[0])), count


def _tracks(shot: ShotTracker[AllFacesTracker], end: int, step: int) -> list[FaceTrack]:
    """All of a shot that ends before the frame `end`; each lasts until the look after its last."""
    shot.finish()
    tracks = []
    for followed in shot.follower.gone + shot.follower.followed:
        numbers = [shot.looks[look].number for look in followed.looks]
        last = min(numbers[-1] + step, end)
        tracks.append(FaceTrack(last, numbers, [shot.scaled(box) for box in followed.boxes]))
    return tracks
