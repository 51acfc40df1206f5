"""Errors and warnings of the library in the words of the command line: which flag or command helps."""

from __future__ import annotations

from liax.errors import (
    COUNTED_FROM,
    FaceChoiceError,
    FileKind,
    LiaxError,
    LiaxWarning,
    NoFaceError,
    NotMeasured,
    OptionError,
    OutOfRangeError,
    OutputExistsError,
    SeveralFaces,
    UnknownControlError,
    UnlikeBeginning,
    WrongFileError,
)
from liax.option_flags import to_flag

# What was wanted -> the command that makes it.
_MADE_BY: dict[FileKind, str] = {
    "motion template": "make one with liax encode",
    "weights": "make one with liax convert",
    "manifest": "write it anew with liax prepare",
    "regions": "write it with liax regions",
}

# What is said on batch's command line and not in its file.
_FLAGS_OF_BATCH = ("weights", "device", "devices", "address", "backend", "size")


def sentence(message: LiaxError | LiaxWarning | str, command: str) -> str:
    """The message with the command line's own remedy.

    Args:
        command: The subcommand that was running, such as "edit-video". In a file of `batch`, options are
            keys.
    """
    match message:
        case OutputExistsError():
            remedy = f"{_instruction('overwrite', True, command)} to replace it, or name another output"
        case NoFaceError(uncropped=True):
            whole = option("crop", False, command)
            remedy = (
                f"use one with a face seen from the front, or {whole} if it is cropped to the face already"
            )
        case FaceChoiceError():
            return (
                f"{message.path} has {message.count} face(s); {option(message.option, None, command)} "
                f"goes from 1 (the largest) to {message.count}."
            )
        case OutOfRangeError(forceable=True):
            remedy = f"stay within it, or {_instruction('force', True, command)}"
        case UnknownControlError(name=""):
            remedy = "liax controls lists them"
        case WrongFileError(found="weights", wanted="motion template"):
            remedy = f"give it as {option('weights', None, command)}"
        case WrongFileError(found="motion template", wanted="weights"):
            remedy = "give it as the driving"
        case WrongFileError(found="checkpoint", wanted="weights"):
            remedy = f"convert it once: liax convert {message.path} -o OUT.safetensors"
        case WrongFileError():
            remedy = _MADE_BY.get(message.wanted, message.remedy)
        case OptionError():
            remedy = _option_remedy(message, command)
        case SeveralFaces():
            return (
                f"{message.path} shows {message.count} faces; using the largest, "
                f"{option(message.option, None, command)} N chooses another."
            )
        case UnlikeBeginning():
            otherwise = (
                f'reference = "{message.other}"' if command == "batch" else f"--reference {message.other}"
            )
            return f"{message.told} {otherwise} counts it from {COUNTED_FROM[message.other]}."
        case NotMeasured():
            reason = message.reason
            text = sentence(reason, command) if isinstance(reason, LiaxError) else reason
            return f"{message.what} is not measured: {text}"
        case _:
            return str(message)
    return f"{message.problem}; {remedy}."


def option(name: str, value: object, command: str) -> str:
    """What a user types for an option of that Python name: "--no-crop"; "crop = false" in a batch."""
    if command == "batch" and name not in _FLAGS_OF_BATCH:
        return name if value is None else f"{name} = {str(value).lower()}"
    return to_flag(name, value)


def _instruction(name: str, value: object, command: str) -> str:
    return f"{'set' if command == 'batch' else 'pass'} {option(name, value, command)}"


def _option_remedy(error: OptionError, command: str) -> str:
    names = [option(name, value, command) for name, value in error.options.items()]
    if not error.advice:
        return f"leave out {' or '.join(names)}"
    return error.advice if command == "batch" else f"{error.advice} ({', '.join(names)})"
