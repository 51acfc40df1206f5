"""From a portrait and what drives it to a video: files in, a file out, one batch of frames in memory."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.face.crop import resize
from liax.face.landmarks import FaceLandmarker
from liax.files import check_output
from liax.media import images, writer
from liax.portrait.align import Alignment, align_source
from liax.portrait.animator import Animator
from liax.portrait.clip import Progress, RenderedClip, WrittenFile, no_progress, with_progress, write_clip
from liax.portrait.driving import open_driving
from liax.portrait.edit import Edit, EditSettings
from liax.portrait.motion import (
    Driving,
    DrivingFrame,
    Transfer,
    nearest_references,
    retarget,
    smooth_motion,
    transfer_motion,
)
from liax.portrait.retouch import EditDelta, Retouch
from liax.portrait.source import Portrait, Source, open_portrait

log = logging.getLogger(__name__)

# Endings of what can be written.
OUTPUTS = writer.SUFFIXES + images.SUFFIXES


def animate(
    animator: Animator,
    source: Source,
    driving: Path | Driving,
    *,
    relative: bool = True,
    edit: EditSettings | None = None,
    force: bool = False,
    only: Collection[str] = (),
    without: Collection[str] = (),
    strength: float | Mapping[str, float] = 1.0,
    smooth: bool = False,
    best_frame: bool = False,
    align: Alignment | None = None,
    crop: bool = True,
    face: int | None = None,
    driving_face: int | None = None,
    rate: Fraction | None = None,
    paste: bool = False,
    compare: bool = False,
    progress: Progress = no_progress,
) -> RenderedClip:
    """The portrait `source` moved by `driving`, at its rate and times and with its sound.

    Args:
        source: As in `open_portrait`.
        driving: As in `open_driving`, or what that gave.
        relative: Move the source by the driving's change since each shot's first frame (equations 8 and 10).
            Otherwise take over the driving's coefficients as they are (equations 1-3); with a single driving
            picture, which has no change, that happens anyway unless `align` is given.
        edit, force: What is added throughout, v of equation (10), as in `Edit.of`. Unless forced, motion
            stops where faces do (`Controls.limits`), or where the driving face does if that goes further.
        only, without, strength: Which of the motion is carried over and how strongly, as in `retarget`.
        smooth: Filter the driving's jitter (`smooth_motion`).
        best_frame: Measure the change since the frame of each shot that is nearest to the source; the driving
            is then encoded twice.
        align: First edit the source so that its "pose", "expression" or "all" match the first driving frame.
        crop: Find the face on both sides and cut out the square that the model expects. Without it both are
            taken whole, squashed to a square, and the result has the source's aspect.
        face, driving_face: Which face of several, 1 the largest; None takes that and warns through the log.
        rate: Frames a second of a folder of pictures.
        paste: Move the face in the whole source picture, whose own pixels it keeps (`liax.portrait.retouch`).
        compare: Source | driving | result side by side; the driving is left out if it has no pictures.

    Raises:
        LiaxError: For every input or option that does not work.
    """
    _check(relative, best_frame, align, paste, crop)
    wanted = Edit.of(edit or {}, animator.controls, force)
    gains_MM = retarget(animator.controls, only, without, strength)
    portrait = open_portrait(animator, source, crop=crop, face=face)
    edit_M = wanted.vector_for(portrait.alpha_M)
    if isinstance(driving, Path):
        driving = open_driving(animator, driving, crop=crop, face=driving_face, rate=rate, progress=progress)
    if align is not None:
        edit_M = edit_M + _aligned(animator, portrait, driving, align)
    elif relative and driving.total == 1:
        log.warning("A single driving picture has no motion; its pose and expression are taken over instead.")
        relative = False
    transfer, alpha_M = Transfer(relative, edit_M, gains_MM, wanted.limits), portrait.alpha_M
    references = None
    if best_frame:
        told = with_progress(
            _driving_frames(driving, smooth), "finding the best frame", driving.total, progress
        )
        references = nearest_references(alpha_M, told, transfer)
    show = _Show(animator, portrait, driving, paste, compare)
    frames = _frames(alpha_M, _driving_frames(driving, smooth), transfer, references, show)
    return RenderedClip(
        frames, driving.rate, show.width, show.height, driving.total, driving.sound, driving.sound_start
    )


def animate_file(
    animator: Animator,
    source: Source,
    driving: Path | Driving,
    output: Path,
    *,
    overwrite: bool = False,
    progress: Progress = no_progress,
    **options: Any,
) -> WrittenFile:
    """Write what `animate` makes of `source` and `driving` with these options to `output`.

    Args:
        output: Ends in .mp4, .webm or .gif (silent); what a single picture drives can also be a .png, .jpg or
            .webp.
        overwrite: Whether it may exist already.

    Raises:
        LiaxError: For every input, output or option that does not work; then nothing is written.
    """
    inputs = tuple(path for path in (source, driving) if isinstance(path, Path))
    check_output(output, suffixes=OUTPUTS, overwrite=overwrite, inputs=inputs)
    clip = animate(animator, source, driving, progress=progress, **options)
    if output.suffix.lower() in writer.SUFFIXES:
        return write_clip(clip, output, overwrite=overwrite, inputs=inputs, progress=progress)
    if clip.total != 1:
        raise LiaxError(
            f"{output} can hold one picture, but the driving has more; name it one of "
            f"{', '.join(writer.SUFFIXES)}."
        )
    (picture_HW3,) = (picture_HW3 for _, picture_HW3 in clip.frames)
    images.write_image(output, picture_HW3)
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
        picture_HW3 = portrait.square_RR3
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
        if self._retouch is None:
            for result_RR3 in self._animator.render(self._portrait.encoded, alphas):
                yield resize(result_RR3, self._alone, self.height)
        else:
            for change in EditDelta(self._animator, self._portrait.encoded).stream(alphas):
                yield self._retouch(self._portrait.picture_HW3, change)

    def beside(self, result_HW3: NDArray[np.uint8], frame: DrivingFrame) -> NDArray[np.uint8]:
        """The frame that shows a result."""
        if self._source_HW3 is None:
            return result_HW3
        panels = [self._source_HW3, result_HW3]
        if frame.square_RR3 is not None:
            panels.insert(1, resize(frame.square_RR3, self._driving_width, self.height))
        return np.concatenate(panels, 1)


def _frames(
    alpha_source_M: NDArray[np.float32],
    frames: Iterable[DrivingFrame],
    transfer: Transfer,
    references: list[NDArray[np.float32]] | None,
    show: _Show,
) -> Iterator[tuple[Fraction, NDArray[np.uint8]]]:
    # What the network has been given, until its result comes.
    waiting: deque[DrivingFrame] = deque()

    def given() -> Iterator[DrivingFrame]:
        for frame in frames:
            waiting.append(frame)
            yield frame

    for result_HW3 in show.results(transfer_motion(alpha_source_M, given(), transfer, references)):
        frame = waiting.popleft()
        yield frame.time, show.beside(result_HW3, frame)


def _driving_frames(driving: Driving, smooth: bool) -> Iterator[DrivingFrame]:
    return smooth_motion(driving.frames()) if smooth else driving.frames()


def _aligned(
    animator: Animator, portrait: Portrait, driving: Driving, align: Alignment
) -> NDArray[np.float32]:
    first = next(driving.frames())
    with FaceLandmarker() as landmarker:
        return align_source(animator, portrait.encoded, first.square_RR3, first.alpha_M, align, landmarker)


def _check(relative: bool, best_frame: bool, align: Alignment | None, paste: bool, crop: bool) -> None:
    if not relative and best_frame:
        raise LiaxError("--best-frame is about relative motion; leave it out, or leave out --absolute.")
    if not relative and align is not None:
        raise LiaxError(
            "--absolute takes over the driving's pose already; leave it out, or leave out --align."
        )
    if best_frame and align is not None:
        raise LiaxError("--align goes by the first frame and --best-frame by another; give one of them.")
    if paste and not crop:
        raise LiaxError("Without a crop there is nothing to paste back into; leave out --paste or --no-crop.")
