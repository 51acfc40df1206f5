"""Jump cuts: a speaker who is elsewhere from one frame to the next, before the same background."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.media.footage import Picture

# Side in pixels at which frames are compared.
_SIDE = 64
# A jump changes the picture _FACTOR times as much as each of the _AROUND changes before and after it; levels
# below _NOISE count as that. On 7 minutes of 60 people's clips, 85 % of the places at which .5 to 2 s were
# cut out were found, and two jumps that are none.
_FACTOR, _AROUND, _NOISE = 1.8, 5, 0.6


def cut_at_jumps(frames: Iterable[tuple[Picture, bool]]) -> Iterator[tuple[Picture, bool]]:
    """Every frame, and whether a shot begins with it: as before, or because the picture jumps there.

    It reads _AROUND frames ahead.
    """
    waiting: deque[tuple[Picture, bool]] = deque()
    changes: deque[float] = deque(maxlen=2 * _AROUND + 1)  # of waiting frames, and of those before them
    last_SS: NDArray[np.float32] | None = None
    for frame, cut in frames:
        grey_SS = _small(frame)
        # Across a cut nothing is compared: what is on its other side says nothing about this shot.
        changes.append(0.0 if cut or last_SS is None else float(np.abs(grey_SS - last_SS).mean()))
        last_SS = grey_SS
        waiting.append((frame, cut))
        if len(waiting) > _AROUND:
            yield _decided(waiting, changes)
    while waiting:
        yield _decided(waiting, changes)


def _decided(waiting: deque[tuple[Picture, bool]], changes: deque[float]) -> tuple[Picture, bool]:
    at = len(changes) - len(waiting)
    frame, cut = waiting.popleft()
    around = [change for k, change in enumerate(changes) if k != at and abs(k - at) <= _AROUND]
    jump = changes[at] > _FACTOR * (max(around, default=0.0) + _NOISE)
    return frame, cut or jump


def _small(frame: Picture) -> NDArray[np.float32]:
    image = Image.fromarray(frame.rgb(longest=4 * _SIDE)).convert("L")
    return np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float32)
