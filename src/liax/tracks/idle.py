"""Idle life: blinks, small sways and breaths of somebody who does nothing in particular."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.tracks.timing import Timing
from liax.tracks.track import Track

SHORTEST, LONGEST = 2.0, 600.0
# Standard deviation of each sway in its control's unit, and Hz up to which it has parts: slow head, quicker
# eyes and face.
_SWAYS = {
    "yaw": (1.6, 0.35),
    "pitch": (1.1, 0.35),
    "roll": (0.8, 0.3),
    "x": (0.004, 0.3),
    "smile": (0.03, 0.25),
    "brow": (0.04, 0.4),
    "gaze-x": (0.06, 0.8),
}
# Breaths a second, about; what a breath does to height, nearness and nod.
_BREATHS = 0.26
_BREATH = {"y": -0.0035, "size": 0.006, "pitch": -0.35}
# Seconds between blinks: median, spread of the logarithm, least. A pause of the eyes at rest is 2 to 6 s.
_PAUSE, _PAUSE_SPREAD, _LEAST_PAUSE = 3.2, 0.45, 0.9
# Seconds that lids take to close, stay closed and open.
_CLOSING, _CLOSED, _OPENING = 0.09, 0.05, 0.2
_DOUBLE = 0.15  # share of blinks that a second one follows
_BLINK = 0.95


def idle_track(seconds: float, seed: int = 0, rate: Fraction = Fraction(25)) -> Track:
    """Changes of a portrait for some seconds, which go on seamlessly when they are repeated.

    Args:
        seconds: SHORTEST to LONGEST.
        seed: Another one gives another person's moments; the same gives the same.
        rate: Frames a second.

    Raises:
        LiaxError: If it is shorter or longer than that.
    """
    if not SHORTEST <= seconds <= LONGEST:
        raise LiaxError(f"Idle life lasts {SHORTEST:g} to {LONGEST:g} s, not {seconds:g}; give such a time.")
    timing = Timing.steady(round(seconds * rate), rate)
    seconds_T = timing.seconds_T
    period = len(timing) / float(rate)
    random = np.random.default_rng(seed)
    amounts = {
        name: size * _sway(seconds_T, period, highest, random) for name, (size, highest) in _SWAYS.items()
    }
    breath_T = _breath(seconds_T, period, random)
    for name, size in _BREATH.items():
        amounts[name] = amounts.get(name, 0.0) + size * breath_T
    amounts["blink"] = _blinks(seconds_T, period, random)
    return Track(timing, tuple(amounts), np.stack(list(amounts.values()), 1), changes=True)


def _sway(
    seconds_T: NDArray[np.float64], period: float, highest: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """A slow wander of standard deviation 1 around 0: whole waves of the period, the shorter the smaller."""
    waves_N = np.arange(1, max(2, int(highest * period)) + 1)
    # Waves longer than 12 s would leave a long clip in one corner.
    sizes_N = 1 / np.maximum(waves_N, period / 12)
    phases_N = random.uniform(0, 2 * np.pi, len(waves_N))
    sizes_N = sizes_N * random.uniform(0.5, 1.5, len(waves_N))
    wander_T = np.sin(2 * np.pi * seconds_T[:, None] * waves_N / period + phases_N) @ sizes_N
    return wander_T / np.sqrt((sizes_N**2).sum() / 2)


def _breath(
    seconds_T: NDArray[np.float64], period: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """In (1) and out (-1), a whole number of times in the period, none like the other."""
    breaths = max(1, round(_BREATHS * period))
    uneven_T = 0.12 * _sway(seconds_T, period, 0.2, random)
    angle_T = 2 * np.pi * (breaths * seconds_T / period) + np.pi * uneven_T + random.uniform(0, 2 * np.pi)
    return np.sin(angle_T + 0.35 * np.sin(angle_T))


def _blinks(
    seconds_T: NDArray[np.float64], period: float, random: np.random.Generator
) -> NDArray[np.float64]:
    closed_T = np.zeros(len(seconds_T))
    whole = _CLOSING + _CLOSED + _OPENING
    start = random.uniform(0.4, 1.4)
    while start + whole < period - 0.1:
        depth = _BLINK * random.uniform(0.9, 1.0)
        closed_T = np.maximum(closed_T, depth * _blink(seconds_T - start))
        if random.random() < _DOUBLE and start + 2 * whole + 0.1 < period:
            closed_T = np.maximum(closed_T, depth * _blink(seconds_T - start - whole - 0.08))
            start += whole
        start += max(_LEAST_PAUSE, float(random.lognormal(np.log(_PAUSE), _PAUSE_SPREAD)))
    return closed_T


def _blink(after_T: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far closed the lids are so long after a blink began: down fast, up slower."""
    down_T = (after_T / _CLOSING).clip(0, 1)
    up_T = ((after_T - _CLOSING - _CLOSED) / _OPENING).clip(0, 1)
    return down_T * down_T * (3 - 2 * down_T) - up_T * up_T * (3 - 2 * up_T)
