"""One face followed through images that belong together, for the square that shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Box, Crop
from liax.face.find import continuation, find_faces, find_near, find_upright
from liax.face.landmarks import Face, FaceLandmarker
from liax.face.looks import THOROUGH_EVERY
from liax.face.place import Place, crop_for_places
from liax.pipeline import mapped

# It is searched for thoroughly in so many looks after it was last seen, and then in some.
_THOROUGH_LOOKS = 16
# Two boxes are of the same face when they share more than this much of the smaller one.
_LEAST_SHARED = 0.2


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
        near = [] if self._last is None else self._near(image_HW3, self._last)
        return self._add(image_HW3, near, self._last)

    def add_all(self, images: Sequence[NDArray[np.uint8]]) -> list[bool]:
        """As `add` of each of the next images, at once as soon as it is known where the face is."""
        found: list[bool] = []
        while self._last is None and len(found) < len(images):
            found.append(self.add(images[len(found)]))
        if self._last is not None:
            rest, box = images[len(found) :], self._last
            near = mapped(partial(self._near, box=box), rest)
            found += [self._add(image_HW3, faces, box) for image_HW3, faces in zip(rest, near, strict=True)]
        return found

    def _near(self, image_HW3: NDArray[np.uint8], box: Box) -> list[Face]:
        return find_near(self._landmarker, np.rot90(image_HW3, -self._quarters), box)

    def _add(self, image_HW3: NDArray[np.uint8], near: list[Face], box: Box | None) -> bool:
        """Look for the face in the next image, of which those near a box where it was are known."""
        self._size = (image_HW3.shape[1], image_HW3.shape[0])
        looked_at_HW3 = np.rot90(image_HW3, -self._quarters)
        if self._last is None:
            face = self._choose(image_HW3)
        else:
            face = self._follow(looked_at_HW3, near, box, self._last)
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

    def _follow(
        self, image_HW3: NDArray[np.uint8], near: list[Face], box: Box | None, last: Box
    ) -> Face | None:
        best = continuation(near, last, _LEAST_SHARED)
        if best is None:
            faces = near if box == last else find_near(self._landmarker, image_HW3, last)
            faces = faces or find_faces(self._landmarker, image_HW3, thorough=False)
            best = continuation(faces, last, _LEAST_SHARED)
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
        thorough = self._missed < _THOROUGH_LOOKS or self._missed % THOROUGH_EVERY == 0
        return find_faces(self._landmarker, image_HW3, thorough=thorough)


def _turned_by(face: Face, quarters: int, image_HW3: NDArray[np.uint8], to_HW3: NDArray[np.uint8]) -> Face:
    """A face of one image in the other, which is the first turned counterclockwise by quarter turns."""
    if not quarters:
        return face
    middle_2, other_2 = np.array(image_HW3.shape[1::-1]) / 2, np.array(to_HW3.shape[1::-1]) / 2
    return face.turned(90 * quarters, middle_2, other_2)


def _centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
