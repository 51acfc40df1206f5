"""What the page and the server say to each other while a camera moves a portrait.

Binary messages of the page begin with their kind. A frame has the number of the newest picture that the page
has shown, so that no more are sent than it shows, and the time at which it was taken, on the page's clock in
milliseconds; a piece of sound has no more than itself. Pictures of the server carry their number, the time of
the frame that they were made of, how many milliseconds that took, and what is to be said of the face.
Everything else is JSON.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from liax.app.guard import is_inside
from liax.bounded import parse_json
from liax.errors import OptionError
from liax.live.frames import MAX_BYTES
from liax.live.session import check_live_options
from liax.options import LiveOptions, SourceOptions

FRAME, SOUND = 1, 2
_FRAME_HEADER = struct.Struct("<BId")
_PICTURE_HEADER = struct.Struct("<IdfB")
MAX_MESSAGE_BYTES = MAX_BYTES + _FRAME_HEADER.size
_MAX_TEXT_BYTES = 20_000
# In a picture's last byte: whether the face is seen.
_FACE_SEEN = 1
# Milliseconds of a page's clock: it may be open for a month.
_LATEST = 1e10


class MessageError(ValueError):
    """What no page of ours sends."""


@contextmanager
def reading_message() -> Iterator[None]:
    """Raise MessageError for whatever goes wrong while a message is read."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise MessageError(str(error)) from error


class Frame(NamedTuple):
    """A frame of the camera.

    Attributes:
        shown: Number of the newest picture that the page has shown.
        captured: When it was taken, in milliseconds on the page's clock.
        packed: A picture file.
    """

    shown: int
    captured: float
    packed: bytes


@reading_message()
def read_binary(message: bytes) -> Frame | bytes:
    """A frame, or a piece of sound; MessageError for what no page of ours sends."""
    if not message or len(message) > MAX_MESSAGE_BYTES:
        raise ValueError("a message is neither empty nor longer than a frame")
    if message[0] == SOUND:
        return message[1:]
    if message[0] != FRAME or len(message) <= _FRAME_HEADER.size:
        raise ValueError("a message is a frame or a piece of sound")
    _, shown, captured = _FRAME_HEADER.unpack_from(message)
    return Frame(shown, _time(captured), message[_FRAME_HEADER.size :])


def picture_message(number: int, captured: float, milliseconds: float, seen: bool, packed: bytes) -> bytes:
    """A picture for the page; without a file, the last one stays."""
    return _PICTURE_HEADER.pack(number, captured, milliseconds, _FACE_SEEN * seen) + packed


@dataclass(frozen=True)
class OpenRequest:
    """The page wants a portrait to be moved.

    Args:
        portrait: The uploaded file.
        source: How its face is found.
        options: How it is moved.
    """

    portrait: Path
    source: SourceOptions
    options: LiveOptions

    @classmethod
    @reading_message()
    def read(cls, values: dict[str, Any], folder: Path) -> OpenRequest:
        """From the values of the message "open"; MessageError for what no page of ours sends.

        Args:
            folder: Where uploads lie.
        """
        portrait, face, cropped = values["portrait"], values["face"], values["cropped"]
        if not (type(face) is int and 0 <= face <= 5 and isinstance(cropped, bool)):
            raise ValueError("face is a number, and cropped is true or false")
        if not (isinstance(portrait, str) and is_inside(Path(portrait), folder)):
            raise ValueError("the portrait was not uploaded here")
        source = SourceOptions(crop=not cropped, face=face or None)
        return cls(Path(portrait), source, read_options(values))


@reading_message()
def read_text(message: str) -> tuple[str, dict[str, Any]]:
    """What the page wants, and the values of its message; MessageError for what no page of ours sends."""
    values = parse_json(message.encode(), _MAX_TEXT_BYTES)
    if not (isinstance(values, dict) and isinstance(values.get("do"), str)):
        raise ValueError("a message says what to do")
    return values["do"], values


@reading_message()
def read_options(values: dict[str, Any]) -> LiveOptions:
    """The options in a message; MessageError for others than the page has."""
    strength, smoothing, mirror = values["strength"], values["smoothing"], values["mirror"]
    if not (type(strength) in (int, float) and type(smoothing) in (int, float) and isinstance(mirror, bool)):
        raise ValueError("strength and smoothing are numbers, and mirror is true or false")
    try:
        return check_live_options(LiveOptions(float(strength), float(smoothing), mirror))
    except OptionError as error:
        raise MessageError(str(error)) from None


@reading_message()
def read_sound_start(values: dict[str, Any]) -> float | None:
    """When the sound begins, in milliseconds on the page's clock; None where there is none.

    MessageError for what no page of ours sends.
    """
    start = values["sound_start"]
    if start is None:
        return None
    if type(start) not in (int, float):
        raise ValueError("the sound starts at a time")
    return _time(float(start))


def _time(milliseconds: float) -> float:
    if not (math.isfinite(milliseconds) and 0 <= milliseconds <= _LATEST):
        raise ValueError("a time is that of a page's clock")
    return milliseconds
