"""A look at a long job's result before it is made: the frames of a video that tell most, or one of them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.media.video import Video
from liax.portrait.motion import Driving, DrivingFrame
from liax.portrait.track_driving import NamedDriving
from liax.progress import Progress


@dataclass(frozen=True)
class KeyMoments:
    """A few frames of a driving; a `Driving` itself.

    Attributes:
        whole: What they are from.
        chosen: They, in order.
        shown: Which of them, by number, are worth looking at: the first, and the liveliest or that
            at a time that was asked for.
    """

    whole: Driving
    chosen: Sequence[DrivingFrame]
    shown: tuple[int, int]

    @property
    def rate(self) -> Fraction:
        """That of the whole."""
        return self.whole.rate

    @property
    def total(self) -> int:
        """How many frames it has."""
        return len(self.chosen)

    @property
    def sound(self) -> Path | None:
        """None."""
        return None

    @property
    def sound_start(self) -> Fraction:
        """The beginning."""
        return Fraction(0)

    def width_at(self, height: int) -> int:
        """The width of its picture when shown `height` pixels high."""
        return self.whole.width_at(height)

    def frames(self) -> Generator[DrivingFrame]:
        """Its frames."""
        yield from self.chosen


def key_moments(
    driving: Driving, alpha_M: NDArray[np.float32], progress: Progress, at: float | None = None
) -> KeyMoments:
    """The first frame, and the one that moves furthest from where its shot begins or is nearest to a time.

    What their motion can be counted from is in it too: where that shot begins, and its frame most like the
    source. Memory is that of six frames.

    Args:
        alpha_M: The source's coefficients.
        progress: Is told of each frame that is read.
        at: The time in seconds; None for the liveliest moment.
    """
    first = begin = nearest = None
    best: tuple[float, list[DrivingFrame]] | None = None
    for number, frame in enumerate(driving.frames(), 1):
        progress("reading the motion", number, driving.total)
        if first is None:
            first = frame
        if begin is None or nearest is None or frame.starts_shot:
            begin = nearest = frame
        if _apart(frame, alpha_M) < _apart(nearest, alpha_M):
            nearest = frame
        fitness = _apart(frame, begin.alpha_M) if at is None else -abs(float(frame.time) - at)
        if best is None or fitness > best[0]:
            best = fitness, [begin, nearest, frame]
    assert first is not None  # an opened driving has frames
    assert best is not None
    in_order = {frame.time: frame for frame in [first, *best[1]]}
    times = sorted(in_order)
    return KeyMoments(driving, [in_order[time] for time in times], (0, times.index(best[1][2].time)))


def on_portrait(driving: Driving, alpha_M: NDArray[np.float32], absolute: bool) -> tuple[Driving, bool]:
    """What a driving makes of a portrait with these coefficients (M,), and whether it says changes of it."""
    if isinstance(driving, NamedDriving):
        return driving.on(alpha_M, absolute=absolute), driving.track.changes
    return driving, False


def frame_at(video: Path, share: float, progress: Progress) -> tuple[float, NDArray[np.uint8]]:
    """The time in seconds and the picture, RGB uint8, of the frame that lies this far into a video.

    Args:
        share: 0 is the first frame, and 1 the last, as far as the video says how many there are.
        progress: Is told of each frame that is decoded.

    Raises:
        LiaxError: If the video cannot be read.
    """
    footage = Video(video)
    wanted = round(share * ((footage.expected or 1) - 1))
    last = None
    for number, frame in enumerate(footage):
        progress("looking for the moment", number + 1, wanted + 1)
        last = frame
        if number >= wanted:
            break
    assert last is not None  # an opened video has frames
    return float(last.time), last.rgb()


def _apart(frame: DrivingFrame, alpha_M: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(frame.alpha_M - alpha_M))
