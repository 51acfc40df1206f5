"""CSV of OpenFace: the head's rotation, action units and gaze."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liax.bounded import csv_header, parse_csv_numbers
from liax.tracks.shapes import head_angles, rotation
from liax.tracks.timing import MOST_RATE, Timing
from liax.tracks.track import Track

_POSE = ("pose_rx", "pose_ry", "pose_rz")
_GAZE = ("gaze_angle_x", "gaze_angle_y")
# Intensities go from 0 to 5; 5 is a control's 1. Lists of units are averaged.
_STRONGEST = 5.0
_UNITS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "jaw": (("au26_r",), ()),
    "smile": (("au12_r",), ()),
    "blink": (("au45_r",), ()),
    "brow": (("au01_r", "au02_r"), ("au04_r",)),
}
# Radians of a whole look.
_WHOLE_LOOK = 0.6105
# Beyond this no number can be meant.
_LARGEST = 1e4
_USUAL_RATES = (24000 / 1001, 24, 25, 30000 / 1001, 30, 50, 60000 / 1001, 60, 15)
_ROUNDING = 0.0011


def is_openface(header: Sequence[str]) -> bool:
    """Whether these are the columns of such a file."""
    names = {name.lower() for name in header}
    return "timestamp" in names and bool(names & {*_POSE, "au12_r", "au45_r"})


def parse_openface(raw: bytes) -> Track:
    """The named controls in a CSV that `FeatureExtraction` of OpenFace wrote; of several faces, the first.

    Lines in which tracking failed keep the last good one's values.

    Raises:
        ValueError: If it is none.
    """
    header = [name.lower() for name in csv_header(raw)]
    units = {name: parts for name, parts in _UNITS.items() if {*parts[0], *parts[1]} <= {*header}}
    wanted = ["timestamp", *(name for name in ("success", "face_id", *_POSE, *_GAZE) if name in header)]
    wanted += sorted({unit for parts in units.values() for group in parts for unit in group})
    values_TC, _ = parse_csv_numbers(raw, [header.index(name) for name in wanted])
    if "face_id" in wanted and len(values_TC):
        faces_T = values_TC[:, wanted.index("face_id")]
        values_TC = values_TC[faces_T == faces_T[0]]
    if not len(values_TC):
        raise ValueError("it has no line but the names of its columns")
    seen_T = np.asarray(np.isfinite(values_TC).all(1), np.bool_)
    if "success" in wanted:
        seen_T &= values_TC[:, wanted.index("success")] > 0
    if not seen_T.any():
        raise ValueError("tracking failed in every line")
    if np.abs(values_TC[seen_T, 1:]).max(initial=0.0) > _LARGEST:
        raise ValueError(f"it has values beyond {_LARGEST:g}, which are neither radians nor intensities")
    times_T = values_TC[:, 0]
    at_T = np.maximum.accumulate(np.where(seen_T, np.arange(len(seen_T)), np.flatnonzero(seen_T)[0]))
    series = dict(zip(wanted, values_TC[at_T].T, strict=True))
    amounts: dict[str, NDArray[np.float64]] = {}
    head_T3 = np.zeros((len(times_T), 3))
    if all(name in series for name in _POSE):
        head_T3 = _head(np.stack([series[name] for name in _POSE], 1))
        amounts |= dict(zip(("yaw", "pitch", "roll"), head_T3.T, strict=True))
    for name, (up, down) in units.items():
        amount_T = np.mean([series[unit] for unit in up], 0)
        amount_T = amount_T - (np.mean([series[unit] for unit in down], 0) if down else 0.0)
        amounts[name] = (amount_T / _STRONGEST).clip(-1, 1)
    if all(name in series for name in _GAZE):
        # Both angles are the camera's, not the head's; down is positive.
        yaw_T, pitch_T = np.radians(head_T3[:, 0]), np.radians(head_T3[:, 1])
        amounts["gaze-x"] = ((series["gaze_angle_x"] - yaw_T) / _WHOLE_LOOK).clip(-1, 1)
        amounts["gaze-y"] = ((pitch_T - series["gaze_angle_y"]) / _WHOLE_LOOK).clip(-1, 1)
    return Track(_timing(times_T), tuple(amounts), np.stack(list(amounts.values()), 1))


def _timing(times_T: NDArray[np.float64]) -> Timing:
    """Times are rounded to milliseconds; steady ones become so again."""
    seconds_T = times_T - times_T[0]
    count = len(seconds_T)
    if count > 1 and np.isfinite(seconds_T).all() and seconds_T[-1] > 0:
        measured = (count - 1) / float(seconds_T[-1])
        for rate in (min(_USUAL_RATES, key=lambda usual: abs(usual - measured)), measured):
            steady_T = np.arange(count) / rate
            if rate <= MOST_RATE and np.abs(seconds_T - steady_T).max() < _ROUNDING:
                return Timing.of_seconds(steady_T)
    return Timing.of_seconds(seconds_T)


def _head(turns_T3: NDArray[np.float64]) -> NDArray[np.float64]:
    """Yaw, pitch and roll (T, 3) in degrees as ours, of R_x R_y R_z with y down and z away, in radians."""
    flip_33 = np.diag([1.0, -1.0, -1.0])
    heads = []
    for x, y, z in np.degrees(turns_T3):
        turns = (rotation(np.array(angles)) for angles in ([0, x, 0], [y, 0, 0], [0, 0, z]))
        heads.append(head_angles(flip_33 @ np.linalg.multi_dot(list(turns)) @ flip_33))
    return np.stack(heads)
