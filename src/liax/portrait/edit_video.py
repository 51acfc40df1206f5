"""Pose and expression changed throughout a video; a mask of the head leaves what is around it as filmed."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice, tee
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Crop, resize, turned
from liax.face.landmarks import FaceLandmarker
from liax.media.footage import Excerpt, Footage, open_footage, sound_of
from liax.options import EditSettings, EditVideoOptions
from liax.pipeline import ahead, mapped
from liax.portrait import motion
from liax.portrait.animator import Animator
from liax.portrait.clip import RenderedClip
from liax.portrait.driving import DrivingFootage, check_part
from liax.portrait.edit_vector import Edit
from liax.portrait.framing import check_square, frame_square
from liax.portrait.pose import HeldStretches, PoseRange
from liax.portrait.retouch import EditDelta, PixelChange, Retouch
from liax.portrait.shots import Shot, ShotFrame, ShotMessages, changed_meanwhile, find_shots, in_shots
from liax.progress import Progress, no_progress

# Measured from the middle of the face in halves of its box: an edit is whole up to the first and ends at the
# second. Upwards, where the hair is, both are larger by this factor.
_WHOLE, _END = 1.15, 1.7
_UPWARDS = 1.3
# The head has room for where it is within so many seconds, so that what surrounds it need not move with it.
_SECONDS = 0.3


@dataclass(frozen=True)
class HeadMask:
    """Where in the square the head is throughout a shot.

    A network that turns a head also draws some of what surrounds it elsewhere, a little more or less in every
    frame: walls would bend and swim.

    Args:
        frames_N: Numbers of some frames.
        boxes_N4: Left, top, right and bottom of all places where the face is around these, in pixels of the
            square.
        size: Side R of the square.
    """

    frames_N: NDArray[np.int64]
    boxes_N4: NDArray[np.float64]
    size: int

    @staticmethod
    def of(shot: Shot, size: int, rate: Fraction) -> HeadMask | None:
        """Those of a shot with `rate` frames a second; None where it is not known where the face is."""
        crop = shot.framing.crop
        if crop is None or not shot.face_boxes:
            return None
        frames_N = np.array([number for number, _ in shot.face_boxes])
        boxes_N4 = _in_square(np.array([box for _, box in shot.face_boxes]), crop, size)
        reach = float(_SECONDS * rate)
        starts = np.searchsorted(frames_N, frames_N - reach)
        ends = np.searchsorted(frames_N, frames_N + reach, "right")
        near = [slice(start, end) for start, end in zip(starts, ends, strict=True)]
        reached_N4 = np.stack([np.r_[boxes_N4[n, :2].min(0), boxes_N4[n, 2:].max(0)] for n in near])
        smooth_N4 = np.stack([reached_N4[n].mean(0) for n in near])
        return HeadMask(frames_N, smooth_N4, size)

    def weight(self, number: int) -> NDArray[np.float32]:
        """How much of an edit each place in frame `number` gets: 1 at the head, 0 away from it; (R, R)."""
        left, top, right, bottom = (np.interp(number, self.frames_N, self.boxes_N4[:, k]) for k in range(4))
        axis_R = np.arange(self.size) + 0.5
        x_R = (axis_R - (left + right) / 2) * 2 / (right - left)
        y_R = (axis_R - (top + bottom) / 2) * 2 / (bottom - top)
        y_R = np.where(y_R < 0, y_R / _UPWARDS, y_R)
        t_RR = ((_END - np.hypot(x_R, y_R[:, None])) / (_END - _WHOLE)).clip(0, 1)
        return (t_RR * t_RR * (3 - 2 * t_RR)).astype(np.float32)

    def apply(self, change: PixelChange, number: int) -> PixelChange:
        """The change of frame `number`, without what it does to the head's surroundings."""
        weight_RR = self.weight(number)
        return PixelChange(
            change.shift_RR2 * weight_RR[..., None],
            change.new_RR * weight_RR,
            change.drawn_RR3 * weight_RR[..., None],
            change.picture_RR3,
        )


def _in_square(boxes_N4: NDArray[np.float64], crop: Crop, size: int) -> NDArray[np.float64]:
    """Boxes of the frame turned clockwise by the crop's roll, in pixels of the square."""
    corner_2 = turned(np.array(crop.centre), -crop.roll) - crop.side / 2
    return (boxes_N4 - np.tile(corner_2, 2)) * (size / crop.side)


_MESSAGES = ShotMessages("face", "the face is framed anew", "nothing is edited")
# Before and after a stretch without the face the edit fades over so many seconds.
_FADE = 0.2

_Frames = Iterator[tuple[Fraction, NDArray[np.uint8]]]


def edit_video(
    animator: Animator,
    video: Path,
    settings: EditSettings,
    options: EditVideoOptions = EditVideoOptions(),  # noqa: B008 - frozen
    *,
    progress: Progress = no_progress,
) -> RenderedClip:
    """The clip with every frame's coefficients changed by the v that `settings` ask for.

    Every frame is its own source, G(z_t + Q (a_t + v)) (equation 11), so what comes into view later stays,
    and what the edit leaves alone keeps the frame's own pixels (`liax.portrait.retouch`). Rate, times and
    sound are the video's. Each shot has its own square; where no face is seen, frames stay as they are.

    Args:
        settings: Controls and motion vectors, and how much of each.
        options: `from_first_frame` is the published way: only the first frame that shows the face is a
            source, edited and moved by the video's change since then: z_1 + Q (a_1 + v) + Q (a_t − a_1)
            (equation 10). All else stays as it is in that frame. Pasted frames have the video's size, made
            even; squares have the model's. Without `crop` the whole frame is resized to a square for the
            network.
        progress: Told about the search for the face.

    Raises:
        LiaxError: Before the first frame is made, for settings or a video that do not work.
    """
    edit = Edit.of(settings, animator.controls, options.force)
    check_square(options)
    check_part(options)
    footage = open_footage(video, "video")
    if options.since is not None or options.until is not None:
        footage = Excerpt(footage, options.since, options.until)
    framing = None
    if options.square is not None:
        framing = frame_square(options.square, video, footage.width, footage.height, animator.size)
    finding = options.crop and framing is None
    stage = "finding the face" if finding else "finding cuts"
    with FaceLandmarker() if finding else nullcontext() as landmarker:
        shots, total = find_shots(
            landmarker,
            footage,
            animator.size,
            options.face,
            lambda done: progress(stage, done, footage.expected),
            _MESSAGES,
            framing,
        )
    retouches = _ShotRetouches(footage, animator.size, whole=options.paste or not options.crop)
    make = _from_first_frame if options.from_first_frame else _frame_by_frame
    frames = make(animator, footage, shots, edit, retouches)
    return RenderedClip(frames, footage.rate, retouches.width, retouches.height, total, *sound_of(footage))


class _ShotRetouches:
    """Where in the pictures that come out each shot's square lies.

    Args:
        whole: Whether full frames come out, of width × height pixels, or squares.
    """

    def __init__(self, footage: Footage, size: int, whole: bool) -> None:
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
        return frame_HW3 if self._whole else resize(square_RR3, self._size, self._size)


def _pose(shot: Shot, number: int) -> dict[str, float]:
    """The head's pose in one frame, between those that were looked at; empty where it is not known."""
    if not shot.yaw_pitch_rolls:
        return {}
    frames_N, angles_N3 = [n for n, _ in shot.face_boxes], np.array(shot.yaw_pitch_rolls)
    turns = zip(("yaw", "pitch", "roll"), angles_N3.T, strict=True)
    return {name: float(np.interp(number, frames_N, angle_N)) for name, angle_N in turns}


def _frame_by_frame(
    animator: Animator, footage: Footage, shots: Sequence[Shot], edit: Edit, retouches: _ShotRetouches
) -> _Frames:
    held = HeldStretches()

    def view(each: ShotFrame) -> _View:
        number, frame, shot = each
        picture_HW3 = frame.rgb()
        square_RR3 = shot.framing.to_square(picture_HW3, animator.seen_size)
        return _View(number, frame.time, shot, picture_HW3, square_RR3)

    def placed() -> Iterator[_Placed]:
        views = mapped(view, ahead(in_shots(footage, shots), _FULL_FRAMES), depth=_FULL_FRAMES)
        current: Shot | None = None
        with closing(_changes(animator, views, edit, max(1.0, _FADE * footage.rate), held)) as changes:
            for seen, change in changes:
                if seen.shot is not current:
                    current, head_mask = seen.shot, HeadMask.of(seen.shot, animator.size, footage.rate)
                yield _Placed(seen, change, retouches.of(seen.shot), head_mask)

    def put(each: _Placed) -> tuple[Fraction, NDArray[np.uint8]]:
        seen, change, retouch, head_mask = each
        if head_mask is not None:
            change = head_mask.apply(change, seen.number)
        return seen.time, retouch(retouches.picture(seen.picture_HW3, seen.square_RR3), change)

    yield from mapped(put, ahead(placed(), _FULL_FRAMES), depth=_FULL_FRAMES)
    held.tell()


# So many frames of the video's own size wait between two stages.
_FULL_FRAMES = 4


class _View(NamedTuple):
    """A frame, and what the network sees of it."""

    number: int
    time: Fraction
    shot: Shot
    picture_HW3: NDArray[np.uint8]
    square_RR3: NDArray[np.uint8]


class _Placed(NamedTuple):
    """A frame's change, and where it belongs."""

    view: _View
    change: PixelChange
    retouch: Retouch
    head_mask: HeadMask | None


def _changes(
    animator: Animator, views: Generator[_View], edit: Edit, fade: float, held: HeldStretches
) -> Generator[tuple[_View, PixelChange]]:
    """What the edit changes in each frame; `held` notes where it is held."""
    with closing(views):
        while chunk := list(islice(views, animator.batch_size)):
            encoded = animator.encode([view.square_RR3 for view in chunk])
            amount_B = np.array([_amount(view.shot, view.number, fade) for view in chunk], np.float32)
            alpha_BM = encoded.alpha_BM.cpu().numpy()
            edits = []
            for view, alpha_M in zip(chunk, alpha_BM, strict=True):
                pose = _pose(view.shot, view.number)
                edits.append(edit.vector_for(alpha_M, pose))
                held.add(view.time, edit.beyond(pose))
            changes = EditDelta(animator, encoded)(alpha_BM + amount_B[:, None] * np.stack(edits))
            yield from zip(chunk, changes, strict=True)


def _from_first_frame(
    animator: Animator, footage: Footage, shots: Sequence[Shot], edit: Edit, retouches: _ShotRetouches
) -> _Frames:
    (shot, *_) = (shot for shot in shots if shot.first_face is not None)
    first = next((frame for number, frame, _ in in_shots(footage, shots) if number == shot.first_face), None)
    if first is None:
        raise changed_meanwhile(footage)
    picture_HW3 = first.rgb()
    square_RR3 = shot.framing.to_square(picture_HW3, animator.seen_size)
    picture_HW3 = retouches.picture(picture_HW3, square_RR3)
    encoded = animator.encode([square_RR3])
    edit_delta, retouch = EditDelta(animator, encoded), retouches.of(shot)
    alpha_M = encoded.alpha_BM[0].cpu().numpy()
    pose = _pose(shot, shot.first_face or 0)
    transfer = motion.Transfer(edit_M=edit.vector_for(alpha_M, pose))
    if edit.held:
        transfer = replace(transfer, pose_range=PoseRange(animator.controls, pose))
    held = HeldStretches()
    with closing(DrivingFootage(animator, footage, list(shots), 0).frames()) as driving:
        frames, same = tee(driving)
        changes = edit_delta.stream(motion.transfer_motion(alpha_M, same, transfer, held=held))
        results = mapped(lambda change: retouch(picture_HW3, change), changes)
        for frame, result_HW3 in zip(frames, results, strict=True):
            yield frame.time, result_HW3
    held.tell()


def _amount(shot: Shot, number: int, fade: float) -> float:
    """How much of the edit a frame gets: 0 without the face, rising to 1 within `fade` frames of that."""
    away = (max(a.first - number, number - a.last + 1, 0) for a in shot.absences)
    return min(1.0, min(away, default=fade) / fade)
