"""Two moments of what a driving makes of a portrait, or drivings of its faces, before all of it is made."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.app.preview import KeyMoments, key_moments, on_portrait
from liax.app.studio import Studio
from liax.options import AnimateOptions
from liax.portrait import animate
from liax.portrait.motion import DrivingFrame
from liax.portrait.reenact_video import reenact_video
from liax.progress import Progress

# Which of `_Steps` are looked at.
_FIRST, _LAST = 1, 4


Moment = tuple[Fraction, NDArray[np.uint8]]


def preview_portrait(
    studio: Studio, source: Path, driving: Path, options: AnimateOptions, progress: Progress
) -> list[Moment]:
    """The portrait `source` as `animate` draws it at the beginning and at the liveliest moment.

    Returns:
        Times, and RGB uint8 pictures (H, W, 3): a single one if nothing moves.

    Raises:
        LiaxError: For what cannot be opened.
    """
    opened = studio.portrait(source, options)
    moving, changes = on_portrait(
        studio.driving(driving, options, progress), opened.alpha_M, options.absolute
    )
    moments = key_moments(moving, opened.alpha_M, progress)
    options = replace(options, absolute=options.absolute or changes)
    frames = list(animate(studio.animator, opened, moments, options).frames)
    return [frames[number] for number in dict.fromkeys(moments.shown)]


def preview_faces(
    studio: Studio,
    source: Path,
    drivings: Mapping[int | None, Path],
    options: AnimateOptions,
    progress: Progress,
) -> list[Moment]:
    """The faces of the picture `source` as `reenact_video` draws them at two moments.

    Args:
        drivings: Number of a face -> what moves it.

    Returns:
        Times and whole pictures, RGB uint8 (H, W, 3): of the beginning, and of the liveliest moment of the
        first driving that moves, if any does.

    Raises:
        LiaxError: For what cannot be opened, and for faces that are not there.
    """
    steps: dict[int | None, _Steps] = {}
    lively: Fraction | None = None
    for face, path in drivings.items():
        alpha_M = studio.portrait(source, replace(options, face=face)).alpha_M
        driving, changes = on_portrait(studio.driving(path, options, progress), alpha_M, options.absolute)
        moments = key_moments(driving, alpha_M, progress, None if lively is None else float(lively))
        steps[face] = _Steps.of(moments, alpha_M if changes else None)
        if lively is None and driving.total != 1:
            lively = moments.chosen[moments.shown[1]].time
    clip = reenact_video(studio.animator, source, dict(steps), options, progress=progress)
    pictures = [picture_HW3 for _, picture_HW3 in clip.frames]
    if lively is None:
        return [(Fraction(0), pictures[0])]
    return [(Fraction(0), pictures[_FIRST]), (lively, pictures[_LAST])]


@dataclass(frozen=True)
class _Steps:
    """Moments of a driving one after the other, as many of each, so that those of several are seen together.

    Args:
        chosen: Where motion counts from at the first moment, that moment, where it counts from at the last
            one, what it may be counted from, and the last moment.
        still: Whether all of the driving is one moment.
    """

    chosen: list[DrivingFrame]
    still: bool

    rate = Fraction(1)
    sound = None
    sound_start = Fraction(0)

    @classmethod
    def of(cls, moments: KeyMoments, from_M: NDArray[np.float32] | None) -> _Steps:
        """Those of `moments`, which count from `from_M` if it is given, else from where their shots begin."""
        first, last = (moments.chosen[number] for number in moments.shown)
        begins = [frame for frame in moments.chosen if frame.starts_shot and frame.time <= last.time]
        begin = begins[-1] if begins else first
        others = [frame for frame in moments.chosen if frame.time not in (first.time, begin.time, last.time)]
        nearest = others[0] if others else begin
        frames = [first, first, begin, nearest, last]
        if from_M is not None:
            unmoved = replace(first, alpha_M=from_M)
            frames = [unmoved, first, unmoved, unmoved, last]
        starts = [True, False, from_M is None and begin.time != first.time, False, False]
        chosen = [
            replace(frame, time=Fraction(step), starts_shot=starts[step]) for step, frame in enumerate(frames)
        ]
        return cls(chosen, moments.whole.total == 1)

    @property
    def total(self) -> int:
        """How many there are."""
        return 1 if self.still else len(self.chosen)

    def width_at(self, height: int) -> int:
        """0: no picture is shown beside the result."""
        return 0

    def frames(self) -> Generator[DrivingFrame]:
        """They, in order."""
        yield from self.chosen
