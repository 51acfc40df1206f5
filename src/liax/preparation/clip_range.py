"""A range of a video at a steady frame rate that is low enough to train on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from liax.media.video import Frame, Video


class ClipRange:
    """What a video shows between two times, at a steady rate of at most `fps` frames a second.

    A video of 30 frames per second keeps every second one at `fps` 25; one whose rate varies keeps what is
    visible at each tick. Times are those of the ticks, in seconds of the video. It is a
    `liax.media.footage.Footage`.
    """

    expected = None

    def __init__(self, video: Video, since: Fraction, until: Fraction, fps: int) -> None:
        self.path: Path = video.path
        self.rate = video.rate / math.ceil(video.rate / fps)
        self.width, self.height = video.width, video.height
        self._video, self._since, self._until = video, since, until

    def __iter__(self) -> Iterator[Frame]:
        tick, shown = 0, None
        for frame in self._video.between(self._since, self._until):
            if shown is None:
                tick = math.ceil(frame.time * self.rate)
            else:
                while tick / self.rate < frame.time:
                    yield replace(shown, time=tick / self.rate)
                    tick += 1
            shown = frame
        if shown is not None and tick / self.rate < shown.time + 1 / self._video.rate:
            yield replace(shown, time=tick / self.rate)
