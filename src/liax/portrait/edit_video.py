"""Pose and expression changed throughout a video."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.face.landmarks import FaceLandmarker
from liax.media.video import Video
from liax.model import Encoded
from liax.portrait.animator import Animator
from liax.portrait.carry import Carry, Redrawing
from liax.portrait.clip import Clip, Progress, silent
from liax.portrait.edits import Settings, edit_vector
from liax.portrait.framing import frame_driving, whole


def edit_video(
    animator: Animator,
    video: Path,
    settings: Settings,
    *,
    from_first_frame: bool = False,
    crop: bool = True,
    face: int | None = None,
    paste: bool = True,
    force: bool = False,
    progress: Progress = silent,
) -> Clip:
    """The clip with every frame's coefficients changed by the v that `settings` ask for.

    Every frame is its own source, G(z_t + Q (a_t + v)) (equation 11), so what comes into view later stays,
    and what the edit leaves alone keeps the frame's own pixels (`liax.portrait.carry`). Rate, times and sound
    are the video's.

    settings, force: as in `edit_vector`.
    from_first_frame: as published: only the first frame is a source, edited and moved by the video's change
        since then, G(z_1 + Q (a_1 + v) + Q (a_t − a_1)) (equation 10); all else stays as in the first frame.
    crop: find the face and edit the square around it; without it the whole frame is squashed to a square for
        the network. face: which face of several, 1 the largest; None takes that and warns through the log.
    paste: give full frames, of the video's size made even; otherwise the square around the face, at the
        model's size.
    progress: told about the search for the face.
    Raises LiaxError, before the first frame is made, for settings or a video that do not work.
    """
    edit_M = edit_vector(settings, animator.controls, force)
    reader = Video(video)
    size, total = animator.size, reader.expected
    framing = whole(reader.width, reader.height, size)
    if crop:
        with FaceLandmarker() as landmarker:
            framing, total = frame_driving(
                landmarker, reader, size, face, lambda done: progress("finding the face", done, total)
            )
    square_only = framing.crop is not None and not paste
    carry = Carry(framing.crop, reader.width, reader.height, size)
    if square_only:
        carry = Carry(None, size, size, size)

    def edited() -> Iterator[tuple[Fraction, NDArray[np.uint8]]]:
        frames = iter(reader)
        first: tuple[NDArray[np.uint8], Redrawing] | None = None
        while chunk := list(islice(frames, animator.batch)):
            pictures = [frame.rgb() for frame in chunk]
            squares = [framing.shown(picture_HW3, size) for picture_HW3 in pictures]
            if square_only:
                pictures = squares
            encoded = animator.encode(squares)
            if not from_first_frame:
                redrawing = Redrawing(animator, encoded)
            elif first is None:
                first = pictures[0], Redrawing(animator, _first(encoded))
            if first is not None:
                redrawing, pictures = first[1], [first[0]] * len(chunk)
            changes = redrawing(encoded.alpha_BM.cpu().numpy() + edit_M)
            for frame, picture_HW3, change in zip(chunk, pictures, changes, strict=True):
                yield frame.time, carry(picture_HW3, change)

    return Clip(edited(), reader.rate, carry.width, carry.height, total, reader.path, reader.start)


def _first(encoded: Encoded) -> Encoded:
    features = tuple(map_BCHW[:1] for map_BCHW in encoded.features)
    return Encoded(encoded.code_BD[:1], encoded.alpha_BM[:1], features)
