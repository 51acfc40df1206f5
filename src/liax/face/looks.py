"""Looks at footage: the frames, a few of each second, in which faces are searched for."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from fractions import Fraction
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from liax.face.crop import Box
from liax.face.find import MAX_SIDE
from liax.pipeline import mapped

if TYPE_CHECKING:  # footage needs PyAV, which machines that only train or evaluate may lack
    from liax.media.footage import Picture

THOROUGH_EVERY = 5
"""Thorough searches, which also find small faces, are made in every fifth look."""

# Looks per second of footage.
_LOOKS_A_SECOND = 5
# So many are made at once. A face that is followed is looked for where it was before the first of them.
_AT_ONCE = 4


class Look(NamedTuple):
    """A frame that was looked at, its time in seconds, and whether it shows a followed face."""

    number: int
    time: Fraction
    found: bool


class PassingFrame(NamedTuple):
    """A frame as it is read, without its pixels.

    Args:
        time: In seconds.
        width, height: Its pixels.
        starts_shot: Whether a shot begins with it.
        image_HW3: RGB uint8, what is to be looked at; None where that is nothing.
    """

    time: Fraction
    width: int
    height: int
    starts_shot: bool
    image_HW3: NDArray[np.uint8] | None = None

    @staticmethod
    def of(frame: Picture, starts_shot: bool) -> PassingFrame:
        """One that is not looked at."""
        return PassingFrame(frame.time, frame.width, frame.height, starts_shot)


def with_looks(frames: Iterable[tuple[Picture, bool]], rate: Fraction) -> Generator[PassingFrame]:
    """Each frame, with the image of it where it is to be looked at.

    These are each shot's first frame, and then a few of each second. Images are made in threads, so many that
    those of the next looks are made during these.

    Args:
        frames: As `liax.media.cuts.detect_cuts` gives them.
        rate: Frames per second.
    """
    stretches = mapped(_with_image, _stretches(frames, look_step(rate)), _AT_ONCE, 2 * _AT_ONCE)
    with closing(stretches):
        for stretch in stretches:
            yield from stretch


def _stretches(
    frames: Iterable[tuple[Picture, bool]], step: int
) -> Generator[tuple[Picture, list[PassingFrame]]]:
    """The picture of each look, and the frames from there to the next one."""
    stretch: tuple[Picture, list[PassingFrame]] | None = None
    for frame, cut in frames:
        if stretch is not None and (cut or len(stretch[1]) == step):
            yield stretch
            stretch = None
        if stretch is None:
            stretch = frame, []
        stretch[1].append(PassingFrame.of(frame, cut))
    if stretch is not None:
        yield stretch


def _with_image(looked_at: tuple[Picture, list[PassingFrame]]) -> list[PassingFrame]:
    picture, (first, *others) = looked_at
    return [first._replace(image_HW3=picture.rgb(longest=MAX_SIDE)), *others]


def look_step(rate: Fraction) -> int:
    """One frame of so many is looked at."""
    return max(1, round(rate / _LOOKS_A_SECOND))


class Follower(Protocol):
    """Follows faces from look to look."""

    def add_all(self, images: Sequence[NDArray[np.uint8]]) -> list[bool]:
        """Look for them in the next RGB uint8 images (H, W, 3); returns which show any."""


F = TypeVar("F", bound=Follower)


class ShotTracker(Generic[F]):
    """Lets a follower look at a few frames of each second of one shot (`with_looks`), while the shot is read.

    It does so for several at once, and for the last ones when `finish` says that there are no more.

    Args:
        first: Number of the shot's first frame.

    Attributes:
        looks: What was looked at so far.
        size: Width and height of the frames.
        scale: Pixels of a frame per pixel of what the follower sees.
    """

    def __init__(self, follower: F, first: int) -> None:
        self.follower: F = follower
        self.first = first
        self.looks: list[Look] = []
        self._waiting: list[tuple[int, Fraction, NDArray[np.uint8]]] = []
        self.size = (0, 0)
        self.scale = 1.0

    def pass_by(self, number: int, frame: PassingFrame) -> None:
        """Look at frame `number` of the footage, now or soon, if it has an image for that."""
        if frame.image_HW3 is None:
            return
        self.size = (frame.width, frame.height)
        self.scale = frame.width / frame.image_HW3.shape[1]
        self._waiting.append((number, frame.time, frame.image_HW3))
        if len(self._waiting) == _AT_ONCE:
            self.finish()

    def finish(self) -> None:
        """Look at what waits."""
        found = self.follower.add_all([image_HW3 for _, _, image_HW3 in self._waiting])
        for (number, time, _), there in zip(self._waiting, found, strict=True):
            self.looks.append(Look(number, time, there))
        self._waiting.clear()

    def scaled(self, box: Box) -> Box:
        """A box that the follower found, in pixels of the frame."""
        left, top, right, bottom = box
        return left * self.scale, top * self.scale, right * self.scale, bottom * self.scale
