"""One face followed through a clip, for the square that shows it from beginning to end."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Box, Crop, crop_around
from liax.face.find import find_faces, look, shared
from liax.face.landmarks import Face, FaceLandmarker

# How far around its last place the face is looked for, in sizes of its box.
_NEIGHBOURHOOD = 3.0
# A face is looked for in every way in the first so many frames without it, and then in every so manyth; the
# others get a single look.
_THOROUGH_FRAMES, _THOROUGH_EVERY = 16, 5


class FaceTrack:
    """Follows one face over the frames given to `add`; memory is four numbers a frame.

    choice: which face, 1 the largest, of the first frame that shows so many.
    boxes: its place in each frame so far that shows it, in order. found: how many these are.
    seen: the most faces in any frame up to the first that shows it.
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
        near = look(self._landmarker, frame_HW3, (x - reach, y - reach, x + reach, y + reach))
        candidates = near or find_faces(self._landmarker, frame_HW3, thorough=False)
        best = max(candidates, key=lambda face: shared(face.box, last), default=None)
        if best is not None and shared(best.box, last) > 0.2:
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
