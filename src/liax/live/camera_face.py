"""The face before a camera, and the square that shows it: looked for a few times a second.

As in a shot of a video, the square stays where it is, so that the head moves within it. Only when the face
leaves it, or comes much nearer, the square follows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import FACE_SIZE, Crop, crop_and_resize
from liax.face.landmarks import FaceLandmarker
from liax.face.place import Place, crop_for_places
from liax.face.track import FaceTracker

# Seconds between looks while the face is there; while it is not, every frame is looked at.
_LOOK_SECONDS = 0.2
# Looks without the face after which it counts as gone. One alone may be a blurred frame.
_MISSES = 2
# The face may reach beyond the square by this share of its side, and be so many times as large as usual.
_BEYOND = 0.02
_SMALLEST, _LARGEST = 0.5, 1.6


class CameraFace:
    """Follows one face through the frames of a camera.

    Args:
        landmarker: Used by nobody else at the same time.

    Attributes:
        crop: The square around it; None until it is seen.
        seen: Whether it is there, as far as the last looks tell.
        size: Width and height of the frame that was looked at last.
    """

    def __init__(self, landmarker: FaceLandmarker) -> None:
        self._landmarker = landmarker
        self._tracker = FaceTracker(landmarker)
        self.size = (0, 0)
        self._looked: float | None = None
        self._missed = 0
        self.crop: Crop | None = None
        self.seen = False

    def is_due(self, frame_HW3: NDArray[np.uint8], seconds: float) -> bool:
        """Whether it is time to look at a frame of this time again."""
        waited = self._looked is None or not 0 <= seconds - self._looked < _LOOK_SECONDS
        return waited or not self.seen or self.size != frame_HW3.shape[1::-1]

    def look(self, frame_HW3: NDArray[np.uint8], seconds: float) -> bool:
        """Look for the face in an RGB uint8 frame (H, W, 3); returns whether the square is another now."""
        height, width, _ = frame_HW3.shape
        if self.size != (width, height):  # another camera, or the same one turned
            self._tracker, self.crop = FaceTracker(self._landmarker), None
        self.size, self._looked = (width, height), seconds
        if not self._tracker.add(frame_HW3):
            self._missed += 1
            self.seen = self.seen and self._missed < _MISSES and self.crop is not None
            return False
        place = self._tracker.places[-1]
        del self._tracker.places[:-1]
        self._missed, self.seen = 0, True
        if self.crop is not None and _fits(place, self.crop):
            return False
        self.crop = crop_for_places([place], width, height).on_whole_pixels()
        return True


def square_of(frame_HW3: NDArray[np.uint8], crop: Crop, size: int, mirror: bool) -> NDArray[np.uint8]:
    """The square as the network sees it, RGB uint8 (size, size, 3).

    Args:
        mirror: Whether left and right are exchanged in it.
    """
    square_RR3 = crop_and_resize(frame_HW3, crop, size)
    return np.ascontiguousarray(square_RR3[:, ::-1]) if mirror else square_RR3


def _fits(place: Place, crop: Crop) -> bool:
    """Whether a square shows a face well enough to stay where it is."""
    corners_22 = crop.to_square(np.array(place.box).reshape(2, 2))
    size = float(np.ptp(corners_22, 0).max())
    inside = corners_22.min() >= -_BEYOND and corners_22.max() <= 1 + _BEYOND
    return bool(inside and _SMALLEST * FACE_SIZE <= size <= _LARGEST * FACE_SIZE)
