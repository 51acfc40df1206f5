"""Curves of a track edited by hand: scaled, muted, smoothed, and led through keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liax.bounded import parse_json
from liax.tracks.keyframes import EASES
from liax.tracks.track import Track

MOST_SCALE, MOST_SMOOTH, MOST_KEYS = 3.0, 2.0, 200
# Seconds in which a key's effect comes and goes where no other key is nearer.
_FADE = 0.5
_LARGEST = 1e4  # amount
_LEAST_SIGMA = 0.1  # frames, below which a filter leaves a curve as it is
_TEXT_BYTES = 200_000


@dataclass(frozen=True)
class CurveEdit:
    """What is done to one curve, in this order.

    Args:
        scale: Factor of its movement, 0 to MOST_SCALE. A pose moves about where it is at first, and what is a
            change of the portrait about 0.
        mute: Whether it does not move at all.
        smooth: Standard deviation of a Gaussian filter within each shot, 0 to MOST_SMOOTH seconds.
        keys: Times in seconds and amounts that it goes through; near them it moves as before.
    """

    scale: float = 1.0
    mute: bool = False
    smooth: float = 0.0
    keys: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        numbers = [self.scale, self.smooth, *(number for key in self.keys for number in key)]
        if not all(type(number) in (int, float) and abs(number) <= _LARGEST for number in numbers):
            raise ValueError("an edit of a curve has no number where one belongs")
        if not (0 <= self.scale <= MOST_SCALE and 0 <= self.smooth <= MOST_SMOOTH):
            raise ValueError("a curve is scaled or smoothed by too much")
        if len(self.keys) > MOST_KEYS:
            raise ValueError(f"a curve has more than {MOST_KEYS} keys")
        if type(self.mute) is not bool:
            raise ValueError("a curve is muted or not")


def read_edits(text: str) -> dict[str, CurveEdit]:
    """Edits by control, from JSON such as {"yaw": {"scale": 0.5, "keys": [[1.2, 10]]}}; "" has none.

    Raises:
        ValueError: If it is nothing like that.
    """
    if not text:
        return {}
    values = parse_json(text, _TEXT_BYTES)
    if not (isinstance(values, dict) and all(isinstance(edit, dict) for edit in values.values())):
        raise ValueError("edits are objects by control")
    edits = {}
    for name, edit in values.items():
        keys = edit.get("keys", [])
        if not (isinstance(keys, list) and all(isinstance(key, list) and len(key) == 2 for key in keys)):
            raise ValueError("keys are pairs")
        if not set(edit) <= {"scale", "mute", "smooth", "keys"}:
            raise ValueError("an edit has an unknown name")
        edits[name] = CurveEdit(**{**edit, "keys": tuple((key[0], key[1]) for key in keys)})
    return edits


def edit_track(track: Track, edits: Mapping[str, CurveEdit]) -> Track:
    """The track with its controls' curves edited; edits of controls that it lacks do nothing."""
    amounts_TK = track.amounts_TK.copy()
    seconds_T = track.timing.seconds_T
    shots = np.split(np.arange(len(seconds_T)), np.flatnonzero(track.timing.starts_shot_T[1:]) + 1)
    for k, name in enumerate(track.controls):
        if name in edits:
            edit = edits[name]
            base = 0.0 if track.changes else amounts_TK[0, k]
            curve_T = base + (0.0 if edit.mute else edit.scale) * (amounts_TK[:, k] - base)
            sigma = edit.smooth * float(track.timing.rate)
            if sigma > _LEAST_SIGMA:
                curve_T = np.concatenate([_smoothed(curve_T[shot], sigma) for shot in shots])
            amounts_TK[:, k] = curve_T + _towards_keys(seconds_T, curve_T, edit.keys)
    return replace(track, amounts_TK=amounts_TK)


def _smoothed(curve_T: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Filtered by a Gaussian of so many frames; the ends go on as they are."""
    reach = max(1, round(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(np.pad(curve_T, reach, "edge"), kernel / kernel.sum(), "valid")


def _towards_keys(
    seconds_T: NDArray[np.float64], curve_T: NDArray[np.float64], keys: Sequence[tuple[float, float]]
) -> NDArray[np.float64]:
    """What is to be added so that the curve goes through the keys, easing from each to the next."""
    wanted = dict(sorted(keys))  # of two keys at one time the last counts
    if not wanted:
        return np.zeros_like(curve_T)
    at_P = np.array([*wanted])
    offset_P = np.array([*wanted.values()]) - np.interp(at_P, seconds_T, curve_T)
    at_P = np.concatenate([[at_P[0] - _FADE], at_P, [at_P[-1] + _FADE]])
    offset_P = np.concatenate([[0.0], offset_P, [0.0]])
    end_T = np.searchsorted(at_P, seconds_T, "right").clip(1, len(at_P) - 1)
    share_T = ((seconds_T - at_P[end_T - 1]) / (at_P[end_T] - at_P[end_T - 1])).clip(0, 1)
    return offset_P[end_T - 1] + EASES["in-out"](share_T) * (offset_P[end_T] - offset_P[end_T - 1])
