"""From a portrait and what drives it to a video: files in, a file out, one batch of frames in memory."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError, OptionError, UnlikeBeginning
from liax.face.crop import resize
from liax.face.landmarks import FaceLandmarker
from liax.files import check_output
from liax.media import images, writer
from liax.media.footage import files_of
from liax.options import Alignment, AnimateOptions
from liax.pipeline import mapped
from liax.portrait.align import align_source
from liax.portrait.animator import Animator
from liax.portrait.clip import RenderedClip, WrittenFile, write_clip
from liax.portrait.driving import open_driving
from liax.portrait.edit import check_paste
from liax.portrait.edit_vector import Edit
from liax.portrait.motion import (
    Driving,
    DrivingFrame,
    Transfer,
    nearest_references,
    retarget,
    smooth_motion,
    transfer_motion,
)
from liax.portrait.pose import HeldStretches, PoseRange, measured_controls
from liax.portrait.retouch import EditDelta, Retouch
from liax.portrait.source import Portrait, Source, open_portrait
from liax.portrait.track_driving import KeyedEdit, NamedDriving
from liax.progress import Progress, no_progress, with_progress
from liax.tracks.keyframes import Keyframes, read_keyframes, timed_settings, untimed_settings
from liax.weights.controls import Controls

log = logging.getLogger(__name__)

# Endings of what can be written.
OUTPUTS = writer.SUFFIXES + images.SUFFIXES
# Turns of the head, and how many degrees of one a driving may begin from the source's pose.
_TURNS, _FAR = ("yaw", "pitch"), 15.0
# How much of the jaw's range it may begin opener.
_OPEN = 0.4


def animate(
    animator: Animator,
    source: Source,
    driving: Path | Driving,
    options: AnimateOptions = AnimateOptions(),  # noqa: B008 - frozen
    *,
    progress: Progress = no_progress,
) -> RenderedClip:
    """The portrait `source` moved by `driving`, at its rate and times and with its sound.

    Motion stops at the coefficient limits, or where the driving face does if that goes further, and the head
    where the resulting pose leaves its controls' ranges, unless `options.force` is set. Where the driving
    begins with the head turned far from the source's pose, its motion counts from the frame most like the
    source (`options.first_frame` prevents that). A single driving picture has no change to move the source
    by: its pose and expression are taken over as with `options.absolute`, unless `options.align` is given.

    Args:
        source: As in `open_portrait`.
        driving: As in `open_driving`, or what that gave.
        options: Without `crop` both are taken whole, resized to a square, and the result has the source's
            aspect. `compare` leaves out the driving if it has no pictures.
        progress: Told about what comes before the first frame.

    Raises:
        LiaxError: For every input or option that does not work.
    """
    _check(options)
    edit = Edit.of(untimed_settings(options.set), animator.controls, options.force)
    gains_MM = retarget(animator.controls, options.only, options.without, options.strength)
    portrait = open_portrait(animator, source, options)
    pose = portrait.pose if measured_controls(animator.controls) else {}
    edit_M = edit.vector_for(portrait.alpha_M, pose)
    pose_range = None if options.force else PoseRange(animator.controls, pose)
    _warn(edit.held_back(pose))
    keyed = [
        KeyedEdit(keyframes, animator, name, portrait.alpha_M + edit_M, options.force)
        for keyframes, name in _keyframes(options)
    ]
    edit_at = partial(_sum_at, keyed) if keyed else None
    if isinstance(driving, Path):
        driving = open_driving(animator, driving, options, progress=progress)
    absolute = options.absolute
    if isinstance(driving, NamedDriving):
        if driving.track.changes:
            _check_changes(options, driving)
            absolute = True
        driving = driving.on(portrait.alpha_M, options.force)
    if options.align is not None:
        edit_M = edit_M + _aligned(animator, portrait, driving, options.align)
    elif not absolute and driving.total == 1:
        log.warning("A single driving picture has no motion; its pose and expression are taken over instead.")
        absolute = True
    transfer = Transfer(not absolute, edit_M, gains_MM, edit.limits, pose_range)
    alpha_M, references = portrait.alpha_M, None
    if options.best_frame or _begins_far(driving, alpha_M, transfer, options, animator.controls):
        counted = with_progress(
            _driving_frames(driving, options.smooth), "finding the best frame", driving.total, progress
        )
        references = nearest_references(alpha_M, counted, transfer)
    show = _Show(animator, portrait, driving, options.paste, options.compare)
    held = HeldStretches()
    moved = partial(
        transfer_motion, alpha_M, transfer=transfer, references=references, held=held, edit_at=edit_at
    )
    frames = _frames(_driving_frames(driving, options.smooth), moved, show, held)
    return RenderedClip(
        frames, driving.rate, show.width, show.height, driving.total, driving.sound, driving.sound_start
    )


def animate_file(
    animator: Animator,
    source: Source,
    driving: Path | Driving,
    output: Path,
    options: AnimateOptions = AnimateOptions(),  # noqa: B008 - frozen
    *,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> WrittenFile:
    """Write what `animate` makes of `source` and `driving` to `output`.

    Args:
        output: Ends in .mp4, .webm or .gif (silent); what a single picture drives can also be a .png, .jpg or
            .webp.
        overwrite: Whether it may exist already.

    Raises:
        LiaxError: For every input, output or option that does not work; then nothing is written.
    """
    inputs = files_of(driving) if isinstance(driving, Path) else ()
    inputs += (source,) if isinstance(source, Path) else ()
    check_output(output, suffixes=OUTPUTS, overwrite=overwrite, inputs=inputs)
    clip = animate(animator, source, driving, options, progress=progress)
    if output.suffix.lower() in writer.SUFFIXES:
        return write_clip(clip, output, overwrite=overwrite, inputs=inputs, progress=progress)
    if clip.total != 1:
        raise LiaxError(
            f"{output} can hold one picture, but the driving has more; name it one of "
            f"{', '.join(writer.SUFFIXES)}."
        )
    (picture_HW3,) = (picture_HW3 for _, picture_HW3 in clip.frames)
    images.write_image(output, picture_HW3, overwrite=overwrite)
    return WrittenFile(output, 1, float(1 / clip.rate), clip.width, clip.height)


class _Show:
    """How results are shown: in their own aspect or pasted back, alone or beside source and driving.

    Attributes:
        width, height: Pixels of what comes out.
    """

    def __init__(
        self, animator: Animator, portrait: Portrait, driving: Driving, paste: bool, compare: bool
    ) -> None:
        self._animator, self._portrait = animator, portrait
        self._retouch: Retouch | None = None
        self._alone, self.height = portrait.framing.width, portrait.framing.height
        picture_HW3 = portrait.from_square(portrait.square_RR3)
        if paste:
            height, width, _ = portrait.picture_HW3.shape
            self._retouch = Retouch(portrait.framing.crop, width, height, animator.size)
            self._alone, self.height = self._retouch.width, self._retouch.height
            picture_HW3 = portrait.picture_HW3[: self.height, : self._alone]
        self.width = self._alone
        self._source_HW3: NDArray[np.uint8] | None = None
        if compare:
            self._source_HW3 = resize(picture_HW3, self._alone, self.height)
            self._driving_width = driving.width_at(self.height)
            self.width = 2 * self._alone + self._driving_width

    def results(self, alphas: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.uint8]]:
        """The portrait with each of the coefficients (M,), as they come; memory is that of a batch."""
        portrait, retouch = self._portrait, self._retouch
        if retouch is None:
            yield from mapped(portrait.from_square, self._animator.render(portrait.encoded, alphas))
        else:
            changes = EditDelta(self._animator, portrait.encoded).stream(alphas)
            yield from mapped(lambda change: retouch(portrait.picture_HW3, change), changes)

    def beside(self, result_HW3: NDArray[np.uint8], frame: DrivingFrame) -> NDArray[np.uint8]:
        """The frame that shows a result."""
        if self._source_HW3 is None:
            return result_HW3
        panels = [self._source_HW3, result_HW3]
        if frame.square_RR3 is not None:
            panels.insert(1, resize(frame.square_RR3, self._driving_width, self.height))
        return np.concatenate(panels, 1)


def _frames(
    frames: Generator[DrivingFrame],
    moved: Callable[[Iterable[DrivingFrame]], Iterator[NDArray[np.float32]]],
    show: _Show,
    held: HeldStretches,
) -> Iterator[tuple[Fraction, NDArray[np.uint8]]]:
    """The result of every driving frame, once `moved` has made the coefficients to decode of it.

    Args:
        held: Where `moved` held the head, which is told at the end.
    """
    # What the network has been given, until its result comes.
    waiting: deque[DrivingFrame] = deque()

    def given() -> Iterator[DrivingFrame]:
        for frame in frames:
            waiting.append(frame)
            yield frame

    with closing(frames):  # also when drawing fails
        for result_HW3 in show.results(moved(given())):
            frame = waiting.popleft()
            yield frame.time, show.beside(result_HW3, frame)
    _warn(held.sentence())


def _driving_frames(driving: Driving, smooth: bool) -> Generator[DrivingFrame]:
    with closing(driving.frames()) as frames:
        yield from smooth_motion(frames) if smooth else frames


def _begins_far(
    driving: Driving,
    alpha_source_M: NDArray[np.float32],
    transfer: Transfer,
    options: AnimateOptions,
    controls: Controls,
) -> bool:
    """Whether relative motion had better not count from the first frame, which is then told."""
    if not transfer.relative or options.first_frame or options.align is not None or driving.total == 1:
        return False
    first = next(driving.frames(), None)
    if first is None:
        return False
    change_M = transfer.scaled(first.alpha_M - alpha_source_M)
    turned = PoseRange(controls, {}).amounts(change_M)
    far = {name: turned[name] for name in _TURNS if abs(turned.get(name, 0.0)) > _FAR}
    if far:
        turns = ", ".join(f"{name} {degrees:+.0f} deg" for name, degrees in far.items())
        how = f"with the head turned away from the portrait's ({turns})"
        log.warning(UnlikeBeginning(how, "best_frame", "first_frame"))
    elif _opened(controls, change_M) > _OPEN:
        log.warning(UnlikeBeginning("with an opener mouth than the portrait's", "first_frame", "best_frame"))
    return bool(far)


def _opened(controls: Controls, change_M: NDArray[np.floating]) -> float:
    """How much of the control of the jaw is in a change of the coefficients; 0 without one."""
    jaw_M1 = Controls(controls.count, tuple(c for c in controls if c.name == "jaw")).directions_MK
    return float((np.linalg.pinv(jaw_M1) @ change_M).sum())


def _warn(sentence: str) -> None:
    if sentence:
        log.warning(sentence)


def _aligned(
    animator: Animator, portrait: Portrait, driving: Driving, align: Alignment
) -> NDArray[np.float32]:
    first = next(driving.frames(), None)
    if first is None:
        raise LiaxError("The driving has no frame.")
    with FaceLandmarker() as landmarker:
        return align_source(animator, portrait.encoded, first.square_RR3, first.alpha_M, align, landmarker)


def _keyframes(options: AnimateOptions) -> Iterator[tuple[Keyframes, Path | str]]:
    """What changes the portrait at given times, and its name in messages."""
    if options.keys is not None:
        yield read_keyframes(options.keys), options.keys
    timed = timed_settings(options.set)
    if timed is not None:
        yield timed, "What is set"


def _sum_at(edits: Sequence[KeyedEdit], time: Fraction) -> NDArray[np.float32]:
    return np.sum([edit.at(time) for edit in edits], 0, dtype=np.float32)


def _check_changes(options: AnimateOptions, driving: NamedDriving) -> None:
    """Raise OptionError for what asks a pose of a driving that only says changes of the portrait's."""
    for name in ("absolute", "best_frame", "align"):
        if value := getattr(options, name):
            raise OptionError(
                {name: value}, f"{driving.name} says changes of the portrait, and has no pose of its own"
            )


def _check(options: AnimateOptions) -> None:
    if options.absolute and options.best_frame:
        raise OptionError({"best_frame": True, "absolute": True}, "The best frame is about relative motion")
    if options.absolute and options.align is not None:
        raise OptionError(
            {"absolute": True, "align": options.align},
            "Absolute motion takes over the driving's pose already",
        )
    if options.best_frame and options.first_frame:
        raise OptionError(
            {"best_frame": True, "first_frame": True}, "Motion counts from one frame, the best or the first"
        )
    if options.best_frame and options.align is not None:
        raise OptionError(
            {"align": options.align, "best_frame": True},
            "Alignment goes by the first frame, and the best frame is another",
        )
    check_paste(options.paste, options.crop)
