"""A first pass over a clip: how long and how large it is, and which square of it is compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.errors import NoFaceError, OptionError
from liax.evaluation.clips import read_frames
from liax.face.crop import Crop, crop_and_resize, crop_around, resize
from liax.face.find import find_faces
from liax.face.landmarks import FaceLandmarker
from liax.face.track import FaceTracker

# Frames from one detection of the face to the next.
_DETECT_EVERY = 5
# Pixels from one to the next, in rows and columns, of those from which liveliness is computed.
_STRIDE = 4
# Side of a crop, unless another is asked for.
CROP_SIZE = 256


@dataclass(frozen=True)
class ComparedSquare:
    """What of a clip's frames is compared, and at which size.

    Args:
        crop: The square that is cut out, None for the whole picture.
        size: The side it is scaled to, in pixels.
    """

    crop: Crop | None
    size: int

    def cut(self, image_HW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """That part of an RGB uint8 picture (H, W, 3): (size, size, 3)."""
        if self.crop is None:
            return resize(image_HW3, self.size, self.size)
        return crop_and_resize(image_HW3, self.crop, self.size)


@dataclass(frozen=True)
class ClipScan:
    """What a first pass over a clip finds.

    Args:
        count: How many frames it has.
        width, height: Of its frames, in pixels.
        framing: What of them is compared.
        liveliness_T: Mean |difference| of each frame to the first, in levels.
    """

    count: int
    width: int
    height: int
    framing: ComparedSquare
    liveliness_T: NDArray[np.float32]


def scan_clip(path: Path, size: int | None, landmarker: FaceLandmarker | None) -> ClipScan:
    """Read a clip once, with one frame in memory at a time.

    Args:
        size: The side to compare at; None takes the clip's own, or CROP_SIZE for a crop.
        landmarker: Finds the face to crop around, one square for the whole clip; None if clips are cropped
            already.

    Raises:
        NoFaceError: If the landmarker finds no face.
        OptionError: If the clip is not square, without a landmarker.
    """
    track = FaceTracker(landmarker) if landmarker is not None else None
    liveliness: list[float] = []
    first = None
    for number, frame_HW3 in enumerate(read_frames(path)):
        sample = frame_HW3[::_STRIDE, ::_STRIDE].astype(np.int16)
        first = sample if first is None else first
        if number == 0:
            height, width = frame_HW3.shape[:2]
        liveliness.append(float(np.abs(sample - first).mean()))
        if track is not None and number % _DETECT_EVERY == 0:
            track.add(frame_HW3)
    if track is None:
        framing = ComparedSquare(None, _square(path, width, height, size))
    elif track.found:
        framing = ComparedSquare(track.crop(), size or CROP_SIZE)
    else:
        raise NoFaceError(path, uncropped=False)
    return ClipScan(len(liveliness), width, height, framing, np.array(liveliness, np.float32))


def read_source(path: Path, size: int, landmarker: FaceLandmarker | None) -> NDArray[np.uint8]:
    """The first frame of a clip, or a still, as the portrait (size, size, 3) of a cross-reenactment.

    Args:
        landmarker: Finds the face to crop around; None takes the picture whole.

    Raises:
        NoFaceError: If the landmarker finds no face.
        OptionError: If the picture is not square, without a landmarker.
    """
    picture_HW3 = next(iter(read_frames(path)))
    height, width = picture_HW3.shape[:2]
    if landmarker is None:
        return ComparedSquare(None, _square(path, width, height, size)).cut(picture_HW3)
    faces = find_faces(landmarker, picture_HW3)
    if not faces:
        raise NoFaceError(path, uncropped=False)
    return ComparedSquare(crop_around(faces[0].box), size).cut(picture_HW3)


def _square(path: Path, width: int, height: int, size: int | None) -> int:
    if width != height:
        raise OptionError(
            {"crop": True},
            f"{path} is {width}x{height} pixels and not square",
            "give clips cropped around the face, or have them cropped",
        )
    return size or width
