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
from liax.face.crop import squash
from liax.face.landmarks import FaceLandmarker
from liax.media import images, writer
from liax.media.paths import check_output
from liax.portrait.align import Alignment, align_source
from liax.portrait.animator import Animator
from liax.portrait.clip import Clip, Progress, Written, counted, silent, write_clip
from liax.portrait.driving import open_driving
from liax.portrait.edits import Edit, Settings
from liax.portrait.moment import Driving, Moment
from liax.portrait.retarget import retarget
from liax.portrait.retouch import Redrawing, Retouch
from liax.portrait.smoothing import smoothed
from liax.portrait.still import Source, Still, open_still
from liax.portrait.transfer import Transfer, carry, nearest

log = logging.getLogger(__name__)

# Endings of what can be written.
OUTPUTS = writer.SUFFIXES + images.SUFFIXES


def animate(
    animator: Animator,
    source: Source,
    driving: Path | Driving,
    *,
    relative: bool = True,
    edit: Settings | None = None,
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
    progress: Progress = silent,
) -> Clip:
    """The portrait `source` moved by `driving`, at its rate and times and with its sound.

    source: as in `open_still`. driving: as in `open_driving`, or what that gave.
    relative: move the source by the driving's change since each shot's first frame (equations 8 and 10).
        Otherwise take over the driving's coefficients as they are (equations 1-3); with a single driving
        picture, which has no change, that happens anyway unless `align` is given.
    edit, force: what is added throughout, v of equation (10), as in `Edit.of`. Unless forced, motion
        stops where faces do (`Controls.reach`), or where the driving face does if that goes further.
    only, without, strength: which of the motion is carried over and how strongly, as in `retarget`.
    smooth: filter the driving's jitter (`smoothed`).
    best_frame: measure the change since the frame of each shot that is nearest to the source; the driving is
        then encoded twice.
    align: first edit the source so that its "pose", "expression" or "all" match the first driving frame.
    crop: find the face on both sides and cut out the square that the model expects. Without it both are taken
        whole, squashed to a square, and the result has the source's aspect.
    face, driving_face: which face of several, 1 the largest; None takes that and warns through the log.
    rate: frames a second of a folder of pictures.
    paste: move the face in the whole source picture, whose own pixels it keeps (`liax.portrait.retouch`).
    compare: source | driving | result side by side; the driving is left out if it has no pictures.

    Raises LiaxError for every input or option that does not work.
    """
    _check(relative, best_frame, align, paste, crop)
    wanted = Edit.of(edit or {}, animator.controls, force)
    gains_MM = retarget(animator.controls, only, without, strength)
    still = open_still(animator, source, crop=crop, face=face)
    edit_M = wanted.on(still.alpha_M)
    if isinstance(driving, Path):
        driving = open_driving(animator, driving, crop=crop, face=driving_face, rate=rate, progress=progress)
    if align is not None:
        edit_M = edit_M + _aligned(animator, still, driving, align)
    elif relative and driving.total == 1:
        log.warning("A single driving picture has no motion; its pose and expression are taken over instead.")
        relative = False
    transfer, alpha_M = Transfer(relative, edit_M, gains_MM, wanted.reach), still.alpha_M
    references = None
    if best_frame:
        told = counted(_moments(driving, smooth), "finding the best frame", driving.total, progress)
        references = nearest(alpha_M, told, transfer)
    show = _Show(animator, still, driving, paste, compare)
    frames = _frames(alpha_M, _moments(driving, smooth), transfer, references, show)
    return Clip(
        frames, driving.rate, show.width, show.height, driving.total, driving.sound, driving.sound_start
    )


def animate_file(
    animator: Animator,
    source: Source,
    driving: Path | Driving,
    output: Path,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
    **options: Any,
) -> Written:
    """Write what `animate` makes of `source` and `driving` with these options to `output`.

    output: ends in .mp4, .webm or .gif (silent); what a single picture drives can also be a .png, .jpg or
        .webp. overwrite: whether it may exist already.
    Raises LiaxError for every input, output or option that does not work; then nothing is written.
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
    return Written(output, 1, float(1 / clip.rate), clip.width, clip.height)


class _Show:
    """How results are shown: in their own aspect or pasted back, alone or beside source and driving.

    width, height: pixels of what comes out.
    """

    def __init__(
        self, animator: Animator, still: Still, driving: Driving, paste: bool, compare: bool
    ) -> None:
        self._animator, self._still = animator, still
        self._retouch: Retouch | None = None
        self._alone, self.height = still.framing.width, still.framing.height
        picture_HW3 = still.square_RR3
        if paste:
            height, width, _ = still.picture_HW3.shape
            self._retouch = Retouch(still.framing.crop, width, height, animator.size)
            self._alone, self.height = self._retouch.width, self._retouch.height
            picture_HW3 = still.picture_HW3[: self.height, : self._alone]
        self.width = self._alone
        self._source_HW3: NDArray[np.uint8] | None = None
        if compare:
            self._source_HW3 = squash(picture_HW3, self._alone, self.height)
            self._driving_width = driving.width_at(self.height)
            self.width = 2 * self._alone + self._driving_width

    def results(self, alphas: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.uint8]]:
        """The portrait with each of the coefficients (M,), as they come; memory is that of a batch."""
        if self._retouch is None:
            for result_RR3 in self._animator.render(self._still.encoded, alphas):
                yield squash(result_RR3, self._alone, self.height)
        else:
            for change in Redrawing(self._animator, self._still.encoded).stream(alphas):
                yield self._retouch(self._still.picture_HW3, change)

    def beside(self, result_HW3: NDArray[np.uint8], moment: Moment) -> NDArray[np.uint8]:
        """The frame that shows a result."""
        if self._source_HW3 is None:
            return result_HW3
        panels = [self._source_HW3, result_HW3]
        if moment.square_RR3 is not None:
            panels.insert(1, squash(moment.square_RR3, self._driving_width, self.height))
        return np.concatenate(panels, 1)


def _frames(
    alpha_source_M: NDArray[np.float32],
    moments: Iterable[Moment],
    transfer: Transfer,
    references: list[NDArray[np.float32]] | None,
    show: _Show,
) -> Iterator[tuple[Fraction, NDArray[np.uint8]]]:
    # What the network has been given, until its result comes.
    waiting: deque[Moment] = deque()

    def given() -> Iterator[Moment]:
        for moment in moments:
            waiting.append(moment)
            yield moment

    for result_HW3 in show.results(carry(alpha_source_M, given(), transfer, references)):
        moment = waiting.popleft()
        yield moment.time, show.beside(result_HW3, moment)


def _moments(driving: Driving, smooth: bool) -> Iterator[Moment]:
    return smoothed(driving.moments()) if smooth else driving.moments()


def _aligned(animator: Animator, still: Still, driving: Driving, align: Alignment) -> NDArray[np.float32]:
    first = next(driving.moments())
    with FaceLandmarker() as landmarker:
        return align_source(animator, still.encoded, first.square_RR3, first.alpha_M, align, landmarker)


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
