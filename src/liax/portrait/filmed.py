"""Filmed faces changed frame by frame, and put back; what a change leaves alone stays as filmed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import resize
from liax.face.landmarks import FaceLandmarker
from liax.media.footage import Footage, Picture
from liax.options import SourceOptions
from liax.pipeline import ahead, mapped
from liax.portrait.animator import Animator
from liax.portrait.device_retouch import retouch_on
from liax.portrait.framing import check_square, frame_square
from liax.portrait.head_mask import HeadMask
from liax.portrait.moving_head import MovingHead
from liax.portrait.retouch import EditDelta, PixelChange, Retouch
from liax.portrait.shots import Shot, ShotMessages, find_shots, shot_at
from liax.progress import Progress

# Before and after a stretch without the face a change fades over so many seconds.
_FADE = 0.2
# So many frames of the video's own size wait between two stages.
_FULL_FRAMES = 4

Frames = Iterator[tuple[Fraction, NDArray[np.uint8]]]


class FaceFrame(NamedTuple):
    """One frame of a filmed face."""

    number: int
    time: Fraction
    shot: Shot

    @property
    def pose(self) -> dict[str, float]:
        """The head's pose, between frames that were looked at; empty where it is not known."""
        if not self.shot.yaw_pitch_rolls:
            return {}
        frames_N = [number for number, _ in self.shot.face_boxes]
        turns = zip(("yaw", "pitch", "roll"), np.array(self.shot.yaw_pitch_rolls).T, strict=True)
        return {name: float(np.interp(self.number, frames_N, angle_N)) for name, angle_N in turns}


@dataclass(frozen=True)
class FilmedFace:
    """A face that is changed.

    Args:
        shots: Of the footage, as `find_filmed` gives them.
        added: What is added to the coefficients (M,) of a frame; asked frame by frame, in order.
        moves_head: Whether the head leaves its place; what surrounds it then bends after it. Else that stays
            as filmed.
    """

    shots: Sequence[Shot]
    added: Callable[[FaceFrame, NDArray[np.float32]], NDArray[np.floating]]
    moves_head: bool = False


def find_filmed(
    animator: Animator,
    footage: Footage,
    options: SourceOptions,
    face: int | None,
    messages: ShotMessages,
    progress: Progress,
) -> tuple[list[Shot], int]:
    """The shots of footage, each with a face's square, and how many frames there are.

    Args:
        face: Which, 1 the largest; None takes that and says so if there are several.
    """
    check_square(options)
    framing = None
    if options.square is not None:
        framing = frame_square(options.square, footage.path, footage.width, footage.height, animator.size)
    finding = options.crop and framing is None
    stage = "finding the face" if finding else "finding cuts"
    with FaceLandmarker() if finding else nullcontext() as landmarker:
        return find_shots(
            landmarker,
            footage,
            animator.size,
            face,
            lambda done: progress(stage, done, footage.expected),
            messages,
            framing,
        )


class ShotRetouches:
    """Where in the pictures that come out each shot's square lies.

    Args:
        whole: Whether full frames come out, of width × height pixels, or squares.
    """

    def __init__(self, animator: Animator, footage: Footage, whole: bool) -> None:
        self._animator, self._whole = animator, whole
        self._frame = footage.width, footage.height
        self._shot: Shot | None = None
        self._retouch = retouch_on(
            animator, None, *(self._frame if whole else (animator.size, animator.size))
        )
        self.width, self.height = self._retouch.width, self._retouch.height

    def of(self, shot: Shot) -> Retouch:
        """What puts changes into this shot's pictures; asked for shot by shot."""
        if self._whole and shot is not self._shot:
            self._shot = shot
            self._retouch = retouch_on(self._animator, shot.framing.crop, *self._frame)
        return self._retouch

    def picture(self, frame_HW3: NDArray[np.uint8], square_RR3: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What changes are put into."""
        return frame_HW3 if self._whole else resize(square_RR3, self._animator.size, self._animator.size)


def change_filmed(
    animator: Animator, footage: Footage, faces: Sequence[FilmedFace], whole: bool = True
) -> Frames:
    """Every frame with its faces changed, one after the other; memory is that of a batch.

    Args:
        whole: Whether full frames come out, or the square of the only face.
    """
    retouches = [ShotRetouches(animator, footage, whole) for _ in faces]
    masks: dict[int, tuple[Shot, HeadMask | MovingHead | None]] = {}  # of each face's present shot

    def view(numbered: tuple[int, Picture]) -> _View:
        number, frame = numbered
        picture_HW3 = frame.rgb()
        shots = [shot_at(face.shots, number) for face in faces]
        squares = [shot.framing.to_square(picture_HW3, animator.seen_size) for shot in shots]
        return _View(number, frame.time, shots, picture_HW3, squares)

    def mask(face: int, shot: Shot) -> HeadMask | MovingHead | None:
        if face not in masks or masks[face][0] is not shot:
            head = HeadMask.of(shot, animator.size, footage.rate)
            moving = MovingHead(head, footage.rate) if head and faces[face].moves_head else None
            masks[face] = shot, moving or head
        return masks[face][1]

    def placed() -> Iterator[_Placed]:
        views = mapped(view, ahead(enumerate(footage), _FULL_FRAMES), depth=_FULL_FRAMES)
        with closing(_changes(animator, views, faces, max(1.0, _FADE * footage.rate))) as changes:
            for seen, changed in changes:
                places = []
                for face, (shot, change) in enumerate(zip(seen.shots, changed, strict=True)):
                    head = mask(face, shot)
                    if isinstance(head, MovingHead):  # goes by the frames before
                        change, head = head.apply(change, seen.number), None
                    places.append(_Place(change, head, retouches[face].of(shot)))
                yield _Placed(seen, places)

    def put(each: _Placed) -> tuple[Fraction, NDArray[np.uint8]]:
        seen, places = each
        picture_HW3 = retouches[0].picture(seen.picture_HW3, seen.squares[0])
        for change, head, retouch in places:
            kept = change if head is None else head.apply(change, seen.number)
            picture_HW3 = retouch(picture_HW3, kept)
        return seen.time, picture_HW3

    yield from mapped(put, ahead(placed(), _FULL_FRAMES), depth=_FULL_FRAMES)


class _View(NamedTuple):
    """A frame, and what the network sees of each face."""

    number: int
    time: Fraction
    shots: list[Shot]
    picture_HW3: NDArray[np.uint8]
    squares: list[NDArray[np.uint8]]


class _Place(NamedTuple):
    """A face's change, how much of it is kept if that is still to be done, and where it belongs."""

    change: PixelChange
    head: HeadMask | None
    retouch: Retouch


class _Placed(NamedTuple):
    """A frame, and the changes of its faces."""

    view: _View
    places: list[_Place]


def _changes(
    animator: Animator, views: Generator[_View], faces: Sequence[FilmedFace], fade: float
) -> Generator[tuple[_View, list[PixelChange]]]:
    """What becomes of each face in each frame."""
    with closing(views):
        while chunk := list(islice(views, animator.batch_size)):
            of_faces = []
            for number, face in enumerate(faces):
                encoded = animator.encode([view.squares[number] for view in chunk])
                alpha_BM = encoded.alpha_BM.cpu().numpy()
                seen = [FaceFrame(view.number, view.time, view.shots[number]) for view in chunk]
                added_BM = np.stack([face.added(*each) for each in zip(seen, alpha_BM, strict=True)])
                amount_B = np.array([amount_of(each.shot, each.number, fade) for each in seen], np.float32)
                of_faces.append(EditDelta(animator, encoded)(alpha_BM + amount_B[:, None] * added_BM))
            yield from zip(chunk, map(list, zip(*of_faces, strict=True)), strict=True)


def amount_of(shot: Shot, number: int, fade: float) -> float:
    """How much of a change a frame gets: 0 without the face, rising to 1 within `fade` frames of that."""
    away = (max(a.first - number, number - a.last + 1, 0) for a in shot.absences)
    return min(1.0, min(away, default=fade) / fade)
