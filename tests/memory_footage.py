"""Footage from memory, for tests of what looks at moving pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.media.footage import ImageFrame


class MemoryFootage:
    """Frames in memory as `liax.media.footage.Footage`."""

    path = Path("held.mp4")

    def __init__(self, frames: Sequence[NDArray[np.uint8]], rate: int = 25) -> None:
        self.frames, self.rate, self.expected = frames, Fraction(rate), len(frames)
        self.height, self.width = frames[0].shape[:2]

    def __iter__(self) -> Iterator[ImageFrame]:
        return (ImageFrame(k / self.rate, frame_HW3) for k, frame_HW3 in enumerate(self.frames))
