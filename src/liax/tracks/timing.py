"""When the moments of a track are: exact times, read from tables that hold rounded ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.options import to_rate

# Moments a second.
LEAST_RATE, MOST_RATE = Fraction(1, 1000), 1000
_MOST_SECONDS = 10_000_000  # 16 weeks
_USUAL_RATES = [Fraction(n, 1001) for n in (24_000, 30_000, 60_000, 120_000)] + [
    Fraction(n) for n in (24, 25, 30, 50, 60, 120, 12, 15, 10)
]
# Tables round times to this, and a little more is lost on the way through a spreadsheet.
_ROUNDING = 1e-6
_DEFAULT_RATE = Fraction(25)


@dataclass(frozen=True)
class Timing:
    """The times of T >= 1 moments.

    Args:
        ticks_T: int64 times since the first moment, in units of `tick` seconds.
        rate: Nominal moments a second.
        starts_shot_T: Bool, where shots begin.
    """

    ticks_T: NDArray[np.int64]
    tick: Fraction
    rate: Fraction
    starts_shot_T: NDArray[np.bool_]

    @classmethod
    def steady(cls, count: int, rate: Fraction) -> Timing:
        """`count` moments at a rate, in one shot."""
        return cls(np.arange(count, dtype=np.int64), 1 / rate, rate, np.arange(count) == 0)

    @classmethod
    def of_times(cls, times: Sequence[Fraction], starts_shot: Sequence[bool], rate: Fraction) -> Timing:
        """Exact times since the first moment, the first of which is 0.

        Raises:
            LiaxError: If they are too fine and too long to be counted in 64 bits.
        """
        tick = Fraction(1, math.lcm(*(time.denominator for time in times)))
        counts = [int(time / tick) for time in times]
        if counts[-1] >= 1 << 63:
            raise LiaxError("The driving has impossible times", "convert it to a common format first")
        return cls(np.array(counts, np.int64), tick, rate, np.array(starts_shot))

    @classmethod
    def of_seconds(cls, seconds_T: NDArray[np.float64], shots_T: NDArray[np.float64] | None = None) -> Timing:
        """The timing that a table rounded to these seconds; steady where its steps are equal but for that.

        Args:
            shots_T: Number of the shot of every moment, if there are several; 0 is before the first.

        Raises:
            ValueError: If times do not rise, or are too many or too close.
        """
        if not np.isfinite(seconds_T).all():
            raise ValueError("a line has no time")
        seconds_T = seconds_T - seconds_T[:1]
        late = np.flatnonzero(np.diff(seconds_T) < 1 / MOST_RATE - _ROUNDING)
        if late.size:
            reached = seconds_T[late[0]]
            raise ValueError(f"{reached:g} s after its first time the next is not at least 1 ms later")
        if (np.diff(seconds_T) > 1 / float(LEAST_RATE)).any():
            raise ValueError(f"some of its times are more than {1 / LEAST_RATE} s apart")
        if seconds_T[-1] > _MOST_SECONDS:
            raise ValueError(f"it lasts more than {_MOST_SECONDS:,} s")
        starts_shot_T = np.arange(len(seconds_T)) == 0
        if shots_T is not None:
            if not np.isfinite(shots_T).all() or (np.diff(shots_T) < 0).any() or shots_T[-1] < 1:
                raise ValueError("the numbers of the shots do not rise from 1")
            starts_shot_T = (np.diff(shots_T, prepend=0) > 0) & (shots_T > 0)
        rate = _steady_rate(seconds_T)
        if rate is not None:
            return cls(np.arange(len(seconds_T), dtype=np.int64), 1 / rate, rate, starts_shot_T)
        ticks_T = np.round(seconds_T / _ROUNDING).astype(np.int64)
        usual = to_rate(float(1 / np.median(np.diff(seconds_T))))
        return cls(ticks_T, Fraction(1, 1_000_000), usual, starts_shot_T)

    def between(self, since: float | None, until: float | None) -> tuple[slice, Timing]:
        """Which moments are from `since` seconds on and before `until`, and their timing, which starts at 0.

        Raises:
            ValueError: If there are none.
        """
        bounds_2 = np.array([since or 0.0, np.inf if until is None else until])
        start, end = np.searchsorted(self.seconds_T, bounds_2 - _ROUNDING)
        if start == end:
            raise ValueError(f"it lasts {self.length:.2f} s, and has no moment in that part")
        part = slice(int(start), int(end))
        starts_shot_T = self.starts_shot_T[part].copy()
        # A shot that began before goes on; before the first one there is nothing to go on.
        starts_shot_T[0] |= bool(self.starts_shot_T[: start + 1].any())
        return part, Timing(self.ticks_T[part] - self.ticks_T[start], self.tick, self.rate, starts_shot_T)

    def __len__(self) -> int:
        return len(self.ticks_T)

    @property
    def seconds_T(self) -> NDArray[np.float64]:
        """Seconds since the first moment."""
        return np.asarray(self.ticks_T * float(self.tick), np.float64)

    @property
    def length(self) -> float:
        """How many seconds it lasts, the last moment included."""
        return float(int(self.ticks_T[-1]) * self.tick + 1 / self.rate)


def _steady_rate(seconds_T: NDArray[np.float64]) -> Fraction | None:
    """The rate at which all of these times are multiples of a step, but for their rounding."""
    count = len(seconds_T)
    if count == 1:
        return _DEFAULT_RATE
    measured = to_rate(float((count - 1) / seconds_T[-1]))
    for rate in (*_USUAL_RATES, measured):
        if np.abs(seconds_T - np.arange(count) / float(rate)).max() <= 2 * _ROUNDING:
            return rate
    return None
