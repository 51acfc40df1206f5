"""Faces followed through footage: one face, for the square that shows it, or all faces until each is gone.

Both followers look at images that belong together, a few of each second, which `with_looks` chooses. Where
shots begin is for the caller to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Box, Crop
from liax.face.find import find_faces, find_near, find_upright, overlap
from liax.face.landmarks import Face, FaceLandmarker
from liax.face.place import Place, crop_for_places
from liax.pipeline import mapped

if TYPE_CHECKING:  # footage needs PyAV, which machines that only train or evaluate may lack
    from liax.media.footage import Picture

# Looks per second of footage, and the longest side of the images that are looked at, in pixels.
_LOOKS_A_SECOND = 5
_LOOK_SIDE = 1280
# So many are made at once. A face that is followed is looked for where it was before the first of them.
_AT_ONCE = 4
# Thorough searches, which also find small faces, are made in every fifth look.
_THOROUGH_EVERY = 5
# A single face is searched for thoroughly also in so many looks after it was last seen.
_THOROUGH_LOOKS = 16
# Two boxes are of the same face when they share more than this much of the smaller one. Of all faces, where
# neighbours could be mixed up, more is asked than of a single one.
_LEAST_SHARED_ONE, _LEAST_SHARED_ALL = 0.2, 0.3
# Of all faces, one that is missed in more looks than this is gone.
_MISSES = 2


class FaceTracker:
    """Follows one face over the images given to `add`; memory is nine numbers per image.

    Images in which it lies on its side or its head are looked at turned, by what is right where it is first
    seen.

    Args:
        choice: Which face to follow, 1 the largest, of the first image that shows so many.

    Attributes:
        places: Where the face is in each image so far that shows it, in order, in the image's pixels.
        seen: The most faces in any image up to the first that shows the chosen one.
    """

    def __init__(self, landmarker: FaceLandmarker, choice: int = 1) -> None:
        self._landmarker, self._choice = landmarker, choice
        self._missed = 0  # images since it was last seen
        self._quarters = 0  # by which images are turned clockwise before they are looked at
        self._last: Box | None = None  # where it was, in the image that was looked at
        self._size = (0, 0)
        self.places: list[Place] = []
        self.seen = 0

    @property
    def boxes(self) -> list[Box]:
        """The face's boxes in `places`."""
        return [place.box for place in self.places]

    @property
    def found(self) -> int:
        """In how many images the face was found."""
        return len(self.places)

    def add(self, image_HW3: NDArray[np.uint8]) -> bool:
        """Look for the face in the next RGB uint8 image (H, W, 3); returns whether it is there.

        A face that was gone may come back anywhere, once there are as many faces as when it was first seen.
        """
        return self._add(image_HW3, [])

    def add_all(self, images: Sequence[NDArray[np.uint8]]) -> list[bool]:
        """As `add` of each of the next images, at once as soon as it is known where the face is."""
        found: list[bool] = []
        while self._last is None and len(found) < len(images):
            found.append(self.add(images[len(found)]))
        rest = images[len(found) :]
        if self._last is not None:
            near = mapped(partial(self._near, box=self._last), rest) if len(rest) > 1 else [[]] * len(rest)
            found += [self._add(image_HW3, faces) for image_HW3, faces in zip(rest, near, strict=True)]
        return found

    def _near(self, image_HW3: NDArray[np.uint8], box: Box) -> list[Face]:
        return find_near(self._landmarker, np.rot90(image_HW3, -self._quarters), box)

    def _add(self, image_HW3: NDArray[np.uint8], near: list[Face]) -> bool:
        """Look for the face, first among those that were found already."""
        self._size = (image_HW3.shape[1], image_HW3.shape[0])
        looked_at_HW3 = np.rot90(image_HW3, -self._quarters)
        if self._last is None:
            face = self._choose(image_HW3)
        else:
            face = _continuation(near, self._last, _LEAST_SHARED_ONE) or self._follow(
                looked_at_HW3, self._last
            )
        if face is None:
            self._missed += 1
            return False
        self._missed = 0
        if self._last is None:
            self._quarters = round(face.roll / 90) % 4
            looked_at_HW3 = np.rot90(image_HW3, -self._quarters)
            face = _turned_by(face, -self._quarters, image_HW3, looked_at_HW3)
        self._last = face.box
        self.places.append(Place.of(_turned_by(face, self._quarters, looked_at_HW3, image_HW3)))
        return True

    def crop(self) -> Crop:
        """The square that shows the face in all images so far, in their pixels; needs `found` > 0."""
        return crop_for_places(self.places, *self._size)

    def _choose(self, image_HW3: NDArray[np.uint8]) -> Face | None:
        faces = self._search(image_HW3)
        self.seen = max(self.seen, len(faces))
        if not 1 <= self._choice <= len(faces):
            return None
        return find_upright(self._landmarker, image_HW3, faces[self._choice - 1])

    def _follow(self, image_HW3: NDArray[np.uint8], last: Box) -> Face | None:
        faces = find_near(self._landmarker, image_HW3, last)
        faces = faces or find_faces(self._landmarker, image_HW3, thorough=False)
        best = _continuation(faces, last, _LEAST_SHARED_ONE)
        if best is None and self._missed:
            return self._regain(image_HW3, last)
        return best

    def _regain(self, image_HW3: NDArray[np.uint8], last: Box) -> Face | None:
        # The others may have stayed: none of them is taken for the one that is missing.
        faces = self._search(image_HW3)
        if len(faces) < self.seen:
            return None
        return min(faces, key=lambda face: math.dist(_centre(face.box), _centre(last)), default=None)

    def _search(self, image_HW3: NDArray[np.uint8]) -> list[Face]:
        thorough = self._missed < _THOROUGH_LOOKS or self._missed % _THOROUGH_EVERY == 0
        return find_faces(self._landmarker, image_HW3, thorough=thorough)


def _turned_by(face: Face, quarters: int, image_HW3: NDArray[np.uint8], to_HW3: NDArray[np.uint8]) -> Face:
    """A face of one image in the other, which is the first turned counterclockwise by quarter turns."""
    if not quarters:
        return face
    middle_2, other_2 = np.array(image_HW3.shape[1::-1]) / 2, np.array(to_HW3.shape[1::-1]) / 2
    return face.turned(90 * quarters, middle_2, other_2)


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
        look, thorough = self._looks, self._looks % _THOROUGH_EVERY == 0
        self._looks += 1
        faces = find_faces(self._landmarker, image_HW3, thorough=thorough)
        for track in self._without_a_box(look, [face.box for face in faces]):
            last = track.boxes[-1]
            seen = [other.boxes[-1] for other in self.followed if other.looks[-1] == look]
            near = find_near(self._landmarker, image_HW3, last)
            # A neighbour that was seen already is not the one that is missing.
            fresh = [f for f in near if all(overlap(f.box, other) < _LEAST_SHARED_ALL for other in seen)]
            best = _continuation(fresh, last, _LEAST_SHARED_ALL)
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
            if share > _LEAST_SHARED_ALL and t in waiting and b in free:
                waiting.pop(t).found(look, free.pop(b))
        self.followed += [_Followed([look], [box]) for box in free.values()]
        return list(waiting.values())


class Look(NamedTuple):
    """A frame that was looked at, its time in seconds, and whether it shows a followed face."""

    number: int
    time: Fraction
    found: bool


def with_looks(
    frames: Iterable[tuple[Picture, bool]], rate: Fraction
) -> Iterator[tuple[Picture, bool, NDArray[np.uint8] | None]]:
    """Each frame, whether a shot begins with it, and the image of it where it is to be looked at.

    These are each shot's first frame, and then a few of each second.

    Args:
        frames: As `liax.media.cuts.detect_cuts` gives them.
        rate: Frames per second.
    """
    step = _look_step(rate)
    number = 0
    for frame, cut in frames:
        number = 0 if cut else number + 1
        yield frame, cut, None if number % step else frame.rgb(longest=_LOOK_SIDE)


def _look_step(rate: Fraction) -> int:
    return max(1, round(rate / _LOOKS_A_SECOND))


F = TypeVar("F", FaceTracker, AllFacesTracker)


class ShotTracker(Generic[F]):
    """Lets a follower look at a few frames of each second of one shot (`with_looks`), while the shot is read.

    It does so for several at once, and for the last ones when `finish` says that there are no more.

    Args:
        first: Number of the shot's first frame.

    Attributes:
        looks: What was looked at so far.
        size: Width and height of the frames.
        scale: Pixels of a frame per pixel of what the follower sees.
    """

    def __init__(self, follower: F, first: int) -> None:
        self.follower: F = follower
        self.first = first
        self.looks: list[Look] = []
        self._waiting: list[tuple[int, Fraction, NDArray[np.uint8]]] = []
        self.size = (0, 0)
        self.scale = 1.0

    def look(self, number: int, picture: Picture, image_HW3: NDArray[np.uint8]) -> None:
        """Look at frame `number` of the footage as `with_looks` gives it, or soon."""
        self.size = (picture.width, picture.height)
        self.scale = picture.width / image_HW3.shape[1]
        self._waiting.append((number, picture.time, image_HW3))
        if len(self._waiting) == _AT_ONCE:
            self.finish()

    def finish(self) -> None:
        """Look at what waits."""
        found = self.follower.add_all([image_HW3 for _, _, image_HW3 in self._waiting])
        for (number, time, _), there in zip(self._waiting, found, strict=True):
            self.looks.append(Look(number, time, there))
        self._waiting.clear()

    def scaled(self, box: Box) -> Box:
        """A box that the follower found, in pixels of the frame."""
        left, top, right, bottom = box
        return left * self.scale, top * self.scale, right * self.scale, bottom * self.scale


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
    count, step = 0, _look_step(rate)
    for frame, cut, image_HW3 in with_looks(frames, rate):
        if cut:
            shot.finish()
            tracks += _tracks(shot, count, step)
            shot = ShotTracker(AllFacesTracker(landmarker), count)
        if image_HW3 is not None:
            shot.look(count, frame, image_HW3)
        count += 1
    shot.finish()
    tracks += _tracks(shot, count, step)
    return sorted(tracks, key=lambda track: (track.first, track.boxes[0])), count


def _tracks(shot: ShotTracker[AllFacesTracker], end: int, step: int) -> list[FaceTrack]:
    """All of a shot that ends before the frame `end`; each lasts until the look after its last."""
    tracks = []
    for followed in shot.follower.gone + shot.follower.followed:
        numbers = [shot.looks[look].number for look in followed.looks]
        last = min(numbers[-1] + step, end)
        tracks.append(FaceTrack(last, numbers, [shot.scaled(box) for box in followed.boxes]))
    return tracks


def _continuation(faces: Iterable[Face], last: Box, least: float) -> Face | None:
    """The face whose box shares most with the last one, if it is more than `least`."""
    best = max(faces, key=lambda face: overlap(face.box, last), default=None)
    return best if best is not None and overlap(best.box, last) > least else None


def _centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
