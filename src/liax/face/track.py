"""Faces followed over frames: one for the square that shows it, or every face of a footage until it is
gone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Box, Crop, crop_around
from liax.face.find import find_faces, find_in_box, overlap
from liax.face.landmarks import Face, FaceLandmarker
from liax.media.cuts import detect_cuts

if TYPE_CHECKING:  # footage needs PyAV, which machines that only evaluate may lack
    from liax.media.footage import Footage, Picture

# How far around its last place the face is looked for, in sizes of its box.
_NEIGHBOURHOOD = 3.0
# A face is looked for in every way in the first so many frames without it, and then in every so manyth; the
# others get a single look.
_THOROUGH_FRAMES, _THOROUGH_EVERY = 16, 5


class FaceTrack:
    """Follows one face over the frames given to `add`; memory is four numbers a frame.

    Args:
        choice: Which face, 1 the largest, of the first frame that shows so many.

    Attributes:
        boxes: Its place in each frame so far that shows it, in order.
        found: How many these are.
        seen: The most faces in any frame up to the first that shows it.
    """

    def __init__(self, landmarker: FaceLandmarker, choice: int = 1) -> None:
        self._landmarker = landmarker
        self._choice = choice
        self.boxes: list[Box] = []
        self._missed = 0  # frames since it was last seen
        self.seen = 0

    @property
    def found(self) -> int:
        return len(self.boxes)

    def add(self, frame_HW3: NDArray[np.uint8]) -> bool:
        """Look for the face in the next RGB uint8 frame (H, W, 3), and say whether it is there.

        A face that was gone may come back anywhere, once there are as many faces as when it was first seen.
        """
        box = self._follow(frame_HW3, self.boxes[-1]) if self.boxes else self._begin(frame_HW3)
        if box is not None:
            self.boxes.append(box)
            self._missed = 0
        else:
            self._missed += 1
        return box is not None

    def crop(self) -> Crop:
        """The square that shows the face in all frames so far, in their pixels; needs `found` > 0."""
        return crop_for(self.boxes)

    def _begin(self, frame_HW3: NDArray[np.uint8]) -> Box | None:
        faces = self._search(frame_HW3)
        self.seen = max(self.seen, len(faces))
        return faces[self._choice - 1].box if 1 <= self._choice <= len(faces) else None

    def _follow(self, frame_HW3: NDArray[np.uint8], last: Box) -> Box | None:
        x, y = _centre(last)
        reach = _NEIGHBOURHOOD / 2 * max(last[2] - last[0], last[3] - last[1])
        near = find_in_box(self._landmarker, frame_HW3, (x - reach, y - reach, x + reach, y + reach))
        candidates = near or find_faces(self._landmarker, frame_HW3, thorough=False)
        best = max(candidates, key=lambda face: overlap(face.box, last), default=None)
        if best is not None and overlap(best.box, last) > 0.2:
            return best.box
        return self._regain(frame_HW3, last) if self._missed else None

    def _regain(self, frame_HW3: NDArray[np.uint8], last: Box) -> Box | None:
        # The others may have stayed: none of them is taken for the one that is missing.
        boxes = [face.box for face in self._search(frame_HW3)]
        if len(boxes) < self.seen:
            return None
        return min(boxes, key=lambda box: math.dist(_centre(box), _centre(last)), default=None)

    def _search(self, frame_HW3: NDArray[np.uint8]) -> list[Face]:
        thorough = self._missed < _THOROUGH_FRAMES or self._missed % _THOROUGH_EVERY == 0
        return find_faces(self._landmarker, frame_HW3, thorough=thorough)


def crop_for(boxes: Sequence[Box]) -> Crop:
    """The square that shows a face in all these places, one at least."""
    boxes_N4 = np.array(boxes)
    typical = np.median(boxes_N4, 0)
    # Without the rarest places: a single false find must not widen the square.
    extent = np.r_[np.quantile(boxes_N4[:, :2], 0.02, 0), np.quantile(boxes_N4[:, 2:], 0.98, 0)]
    return crop_around(_box(typical), _box(extent))


def _centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _box(values_4: NDArray[np.float64]) -> Box:
    left, top, right, bottom = (float(v) for v in values_4)
    return left, top, right, bottom


# Faces are looked for so many times a second, in pictures of at most so many pixels a side.
_LOOKS_A_SECOND = 5
_LOOK_SIDE = 1280
# Every so manyth look also finds faces that are small in the picture.
_THOROUGH_EVERY_LOOK = 5
# A face is followed from one look to the next when its boxes share this much, and lost after so many misses.
_LEAST_SHARED, _MISSES = 0.3, 2
# How far around its last place a face is looked for, in sizes of its box.
_NEIGHBOURHOOD_IN_FOOTAGE = 3.0


@dataclass
class TrackedFace:
    """One face in frames `first` … `end` - 1: boxes in pixels of the frame, and the frames they are of."""

    first: int
    end: int
    numbers: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    missed: int = 0

    def between(self, first: int, end: int) -> list[Box]:
        """Its boxes in frames first … end - 1."""
        return [box for number, box in zip(self.numbers, self.boxes, strict=True) if first <= number < end]


def find_tracks(landmarker: FaceLandmarker, footage: Footage) -> tuple[list[TrackedFace], int]:
    """The tracks of all faces, in order of their beginning and from left to right, and the number of frames.

    Reads the footage once. Memory grows by four numbers a look.
    """
    step = max(1, round(footage.rate / _LOOKS_A_SECOND))
    tracks: list[TrackedFace] = []
    count, shot = 0, _ShotFaces(landmarker, 0, step)
    for frame, cut in detect_cuts(footage):
        if cut:
            tracks += shot.tracks(count)
            shot = _ShotFaces(landmarker, count, step)
        if (count - shot.first) % step == 0:
            shot.look(count, frame)
        count += 1
    tracks += shot.tracks(count)
    return sorted(tracks, key=lambda track: (track.first, track.boxes[0])), count


class _ShotFaces:
    """The faces of one shot, while it is read."""

    def __init__(self, landmarker: FaceLandmarker, first: int, step: int) -> None:
        self.first = first
        self._landmarker, self._step = landmarker, step
        self._looks = 0
        self._followed: list[TrackedFace] = []
        self._lost: list[TrackedFace] = []

    def look(self, number: int, frame: Picture) -> None:
        image_HW3 = frame.rgb(longest=_LOOK_SIDE)
        scale = frame.width / image_HW3.shape[1]
        thorough = self._looks % _THOROUGH_EVERY_LOOK == 0
        self._looks += 1
        boxes = [
            _scaled_box(face.box, scale)
            for face in find_faces(self._landmarker, image_HW3, thorough=thorough)
        ]
        for track in self._unmatched(number, boxes):
            near = find_in_box(self._landmarker, image_HW3, _around(track.boxes[-1], 1 / scale))
            found = [_scaled_box(face.box, scale) for face in near]
            # A neighbour that was seen already is not the one that is missing.
            fresh = [
                box
                for box in found
                if all(overlap(box, other.boxes[-1]) < _LEAST_SHARED for other in self._seen(number))
            ]
            best = max(fresh, key=lambda box: overlap(box, track.boxes[-1]), default=None)
            if best is not None and overlap(best, track.boxes[-1]) > _LEAST_SHARED:
                self._add(track, number, best)
            else:
                track.missed += 1
        self._lost += [track for track in self._followed if track.missed > _MISSES]
        self._followed = [track for track in self._followed if track.missed <= _MISSES]

    def tracks(self, end: int) -> Iterator[TrackedFace]:
        """All of the shot, which ends before the frame `end`: each lasts until a look later than its last."""
        for track in self._lost + self._followed:
            track.end = min(track.numbers[-1] + self._step, end)
            yield track

    def _unmatched(self, number: int, boxes: list[Box]) -> list[TrackedFace]:
        """Give each box to the track that it continues, or to a new one; returns the tracks without a box."""
        pairs = sorted(
            (
                (overlap(track.boxes[-1], box), t, b)
                for t, track in enumerate(self._followed)
                for b, box in enumerate(boxes)
            ),
            reverse=True,
        )
        waiting, free = dict(enumerate(self._followed)), dict(enumerate(boxes))
        for share, t, b in pairs:
            if share > _LEAST_SHARED and t in waiting and b in free:
                self._add(waiting.pop(t), number, free.pop(b))
        for box in free.values():
            self._followed.append(TrackedFace(number, number, [number], [box]))
        return list(waiting.values())

    def _add(self, track: TrackedFace, number: int, box: Box) -> None:
        track.numbers.append(number)
        track.boxes.append(box)
        track.missed = 0

    def _seen(self, number: int) -> list[TrackedFace]:
        return [track for track in self._followed if track.numbers[-1] == number]


def _scaled_box(box: Box, scale: float) -> Box:
    left, top, right, bottom = box
    return left * scale, top * scale, right * scale, bottom * scale


def _around(box: Box, scale: float) -> Box:
    """The neighbourhood of a box, its pixels scaled."""
    left, top, right, bottom = _scaled_box(box, scale)
    x, y = (left + right) / 2, (top + bottom) / 2
    reach = _NEIGHBOURHOOD_IN_FOOTAGE / 2 * max(right - left, bottom - top)
    return x - reach, y - reach, x + reach, y + reach
