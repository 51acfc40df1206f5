"""The errors and warnings that reach a user: one sentence that names what is wrong and the remedy.

The library speaks of files, values and Python names. Where a remedy is the front end's own, such as a flag of
the command line or a switch of the page, the error has a type and fields, and `liax.cli.messages` and
`liax.app.messages` put their remedy in place of the neutral one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FileKind = Literal[
    "weights", "checkpoint", "motion template", "manifest", "regions", "landmarks", "results", "other"
]
"""What a file holds, as far as it was read."""


class LiaxError(Exception):
    """Bad input or an unusable environment, in one clear sentence.

    Args:
        problem: What is wrong, or the whole sentence when no remedy follows.
        remedy: What to do about it, without a full stop.

    Subclasses keep their fields as arguments of `Exception`, so that they can be pickled on their way from a
    worker process.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(*((problem, remedy) if remedy else (problem,)))
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}." if self.remedy else self.problem


class _TypedError(LiaxError):
    """An error that is made of its fields."""

    def __init__(self, fields: tuple[object, ...], problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.args = fields


class OutputExistsError(_TypedError):
    """The output `path` exists, and nobody allowed to replace it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__((path,), f"{path} exists already", "allow overwriting it, or name another output")


class NoFaceError(_TypedError):
    """No face can be found in `path`.

    Args:
        path: The picture or video.
        uncropped: Whether the caller could take it whole instead of looking for a face.
    """

    def __init__(self, path: Path, uncropped: bool = True) -> None:
        self.path, self.uncropped = path, uncropped
        remedy = "use one with a face seen from the front" + (
            ", or take it whole if it is cropped to the face already" if uncropped else ""
        )
        super().__init__((path, uncropped), f"{path} shows no face that can be found", remedy)


class FaceChoiceError(_TypedError):
    """There is no face of that number.

    Args:
        path: The picture or video.
        count: How many faces it shows.
        choice: The number that was asked for.
        option: The name of the argument that chooses.
    """

    def __init__(self, path: Path, count: int, choice: int, option: str) -> None:
        self.path, self.count, self.choice, self.option = path, count, choice, option
        super().__init__(
            (path, count, choice, option),
            f"{path} has {count} face(s), and {option} is {choice}",
            f"choose 1 (the largest) to {count}",
        )


class OutOfRangeError(_TypedError):
    """A control or motion vector is asked for more than it gives.

    Args:
        setting: What was asked for, such as "yaw=90deg".
        range: Where it may lie, such as "-25 to 25 deg (verified to ±4 in -10 to 12)".
        forceable: Whether the caller may go beyond it all the same.
    """

    def __init__(self, setting: str, range: str, forceable: bool = True) -> None:
        self.setting, self.range, self.forceable = setting, range, forceable
        remedy = "stay within it" + (", or force it" if forceable else "")
        super().__init__((setting, range, forceable), f"{setting} is out of its range {range}", remedy)


class UnknownControlError(_TypedError):
    """These weights have no control of that name.

    Args:
        name: What was asked for; "" when none was named.
        known: What could be named.
        suggestion: The known name that is most like it, if one is.
    """

    def __init__(self, name: str, known: tuple[str, ...], suggestion: str | None = None) -> None:
        self.name, self.known, self.suggestion = name, known, suggestion
        problem = f"These weights have no control {name!r}" if name else "No control is named"
        if suggestion:
            remedy = f"did you mean {suggestion}? They have {', '.join(known)}"
        elif known:
            remedy = f"they have {', '.join(known)}"
        else:
            remedy = "they name no controls; use motion vectors by number, such as #12"
        super().__init__((name, known, suggestion), problem, remedy)


class OptionError(_TypedError):
    """Options that do not work, alone or together.

    Args:
        options: Python name -> the value given, of every option concerned.
        problem: What is wrong, without a full stop.
        advice: What to do instead; by default, to leave out one of them.
    """

    def __init__(self, options: Mapping[str, object], problem: str, advice: str = "") -> None:
        self.options, self.advice = dict(options), advice
        given = [f"{name}={value!r}" for name, value in options.items()]
        remedy = advice or f"leave out {' or '.join(given)}"
        super().__init__((self.options, problem, advice), problem, remedy)


class WrongFileError(_TypedError):
    """A file holds something else than is wanted.

    Args:
        path: The file.
        found: What it holds.
        wanted: What was to be read.
        detail: Why it cannot be read, if that is known.
    """

    def __init__(self, path: Path, found: FileKind, wanted: FileKind, detail: str = "") -> None:
        self.path, self.found, self.wanted, self.detail = path, found, wanted, detail
        holds = "" if found == "other" else f" but {_A[found]}"
        problem = f"{path} is not {_A[wanted]}{holds}" + (f" ({detail})" if detail else "")
        super().__init__((path, found, wanted, detail), problem, f"give {_A[wanted]}")


class MissingPackageError(_TypedError):
    """A package of an extra is not installed.

    Args:
        what: What it is needed for, such as "Face identity".
        packages: The missing packages.
        extra: The extra of liax that brings them.
    """

    def __init__(self, what: str, packages: tuple[str, ...], extra: str) -> None:
        self.what, self.packages, self.extra = what, packages, extra
        names = " and ".join(packages)
        super().__init__(
            (what, packages, extra),
            f"{what} needs the package{'s' if len(packages) > 1 else ''} {names}",
            f"install liax with the extra {extra}",
        )


@dataclass(frozen=True)
class LiaxWarning:
    """What is logged as a warning whose remedy a front end words itself; `str` is the neutral sentence.

    `log.warning(SeveralFaces(...))` keeps the object as the record's `msg`.
    """


@dataclass(frozen=True)
class SeveralFaces(LiaxWarning):
    """Several faces are seen, and nobody chose.

    Args:
        path: The picture or video.
        count: How many faces it shows.
        option: The name of the argument that chooses one.
    """

    path: Path
    count: int
    option: str

    def __str__(self) -> str:
        return f"{self.path} shows {self.count} faces; using the largest, {self.option} chooses another."


@dataclass(frozen=True)
class UnlikeBeginning(LiaxWarning):
    """A driving begins unlike the portrait, and relative motion counts from its first or its best frame.

    Args:
        how: How it begins: "with the head turned away from the portrait's (yaw +35 deg)".
        counted: The `reference` from which motion counts.
        other: That from which it could count instead.
    """

    how: str
    counted: Literal["best", "first"]
    other: Literal["best", "first"]

    def __str__(self) -> str:
        return f"{self.told} reference={self.other} counts it from {COUNTED_FROM[self.other]}."

    @property
    def told(self) -> str:
        """What happens, as a sentence."""
        return f"The driving begins {self.how}; its motion counts from {COUNTED_FROM[self.counted]}."


COUNTED_FROM = {"best": "where the two are most alike", "first": "the first frame"}
"""Reference of relative motion -> from where it counts."""


@dataclass(frozen=True)
class NotMeasured(LiaxWarning):
    """Something is left out of an evaluation.

    Args:
        what: What is not measured.
        reason: Why, and what would change that.
    """

    what: str
    reason: LiaxError | str

    def __str__(self) -> str:
        return f"{self.what} is not measured: {self.reason}"


@dataclass(frozen=True)
class SlowerPath(LiaxWarning):
    """The device works, but not in its fastest way.

    Args:
        reason: Why, without a full stop.
    """

    reason: str

    def __str__(self) -> str:
        return f"{self.reason}; going on all the same, more slowly."


_A: dict[str, str] = {
    "weights": "a file of weights",
    "checkpoint": "a PyTorch checkpoint",
    "motion template": "a motion template",
    "manifest": "a manifest",
    "regions": "a file of measured regions",
    "landmarks": "a file of measured landmarks",
    "results": "the folder of a finished evaluation",
}
