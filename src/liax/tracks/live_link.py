"""CSV of Live Link Face: ARKit's 52 shapes, and the rotations of head and eyes, in and out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.bounded import csv_header, parse_csv_numbers, short
from liax.files import atomic_file
from liax.tracks.shapes import SHAPES, ShapeTrack
from liax.tracks.timing import Timing

# Head rotations are in radians: to the viewer's right, up and counterclockwise. So yaw and roll are ours,
# and pitch is the other way round.
_HEAD, _HEAD_SIGNS = ("headyaw", "headpitch", "headroll"), np.array([1.0, -1.0, 1.0])
# Rotations of the eyes go the other way than the head's; a whole look is as many radians.
_EYES = [f"{side}Eye{turn}" for side in ("Left", "Right") for turn in ("Yaw", "Pitch", "Roll")]
_WHOLE_LOOK = 0.6105
_TIMECODE = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})[:;](\d{1,3}(?:\.\d{1,9})?)")
# Frames a second that timecodes count; the first is the app's own.
_DEFAULT_COUNT, _COUNTS = 60, (24, 25, 30, 48, 50, 60, 120, 240)
_DAY = 24 * 3600.0


def is_live_link(header: Sequence[str]) -> bool:
    """Whether these are the columns of such a file."""
    return "timecode" in {name.lower() for name in header}


def parse_live_link(raw: bytes, rate: Fraction | None = None) -> ShapeTrack:
    """The face in a CSV of Live Link Face.

    Args:
        rate: Frames a second that its timecodes count; by default what the numbers of the frames within a
            second show, or 60 in a take shorter than that.

    Raises:
        ValueError: If it is none.
    """
    header = [name.lower() for name in csv_header(raw)]
    known = {shape.lower(): shape for shape in SHAPES}
    columns = [at for at, name in enumerate(header) if name in known]
    head = [header.index(name) for name in _HEAD if name in header]
    if not columns and len(head) < len(_HEAD):
        raise ValueError("it has neither shapes nor the head's rotation")
    values_TC, (timecodes,) = parse_csv_numbers(raw, [*columns, *head], [header.index("timecode")])
    # The app leaves lines empty while it sees no face.
    seen_T = np.asarray(np.isfinite(values_TC).all(1), np.bool_)
    if not seen_T.any():
        raise ValueError("no line has a value in every column")
    timing = _timing(timecodes, rate)
    at_T = np.maximum.accumulate(np.where(seen_T, np.arange(len(seen_T)), np.flatnonzero(seen_T)[0]))
    values_TC = values_TC[at_T]
    if np.abs(values_TC).max() > 100:
        raise ValueError("it has values beyond 100, which are neither shapes nor radians")
    shapes = {known[header[at]]: values_TC[:, k] for k, at in enumerate(columns)}
    head_T3 = np.degrees(values_TC[:, len(columns) :]) * _HEAD_SIGNS if len(head) == len(_HEAD) else None
    return ShapeTrack(timing, shapes, head_T3)


def write_live_link(face: ShapeTrack, path: Path, *, overwrite: bool = True) -> None:
    """Write a face as Live Link Face does, complete or not at all; shapes that are unknown are 0.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        LiaxError: If it cannot be written.
    """
    with atomic_file(path, overwrite=overwrite) as file:
        for line in _lines(face):
            file.write(f"{line}\n".encode())


def _lines(face: ShapeTrack) -> Iterator[str]:
    zero_T = np.zeros(len(face.timing))
    shapes = [face.shapes.get(shape, zero_T) for shape in SHAPES]
    head_T3 = np.zeros((len(face.timing), 3)) if face.head_T3 is None else face.head_T3
    values_TC = np.stack([*shapes, *(np.radians(head_T3) * _HEAD_SIGNS).T, *_eye_rotations(face)], 1)
    names = [*(shape[0].upper() + shape[1:] for shape in SHAPES), "HeadYaw", "HeadPitch", "HeadRoll", *_EYES]
    yield ",".join(["Timecode", "BlendshapeCount", *names])
    count = _count_of(face.timing.rate)
    frames_T = face.timing.seconds_T * float(face.timing.rate)
    for frames, values in zip(frames_T.tolist(), values_TC.tolist(), strict=True):
        yield ",".join([_timecode(frames, count), str(len(names)), *(f"{value:.10f}" for value in values)])


def _eye_rotations(face: ShapeTrack) -> list[NDArray[np.float64]]:
    """Yaw, pitch and roll of the left eye and of the right one, (T,) each, in radians."""
    zero_T = np.zeros(len(face.timing))

    def shape(name: str) -> NDArray[np.float64]:
        return face.shapes.get(name, zero_T)

    rotations = []
    for side, sign in (("Left", -1), ("Right", 1)):
        outwards_T = shape(f"eyeLookOut{side}") - shape(f"eyeLookIn{side}")
        down_T = shape(f"eyeLookDown{side}") - shape(f"eyeLookUp{side}")
        rotations += [sign * _WHOLE_LOOK * outwards_T, _WHOLE_LOOK * down_T, zero_T]
    return rotations


def _timing(timecodes: Sequence[str], rate: Fraction | None) -> Timing:
    parts_T4 = np.array([_parts(text) for text in timecodes])
    most = int(parts_T4[:, 3].max()) + 1
    if rate is None:
        wrapped = (np.diff(parts_T4[:, 3]) < 0).any()
        rate = Fraction(next((n for n in _COUNTS if n >= most), 1000) if wrapped else _DEFAULT_COUNT)
    count = _count_of(rate)
    if most > count:
        raise ValueError(f"its timecodes count more than {count} frames a second")
    frames_T = parts_T4 @ [3600.0 * count, 60.0 * count, count, 1.0]
    frames_T += _DAY * count * np.cumsum(np.diff(frames_T, prepend=frames_T[0]) < -_DAY / 2 * count)
    frames_T -= frames_T[0]
    # Parts of frames are the clock's jitter, unless moments are closer than frames.
    whole_T = np.round(frames_T)
    steady = (np.diff(whole_T) >= 1).all()
    return Timing.of_seconds((whole_T if steady else frames_T) / float(rate))


def _parts(timecode: str) -> tuple[float, float, float, float]:
    match = _TIMECODE.fullmatch(timecode)
    if match is None:
        raise ValueError(f"{short(timecode, 30)} is no timecode such as 00:00:01:12.000")
    hours, minutes, seconds, frames = map(float, match.groups())
    return hours, minutes, seconds, frames


def _count_of(rate: Fraction) -> int:
    """The whole frames a second that timecodes count: 30 at 29.97."""
    return max(1, round(rate))


def _timecode(frames: float, count: int) -> str:
    """The timecode of so many frames, of which there are `count` in each of its seconds."""
    whole, thousandths = divmod(round(frames * 1000), 1000)
    seconds, frame = divmod(whole, count)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frame:02d}.{thousandths:03d}"
