"""Every face of a footage, followed from where it appears to where it is gone or the picture cuts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from liax.face.crop import Box
from liax.face.find import find_faces, look, shared
from liax.face.landmarks import FaceLandmarker
from liax.media.footage import Footage, Picture
from liax.media.shots import cut_into_shots

# Faces are looked for so many times a second, in pictures of at most so many pixels a side.
_LOOKS_A_SECOND = 5
_LOOK_SIDE = 1280
# Every so manyth look also finds faces that are small in the picture.
_THOROUGH_EVERY = 5
# A face is followed from one look to the next when its boxes share this much, and lost after so many misses.
_SAME, _MISSES = 0.3, 2
# How far around its last place a face is looked for, in sizes of its box.
_NEIGHBOURHOOD = 3.0


@dataclass
class Track:
    """One face in frames `first` … `end` - 1: boxes in pixels of the frame, and the frames they are of."""

    first: int
    end: int
    numbers: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    missed: int = 0

    def between(self, first: int, end: int) -> list[Box]:
        """Its boxes in frames first … end - 1."""
        return [box for number, box in zip(self.numbers, self.boxes, strict=True) if first <= number < end]


def find_tracks(landmarker: FaceLandmarker, footage: Footage) -> tuple[list[Track], int]:
    """The tracks of all faces, in order of their beginning and from left to right, and the number of frames.

    Reads the footage once. Memory grows by four numbers a look.
    """
    step = max(1, round(footage.rate / _LOOKS_A_SECOND))
    tracks: list[Track] = []
    count, shot = 0, _Shot(landmarker, 0, step)
    for frame, cut in cut_into_shots(footage):
        if cut:
            tracks += shot.tracks(count)
            shot = _Shot(landmarker, count, step)
        if (count - shot.first) % step == 0:
            shot.look(count, frame)
        count += 1
    tracks += shot.tracks(count)
    return sorted(tracks, key=lambda track: (track.first, track.boxes[0])), count


class _Shot:
    """The faces of one shot, while it is read."""

    def __init__(self, landmarker: FaceLandmarker, first: int, step: int) -> None:
        self.first = first
        self._landmarker, self._step = landmarker, step
        self._looks = 0
        self._followed: list[Track] = []
        self._lost: list[Track] = []

    def look(self, number: int, frame: Picture) -> None:
        image_HW3 = frame.rgb(longest=_LOOK_SIDE)
        scale = frame.width / image_HW3.shape[1]
        thorough = self._looks % _THOROUGH_EVERY == 0
        self._looks += 1
        boxes = [
            _scaled(face.box, scale) for face in find_faces(self._landmarker, image_HW3, thorough=thorough)
        ]
        for track in self._unmatched(number, boxes):
            near = look(self._landmarker, image_HW3, _around(track.boxes[-1], 1 / scale))
            found = [_scaled(face.box, scale) for face in near]
            # A neighbour that was seen already is not the one that is missing.
            fresh = [
                box
                for box in found
                if all(shared(box, other.boxes[-1]) < _SAME for other in self._seen(number))
            ]
            best = max(fresh, key=lambda box: shared(box, track.boxes[-1]), default=None)
            if best is not None and shared(best, track.boxes[-1]) > _SAME:
                self._add(track, number, best)
            else:
                track.missed += 1
        self._lost += [track for track in self._followed if track.missed > _MISSES]
        self._followed = [track for track in self._followed if track.missed <= _MISSES]

    def tracks(self, end: int) -> Iterator[Track]:
        """All of the shot, which ends before the frame `end`: each lasts until a look later than its last."""
        for track in self._lost + self._followed:
            track.end = min(track.numbers[-1] + self._step, end)
            yield track

    def _unmatched(self, number: int, boxes: list[Box]) -> list[Track]:
        """Give each box to the track that it continues, or to a new one; returns the tracks without a box."""
        pairs = sorted(
            (
                (shared(track.boxes[-1], box), t, b)
                for t, track in enumerate(self._followed)
                for b, box in enumerate(boxes)
            ),
            reverse=True,
        )
        waiting, free = dict(enumerate(self._followed)), dict(enumerate(boxes))
        for share, t, b in pairs:
            if share > _SAME and t in waiting and b in free:
                self._add(waiting.pop(t), number, free.pop(b))
        for box in free.values():
            self._followed.append(Track(number, number, [number], [box]))
        return list(waiting.values())

    def _add(self, track: Track, number: int, box: Box) -> None:
        track.numbers.append(number)
        track.boxes.append(box)
        track.missed = 0

    def _seen(self, number: int) -> list[Track]:
        return [track for track in self._followed if track.numbers[-1] == number]


def _scaled(box: Box, scale: float) -> Box:
    left, top, right, bottom = box
    return left * scale, top * scale, right * scale, bottom * scale


def _around(box: Box, scale: float) -> Box:
    """The neighbourhood of a box, its pixels scaled."""
    left, top, right, bottom = _scaled(box, scale)
    x, y = (left + right) / 2, (top + bottom) / 2
    reach = _NEIGHBOURHOOD / 2 * max(right - left, bottom - top)
    return x - reach, y - reach, x + reach, y + reach
