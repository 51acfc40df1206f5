"""Where footage cuts to another shot."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # footage needs PyAV, which machines that only evaluate may lack
    from liax.media.footage import Footage, Picture

# Pictures are compared at so many pixels a side: fine enough for layout, too coarse for noise and grain.
_SIDE = 32
# How different two frames are at least across a cut: _LEAST plus _LIVELY times the largest difference of the
# last _CALM seconds, though never more than _MOST. Chosen on 374 talking-head clips without a cut (54,992
# frames with flashing lights, hands and violent head turns: none found) and on 5,929 cuts between clips of
# different people framed alike, the hardest kind (0.5 % missed).
_LEAST, _LIVELY, _MOST = 0.35, 1.5, 0.8
_CALM = 0.5
# What is gone again within so many seconds was a flash or a dropout and no cut.
_FLASH = 0.12
# Contrast, in levels, below which a picture counts as flat, and its noise as nothing.
_FLAT = 12.0


def detect_cuts(footage: Footage) -> Iterator[tuple[Picture, bool]]:
    """Every frame, and whether a shot begins there, as one does at the first.

    Reads ahead by a flash's length. Hard cuts are found, dissolves are not.
    """
    ahead = max(2, round(footage.rate * _FLASH))
    recent: deque[float] = deque(maxlen=max(2, round(footage.rate * _CALM)))
    waiting: deque[tuple[Picture, FrameSignature]] = deque()
    last: FrameSignature | None = None  # the last frame that was not a flash

    def decide() -> tuple[Picture, bool]:
        nonlocal last
        frame, signature = waiting.popleft()
        if last is None:
            last = signature
            return frame, True
        difference = signature.difference(last)
        limit = min(_LEAST + _LIVELY * max(recent, default=0.0), _MOST)
        if difference <= limit:
            recent.append(difference)
            last = signature
            return frame, False
        if any(later.difference(last) <= limit for _, later in waiting):
            return frame, False
        recent.clear()
        last = signature
        return frame, True

    for frame in footage:
        waiting.append((frame, FrameSignature.at(frame.rgb(longest=_SIDE))))
        if len(waiting) > ahead:
            yield decide()
    while waiting:
        yield decide()


@dataclass(frozen=True)
class FrameSignature:
    """A frame's layout and colours, at a glance.

    Args:
        layout_HW: Its grey levels with mean 0 and variance 1, whatever the light.
        colours_N3: Each channel's levels, 0 to 1, in order of size, wherever they are in the frame.
    """

    layout_HW: NDArray[np.float32]
    colours_N3: NDArray[np.float32]

    @staticmethod
    def at(image_HW3: NDArray[np.uint8]) -> FrameSignature:
        grey_HW = image_HW3.mean(-1, dtype=np.float32)
        layout_HW = (grey_HW - grey_HW.mean()) / max(float(grey_HW.std()), _FLAT)
        return FrameSignature(layout_HW, np.sort(image_HW3.reshape(-1, 3).astype(np.float32) / 255, 0))

    def difference(self, other: FrameSignature) -> float:
        """0 for the same picture; about 1 for two that have nothing to do with each other.

        Combines 1 - correlation of the layouts and five times the earth mover's distance of the colours,
        which are about equally large across cuts.
        """
        layout = float(((self.layout_HW - other.layout_HW) ** 2).mean()) / 2
        colours = float(np.abs(self.colours_N3 - other.colours_N3).mean())
        return float(np.hypot(layout, 5 * colours))
