"""Pose and expression changed throughout a video."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from fractions import Fraction
from itertools import islice, tee
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.face.landmarks import FaceLandmarker
from liax.media.video import Frame, Video
from liax.portrait import transfer
from liax.portrait.animator import Animator
from liax.portrait.clip import Clip, Progress, silent
from liax.portrait.driving import Filmed
from liax.portrait.edits import Edit, Settings
from liax.portrait.following import Purpose, Shot, follow
from liax.portrait.retouch import Redrawing, Retouch
from liax.portrait.surroundings import Surroundings

_PURPOSE = Purpose("--face", "the face is framed anew", "nothing is edited")
# Before and after a stretch without the face the edit fades over so many seconds.
_FADE = 0.2

_Frames = Iterator[tuple[Fraction, NDArray[np.uint8]]]


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
    and what the edit leaves alone keeps the frame's own pixels (`liax.portrait.retouch`). Rate, times and
    sound are the video's. Each shot has its own square; where no face is seen, frames stay as they are.

    settings, force: as in `Edit.of`.
    from_first_frame: as published: only the first frame (that shows the face) is a source, edited and moved
        by the video's change since then: z_1 + Q (a_1 + v) + Q (a_t − a_1)  (equation 10). All else stays as
        it is in that frame.
    crop: find the face and edit the square around it; without it the whole frame is squashed to a square for
        the network. face: which face of several, 1 the largest; None takes that and warns through the log.
    paste: give full frames, of the video's size made even; otherwise the square around the face, at the
        model's size.
    progress: told about the search for the face.
    Raises LiaxError, before the first frame is made, for settings or a video that do not work.
    """
    edit = Edit.of(settings, animator.controls, force)
    footage = Video(video)
    stage = "finding the face" if crop else "finding cuts"
    with FaceLandmarker() if crop else nullcontext() as landmarker:
        shots, total = follow(
            landmarker,
            footage,
            animator.size,
            face,
            lambda done: progress(stage, done, footage.expected),
            _PURPOSE,
        )
    places = _Places(footage, animator.size, whole=paste or not crop)
    make = _from_first_frame if from_first_frame else _frame_by_frame
    frames = make(animator, footage, shots, edit, places)
    return Clip(frames, footage.rate, places.width, places.height, total, footage.path, footage.start)


class _Places:
    """Where in the pictures that come out each shot's square lies.

    whole: whether full frames come out, of width × height pixels, or squares.
    """

    def __init__(self, footage: Video, size: int, whole: bool) -> None:
        self._frame, self._size, self._whole = (footage.width, footage.height), size, whole
        self._shot: Shot | None = None
        self._retouch = Retouch(None, *(self._frame if whole else (size, size)), size)
        self.width, self.height = self._retouch.width, self._retouch.height

    def of(self, shot: Shot) -> Retouch:
        """What puts changes into this shot's pictures; asked for shot by shot."""
        if self._whole and shot is not self._shot:
            self._shot, self._retouch = shot, Retouch(shot.framing.crop, *self._frame, self._size)
        return self._retouch

    def picture(self, frame_HW3: NDArray[np.uint8], square_RR3: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What changes are put into."""
        return frame_HW3 if self._whole else square_RR3


def _frame_by_frame(
    animator: Animator, footage: Video, shots: Sequence[Shot], edit: Edit, places: _Places
) -> _Frames:
    views = _in_shots(footage, shots)
    fade = max(1.0, _FADE * footage.rate)
    current: Shot | None = None
    while chunk := list(islice(views, animator.batch)):
        pictures = [frame.rgb() for _, frame, _ in chunk]
        squares = [s.framing.shown(p, animator.size) for p, (_, _, s) in zip(pictures, chunk, strict=True)]
        encoded = animator.encode(squares)
        amount_B = np.array([_amount(shot, number, fade) for number, _, shot in chunk], np.float32)
        alpha_BM = encoded.alpha_BM.cpu().numpy()
        changes = Redrawing(animator, encoded)(alpha_BM + amount_B[:, None] * edit.on(alpha_BM))
        for view, picture_HW3, square_RR3, change in zip(chunk, pictures, squares, changes, strict=True):
            number, frame, shot = view
            if shot is not current:
                current, around = shot, Surroundings.of(shot, animator.size, footage.rate)
            if around is not None:
                change = around.keep(change, number)
            yield frame.time, places.of(shot)(places.picture(picture_HW3, square_RR3), change)


def _from_first_frame(
    animator: Animator, footage: Video, shots: Sequence[Shot], edit: Edit, places: _Places
) -> _Frames:
    shot = next(shot for shot in shots if shot.begins is not None)
    picture_HW3 = next(frame.rgb() for number, frame, _ in _in_shots(footage, shots) if number == shot.begins)
    square_RR3 = shot.framing.shown(picture_HW3, animator.size)
    picture_HW3 = places.picture(picture_HW3, square_RR3)
    encoded = animator.encode([square_RR3])
    redrawing, retouch = Redrawing(animator, encoded), places.of(shot)
    moments, same = tee(Filmed(animator, footage, list(shots), 0).moments())
    alpha_M = encoded.alpha_BM[0].cpu().numpy()
    alphas = transfer.carry(alpha_M, same, transfer.Transfer(edit_M=edit.on(alpha_M)))
    for moment, change in zip(moments, redrawing.stream(alphas), strict=True):
        yield moment.time, retouch(picture_HW3, change)


def _in_shots(footage: Video, shots: Sequence[Shot]) -> Iterator[tuple[int, Frame, Shot]]:
    """Every frame with its number and shot."""
    starts = [shot.first for shot in shots]
    for number, frame in enumerate(footage):
        yield number, frame, shots[bisect_right(starts, number) - 1]


def _amount(shot: Shot, number: int, fade: float) -> float:
    """How much of the edit a frame gets: 0 without the face, rising to 1 within `fade` frames of that."""
    away = (max(a.first - number, number - a.last + 1, 0) for a in shot.absences)
    return min(1.0, min(away, default=fade) / fade)
