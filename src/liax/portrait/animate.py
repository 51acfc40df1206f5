"""From a portrait and what drives it to a video: files in, a file out, one batch of frames in memory."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError, OptionError
from liax.face.crop import resize
from liax.face.landmarks import FaceLandmarker
from liax.files import check_output
from liax.media import images, writer
from liax.media.footage import files_of, is_video
from liax.media.sequence import is_sequence
from liax.options import Alignment, AnimateOptions, MarkOptions
from liax.pipeline import mapped
from liax.portrait.align import align_source
from liax.portrait.animator import Animator
from liax.portrait.clip import RenderedClip, WrittenFile, check_quality, write_clip
from liax.portrait.device_retouch import retouch_on
from liax.portrait.driving import open_driving
from liax.portrait.edit import check_paste
from liax.portrait.edit_vector import Edit
from liax.portrait.motion import (
    Driving,
    DrivingFrame,
    Transfer,
    retarget,
    transfer_motion,
)
from liax.portrait.pose import HeldStretches, PoseRange, measured_controls
from liax.portrait.provenance import provenance_of
from liax.portrait.reenact_video import reenact_file
from liax.portrait.reference import choose_references, driving_frames, first_frame
from liax.portrait.retouch import EditDelta, Retouch
from liax.portrait.source import Portrait, Source, open_portrait
from liax.portrait.track_driving import KeyedEdit, NamedDriving
from liax.portrait.transparency import Cutout, transparency_lost
from liax.progress import Progress, no_progress
from liax.tracks.keyframes import Keyframes, read_keyframes, timed_settings, untimed_settings

log = logging.getLogger(__name__)

# Endings of what can be written.
OUTPUTS = tuple(dict.fromkeys(writer.SUFFIXES + images.SUFFIXES))


def animate(
    animator: Animator,
    source: Source,
    driving: Path | Driving,
    options: AnimateOptions = AnimateOptions(),  # noqa: B008 - frozen
    *,
    transparent: bool = False,
    progress: Progress = no_progress,
) -> RenderedClip:
    """The portrait `source` moved by `driving`, at its rate and times and with its sound.

    Motion stops at the coefficient limits, or where the driving face does if that goes further, and the head
    where the resulting pose leaves its controls' ranges, unless `options.force` is set. Where the driving
    begins with the head turned far from the source's pose, its motion counts from the frame most like the
    source, unless `options.reference` says otherwise. A single driving picture has no change to move the
    source by: its pose and expression are taken over as with `options.absolute`, unless `options.align` is
    given.

    Args:
        source: As in `open_portrait`.
        driving: As in `open_driving`, or what that gave.
        options: Without `crop` both are taken whole, resized to a square, and the result has the source's
            aspect. `compare` leaves out the driving if it has no pictures.
        transparent: Whether frames are RGBA where the portrait is a file with transparency. Otherwise they
            are RGB, laid over grey.
        progress: Told about what comes before the first frame.

    Raises:
        LiaxError: For every input or option that does not work.
    """
    _check(options)
    edit = Edit.of(untimed_settings(options.set), animator.controls, options.force)
    gains_MM = retarget(animator.controls, options.only, options.without, options.strength)
    portrait = open_portrait(animator, source, options)
    provenance = provenance_of(animator, "animate", source=portrait, driving=driving, keyframes=options.keys)
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
        driving.check(options)
        absolute = absolute or driving.track.changes
        driving = driving.on(portrait.alpha_M, options.force, absolute)
    if options.align is not None:
        edit_M = edit_M + _aligned(animator, portrait, driving, options.align)
    elif not absolute and driving.total == 1:
        log.warning("A single driving picture has no motion; its pose and expression are taken over instead.")
        absolute = True
    transfer = Transfer(not absolute, edit_M, gains_MM, edit.limits, pose_range)
    alpha_M = portrait.alpha_M
    references = choose_references(driving, alpha_M, transfer, options, animator.controls, progress)
    show = _Show(animator, portrait, driving, options, transparent)
    held = HeldStretches()
    moved = partial(
        transfer_motion, alpha_M, transfer=transfer, references=references, held=held, edit_at=edit_at
    )
    frames = _frames(driving_frames(driving, options.smooth), moved, show, held)
    return RenderedClip(
        frames,
        driving.rate,
        show.width,
        show.height,
        driving.total,
        driving.sound,
        driving.sound_start,
        provenance,
    )


def animate_file(
    animator: Animator,
    source: Source,
    driving: Path | Driving,
    output: Path,
    options: AnimateOptions = AnimateOptions(),  # noqa: B008 - frozen
    *,
    mark: MarkOptions = MarkOptions(),  # noqa: B008
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> WrittenFile:
    """Write what `animate` makes of `source` and `driving` to `output`, or `reenact_video` of a video.

    Args:
        output: Ends in .mp4, .mov, .webm, .gif or .webp (the last two silent); what a single picture drives
            can also be a .png or .jpg, and a name with a number in it, such as talk_%04d.png, becomes a
            sequence of pictures. Of these, .mov, .webm, .webp and .png keep a portrait's transparency.
        mark: How the file says that it is synthetic.
        overwrite: Whether it may exist already.

    Raises:
        LiaxError: For every input, output or option that does not work; then nothing is written.
    """
    if isinstance(source, Path) and is_video(source):
        return reenact_file(
            animator,
            source,
            {None: driving},
            output,
            options,
            mark=mark,
            overwrite=overwrite,
            progress=progress,
        )
    inputs = files_of(driving) if isinstance(driving, Path) else ()
    inputs += (source,) if isinstance(source, Path) else ()
    check_quality(options.quality)
    check_output(output, suffixes=OUTPUTS, overwrite=overwrite, inputs=inputs)
    _check(options)
    suffix = output.suffix.lower()
    source = open_portrait(animator, source, options)
    keeps = suffix in writer.ALPHA_SUFFIXES + images.ALPHA_SUFFIXES
    _warn(transparency_lost(source, output, keeps))
    clip = animate(animator, source, driving, options, transparent=keeps, progress=progress)
    still = clip.total == 1 and suffix in images.SUFFIXES
    if is_sequence(output) or (suffix in writer.SUFFIXES and not still):
        return write_clip(
            clip,
            output,
            mark=mark,
            overwrite=overwrite,
            inputs=inputs,
            quality=options.quality,
            progress=progress,
        )
    if clip.total != 1:
        raise LiaxError(
            f"{output} can hold one picture, but the driving has more; name it one of "
            f"{', '.join(writer.SUFFIXES)}."
        )
    (picture_HW3,) = (picture_HW3 for _, picture_HW3 in clip.frames)
    images.write_image(
        output,
        picture_HW3,
        provenance=clip.provenance,
        mark=mark,
        overwrite=overwrite,
        quality=options.quality,
    )
    return WrittenFile(output, 1, float(1 / clip.rate), clip.width, clip.height)


class _Show:
    """How results are shown: in their own aspect or pasted back, alone or beside source and driving.

    Attributes:
        width, height: Pixels of what comes out.
    """

    def __init__(
        self,
        animator: Animator,
        portrait: Portrait,
        driving: Driving,
        options: AnimateOptions,
        transparent: bool,
    ) -> None:
        self._animator, self._portrait = animator, portrait
        self._retouch: Retouch | Cutout | None = None
        self._alone, self.height = portrait.framing.width, portrait.framing.height
        picture_HW3 = portrait.from_square(portrait.square_RR3)
        if transparent and portrait.alpha_HW is not None and not options.compare:
            self._retouch = Cutout(animator, portrait, options.paste)
            self._alone, self.height = self._retouch.width, self._retouch.height
        elif options.paste:
            height, width, _ = portrait.picture_HW3.shape
            self._retouch = retouch_on(animator, portrait.framing.crop, width, height)
            self._alone, self.height = self._retouch.width, self._retouch.height
            picture_HW3 = portrait.picture_HW3[: self.height, : self._alone]
        self.width = self._alone
        self._source_HW3: NDArray[np.uint8] | None = None
        if options.compare:
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
            if isinstance(retouch, Cutout):
                yield from mapped(retouch, changes)
            else:
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
    held.tell()


def _warn(sentence: str) -> None:
    if sentence:
        log.warning(sentence)


def _aligned(
    animator: Animator, portrait: Portrait, driving: Driving, align: Alignment
) -> NDArray[np.float32]:
    first = first_frame(driving)
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


def _check(options: AnimateOptions) -> None:
    if options.absolute and options.reference is not None:
        raise OptionError(
            {"reference": options.reference, "absolute": True}, "A reference is for relative motion"
        )
    if options.absolute and options.align is not None:
        raise OptionError(
            {"absolute": True, "align": options.align},
            "Absolute motion takes over the driving's pose already",
        )
    if options.reference not in (None, "first") and options.align is not None:
        raise OptionError(
            {"align": options.align, "reference": options.reference},
            "Alignment goes by the first frame, and the reference is another",
        )
    since, until = options.since or 0.0, options.until
    if isinstance(options.reference, float) and not since <= options.reference < (until or math.inf):
        raise OptionError(
            {"reference": options.reference, "since": options.since, "until": until},
            "The reference is outside the part of the driving that is used",
            "choose a time within it",
        )
    check_paste(options.paste, options.crop)
