"""Motion from a file of any kind that is read: our tracks, other programs', keyframes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from liax.bounded import MIB, csv_header, parse_json, read_bytes, short
from liax.errors import LiaxError, OptionError
from liax.files import check_input
from liax.tracks.keyframes import is_keyframes, keyframes_from, read_keyframes
from liax.tracks.live_link import is_live_link, parse_live_link
from liax.tracks.mediapipe import face_from_json
from liax.tracks.openface import is_openface, parse_openface
from liax.tracks.timing import LEAST_RATE, MOST_RATE
from liax.tracks.track import Track
from liax.tracks.track_file import is_track_csv, is_track_json, parse_track_csv, track_from_json

# Endings of the files that can hold one.
TRACK_SUFFIXES = (".csv", ".json", ".toml")
_CSV_BYTES, _JSON_BYTES = 128 * MIB, 64 * MIB


def is_track(path: Path) -> bool:
    """Whether the path is that of a track or of keyframes, by its ending."""
    return path.suffix.lower() in TRACK_SUFFIXES and not path.is_dir()


def read_track(path: Path, rate: Fraction | None = None) -> Track:
    """The motion in a file: a track of ours (.csv, .json), a CSV of Live Link Face or OpenFace, MediaPipe's
    results (.json), or keyframes (.toml, .json).

    Args:
        rate: Frames a second of what has no times of its own: MediaPipe's results without times, and the
            timecodes of Live Link Face.

    Raises:
        LiaxError: If it is none of these, damaged, or too large.
        OptionError: If a rate is given for what has its own times.
    """
    check_input(path, "motion")
    if rate is not None and not LEAST_RATE <= rate <= MOST_RATE:
        raise LiaxError(f"{path} cannot run at {float(rate):g} frames a second", "choose a rate up to 1000")
    suffix = path.suffix.lower()
    if suffix == ".toml":
        _refuse_rate(path, rate)
        return read_keyframes(path).to_track()
    try:
        if suffix == ".json":
            return _from_json(path, rate)
        return _from_csv(path, rate)
    except OSError as error:
        raise LiaxError(f"{path} cannot be read ({error.strerror})", "check the path") from error
    except (ValueError, OverflowError) as error:
        raise LiaxError(
            f"{path} cannot be read as motion ({short(error, 200)})", "correct it there"
        ) from error


def _from_csv(path: Path, rate: Fraction | None) -> Track:
    raw = read_bytes(path, _CSV_BYTES)
    header = csv_header(raw)
    if is_live_link(header):
        return parse_live_link(raw, rate).to_track()
    _refuse_rate(path, rate)
    if is_openface(header):
        return parse_openface(raw)
    if is_track_csv(header):
        return parse_track_csv(raw)
    raise ValueError("its columns are not those of a track (time, yaw, …), of Live Link Face or of OpenFace")


def _from_json(path: Path, rate: Fraction | None) -> Track:
    values = parse_json(read_bytes(path, _JSON_BYTES), _JSON_BYTES)
    if is_keyframes(values):
        _refuse_rate(path, rate)
        return keyframes_from(values, path).to_track()
    if is_track_json(values):
        _refuse_rate(path, rate)
        return track_from_json(values)
    return face_from_json(values, None if rate is None else float(rate)).to_track()


def _refuse_rate(path: Path, rate: Fraction | None) -> None:
    if rate is not None:
        raise OptionError({"rate": rate}, f"{path} has its own times", "give no rate")
