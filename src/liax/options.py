"""Options of what people do with portraits: one schema for command line, batch files, page and Python.

Every field is documented where it is defined; `liax COMMAND --help` shows the same text. Nothing heavy is
imported here, so that help and wrong options are instant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

from liax.bounded import parse_fraction, parse_number, short
from liax.errors import LiaxError

Backend = Literal["torch", "onnxruntime", "openvino"]
"""What runs the network."""


class Stretch(NamedTuple):
    """Seconds of a clip, from `start` to `end`; None is the end of the clip."""

    start: float
    end: float | None = None


class Seconds(float):
    """A time of a clip in seconds; as text "1.2s", "300ms" or "1:02.5"."""


class Square(NamedTuple):
    """A square of a picture, in its pixels: the left and upper edge, and the side."""

    left: float
    top: float
    side: float


class Amount(NamedTuple):
    """How much of a control, in which unit, and when.

    Attributes:
        unit: "" leaves it to the control.
        when: None is always.
    """

    value: float
    unit: str = ""
    when: Stretch | None = None


EditSettings = (
    Mapping[str, float | Amount] | Mapping[int, float | Amount] | Mapping[str | int, float | Amount]
)
"""Control's name, or motion vector's number as 12 or "#12" -> how much of it."""

Strength = float | Mapping[str, float]
"""Gain of all motion, or group or control -> gain, with "all" for everything else."""

Names = tuple[str, ...]
"""Groups of controls, such as "mouth", or single controls."""

Alignment = Literal["pose", "expression", "all"]

Reference = Literal["first", "best"] | Seconds
"""From which frame of a driving its change counts; "best" is the one most like the source."""


@dataclass(frozen=True)
class SourceOptions:
    """How the face is found in a source."""

    crop: bool = True
    """Find the face and cut out the square around it; off, pictures that are cropped already are taken
    whole.
    """

    face: int | None = None
    """Which of several faces in the source, 1 being the largest; by default the largest, with a warning."""

    square: Square | None = None
    """The square to cut out, instead of one around the face: left, top and side in pixels (120,40,600)."""


@dataclass(frozen=True)
class PartOptions:
    """Which part of a video is used."""

    since: Seconds | None = None
    """Use the video from here on, such as 2s or 1:02.5; --from is the same."""

    until: Seconds | None = None
    """Use it up to here; --to is the same."""


@dataclass(frozen=True)
class DrivingOptions(PartOptions):
    """How the face is found in what drives, and how fast a folder of pictures plays."""

    crop: bool = True
    """Find the face and cut out the square around it; off, pictures that are cropped already are taken
    whole.
    """

    driving_face: int | None = None
    """Which of several faces in the driving, 1 being the largest; by default the largest, with a warning."""
    rate: Fraction | None = None
    """Frames a second of a folder of pictures; by default 25."""


@dataclass(frozen=True)
class OutputOptions:
    """How results are written."""

    quality: int | None = None
    """1 to 100; by default 75 of videos and 95 of pictures. PNG, GIF and MOV have no such choice."""


@dataclass(frozen=True)
class AnimateOptions(OutputOptions, SourceOptions, DrivingOptions):
    """How a driving's motion becomes a portrait's, and how the result is shown.

    Names in `only`, `without`, `strength` and `set` are the weights' controls and their groups, such as head,
    mouth, eyes, brows and gaze.
    """

    absolute: bool = False
    """Take over the driving's pose as it is (equations 1-3), instead of its change since the first frame
    (equations 8 and 10)."""

    reference: Reference | None = None
    """From which driving frame its change counts: first, best (the one most like the source; the driving is
    then encoded twice), or a time such as 3.2s. By default the first, or the best where the driving begins
    with the head turned far from the source's.
    """

    align: Alignment | None = None
    """First give the source the first driving frame's pose, expression or both."""

    only: Names = ()
    """Carry over only these groups or controls, such as mouth,eyes."""

    without: Names = ()
    """Carry over everything but these groups or controls, such as head."""

    strength: Strength = 1.0
    """How strongly motion is carried over, 0 to 4: 1.3 for all of it, head=0.8,mouth=1.5 for some, or
    1.2,mouth=1.5."""

    smooth: bool = False
    """Take the jitter out of the driving's motion."""

    set: EditSettings = field(default_factory=dict)
    """Change the source: yaw=15deg, smile=0.5, or 12=0.3 for motion vector 12; throughout, or smile=0.5@1s-3s
    for some time."""

    keys: Path | None = None
    """Keyframes (.toml or .json) whose changes come on top of the driving's motion."""

    force: bool = False
    """Allow values out of a control's range, and what no face does; faces may fall apart."""

    paste: bool = False
    """Put the moving face back into the full picture, instead of the cropped square."""

    compare: bool = False
    """Show source, driving and result side by side."""


@dataclass(frozen=True)
class EditOptions(OutputOptions, SourceOptions):
    """How a portrait is edited."""

    paste: bool = False
    """Put the face back into the full picture, instead of the cropped square."""

    force: bool = False
    """Allow values out of a control's range, and what no face does; faces may fall apart."""


@dataclass(frozen=True)
class EditVideoOptions(OutputOptions, PartOptions, SourceOptions):
    """How a video is edited."""

    from_first_frame: bool = False
    """Edit the first frame only and move it as the video moves (equation 10)."""

    paste: bool = True
    """Put the face back into full frames; off, only the square around it is kept."""

    force: bool = False
    """Allow values out of a control's range, and what no face does; faces may fall apart."""


@dataclass(frozen=True)
class ManipulateOptions(OutputOptions, SourceOptions):
    """How a portrait is swept or turned."""

    extent: float | None = None
    """How much of the controls' ranges to use, 0 to 1; by default all in a sweep, 0.8 in an orbit."""

    turns: int = 1
    """How many rounds an orbit makes."""

    seconds: float = 4.0
    """How long a round of an orbit takes."""

    label: bool = False
    """Write the control's name into a video's frames."""


@dataclass(frozen=True)
class LiveOptions:
    """How a face before a camera moves a portrait while it is filmed."""

    strength: float = 1.0
    """How strongly motion is carried over, 0 to 2; 1 is as filmed."""

    smoothing: float = 0.5
    """How much jitter is taken out of the motion, 0 to 1; more of it follows a little later."""

    mirror: bool = True
    """Move as a mirror image would: turn left when you turn left."""

    virtual_camera: bool = False
    """Also show the portrait as a camera, for video calls. It needs the package pyvirtualcam, which you
    install yourself, and a driver for it."""


@dataclass(frozen=True)
class MarkOptions:
    """How results say that they are synthetic."""

    mark: bool = True
    """The marks of synthetic media: in the file, signed, that it is synthetic and how it was made, and an
    invisible mark in its pixels. Without them, nothing tells the result from a recording: leave them out for
    research only."""

    badge: bool = False
    """Also draw the letters AI into a corner of every picture."""


_SETTING = re.compile(
    r"\s*([^\s=]+)\s*=\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([^\s\d@]*)\s*(?:@([^@]*))?", re.I
)
_TIME = re.compile(r"(?:(\d{1,6}):)?(\d+\.?\d*|\.\d+)\s*(s|ms)?")
_UNITS = {"°": "deg", "degree": "deg", "degrees": "deg"}
_LONGEST = 200  # characters of a setting or a name
# Among strengths by name, the one of everything that is not named.
ALL_MOTION = "all"


def parse_amount(text: str) -> Amount:
    """ "15deg" -> (15, "deg"); raises LiaxError for others."""
    return parse_settings([f"amount={text}"])["amount"]


def parse_settings(texts: Sequence[str]) -> dict[str, Amount]:
    """{"yaw=15deg,smile=0.5", "#12=0.3"} -> {"yaw": (15, "deg"), "smile": (0.5, ""), "#12": (0.3, "")}.

    12=0.3 means #12=0.3, which a shell wants quoted. smile=0.5@1s-3s is so from 1 s to 3 s, smile=0.5@1s from
    1 s on.

    Raises:
        LiaxError: For a text that is no setting, and for a name twice.
    """
    settings: dict[str, Amount] = {}
    for text in ",".join(texts).split(",") if texts else ():
        match = _SETTING.fullmatch(text) if len(text) <= _LONGEST else None
        if match is None:
            raise LiaxError(
                f"{short(text.strip())} is no setting; write a control or motion vector and how much of it, "
                "such as yaw=15deg, smile=0.5 or #12=0.3."
            )
        name, unit = match[1].lower(), match[3].lower()
        name = f"#{name}" if name.isdigit() else name
        if name in settings:
            raise LiaxError(f"{name} is set twice; set it once.")
        try:
            when = None if match[4] is None else _parse_stretch(match[4])
            settings[name] = Amount(parse_number(match[2]), _UNITS.get(unit, unit), when)
        except ValueError as error:
            raise LiaxError(f"{short(text.strip())} is no setting ({error}); give a finite number.") from None
    return settings


def _parse_stretch(text: str) -> Stretch:
    start, separator, end = text.partition("-")
    stretch = Stretch(parse_seconds(start), parse_seconds(end) if separator else None)
    if stretch.end is not None and stretch.end <= stretch.start:
        raise LiaxError(f"{short(text.strip())} ends before it begins; give times such as 1s-3s.")
    return stretch


def parse_strength(text: str) -> Strength:
    """ "1.3" -> 1.3; "1.2,mouth=1.5" -> {"all": 1.2, "mouth": 1.5}; raises LiaxError for others."""
    strengths: dict[str, float] = {}
    for part in text.split(","):
        name, separator, amount = part.rpartition("=")
        try:
            strengths[name.strip().lower() if separator else ALL_MOTION] = parse_number(amount)
        except ValueError as error:
            raise LiaxError(
                f"{short(text)} is no strength; write a factor such as 1.3, or one for each of several "
                "groups, such as head=0.8,mouth=1.5."
            ) from error
    return strengths[ALL_MOTION] if strengths.keys() == {ALL_MOTION} else strengths


def parse_names(text: str) -> Names:
    """Names in a list: "mouth,eyes" -> ("mouth", "eyes"); raises LiaxError for commas without a name."""
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    if text and not names:
        raise LiaxError(f"{short(text)} names nothing; name groups or controls, such as mouth,eyes.")
    return names


def parse_rate(text: str) -> Fraction:
    """Frames a second: "25", "29.97" or "30000/1001"; raises LiaxError for others."""
    try:
        return to_rate(float(parse_fraction(text)) if "/" in text else parse_number(text))
    except ValueError as error:
        raise LiaxError(f"{short(text)} is no frame rate; give a number such as 25 or 29.97.") from error


def parse_seconds(text: str) -> float:
    """A time or length: "1.2s", "300ms", "1:02.5" (minutes and seconds) or "1.2"; LiaxError for others."""
    match = _TIME.fullmatch(text.strip().lower()) if len(text) <= _LONGEST else None
    if match is None:
        raise LiaxError(f"{short(text)} is no time; give one such as 1.2s, 300ms or 1:02.5.")
    minutes, number, unit = match.groups()
    try:
        return parse_number(number) * (0.001 if unit == "ms" else 1.0) + 60 * int(minutes or 0)
    except ValueError as error:
        raise LiaxError(f"{short(text)} is no time ({error}); give one such as 1.2s.") from None


def parse_reference(text: str) -> Reference:
    """ "first", "best", or a time such as "3.2s"; raises LiaxError for others."""
    word = text.strip().lower()
    words: dict[str, Reference] = {"first": "first", "best": "best"}
    try:
        return words.get(word) or Seconds(parse_seconds(word))
    except LiaxError:
        raise LiaxError(f"{short(text)} is no reference; give first, best or a time such as 3.2s.") from None


def parse_square(text: str) -> Square:
    """ "120,40,600": left and upper edge and side, in pixels; raises LiaxError for others."""
    try:
        left, top, side = (parse_number(part) for part in text.split(","))
    except ValueError:
        raise LiaxError(
            f"{short(text)} is no square; give its left and upper edge and its side in pixels, such as "
            "120,40,600."
        ) from None
    return Square(left, top, side)


def to_rate(value: float) -> Fraction:
    """A finite number as a fraction, such as 29.97 as 2997/100; ValueError for others."""
    if not abs(value) < 1e9:
        raise ValueError(f"{value} is no frame rate")
    return Fraction(value).limit_denominator(1001)


def to_text(value: object) -> str:
    """A value of an option as one writes it on the command line; the parsers above are the inverse."""
    if isinstance(value, Amount):
        return f"{value.value:g}{value.unit}{'@' + to_text(value.when) if value.when else ''}"
    if isinstance(value, Stretch):
        return f"{value.start:g}s" + ("" if value.end is None else f"-{value.end:g}s")
    if isinstance(value, Seconds):
        return f"{value:.10g}s"
    if isinstance(value, Mapping):
        return ",".join(f"{name}={to_text(amount)}" for name, amount in value.items())
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, Fraction):
        return f"{float(value):.10g}"
    return f"{value:g}" if isinstance(value, float) else str(value)
