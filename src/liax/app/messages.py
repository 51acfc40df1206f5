"""Errors and warnings in the page's words: its labels, no flags or commands, no folder of the server."""

from __future__ import annotations

import html
import logging
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from liax.errors import (
    FaceChoiceError,
    LiaxError,
    LiaxWarning,
    MissingPackageError,
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

log = logging.getLogger(__name__)

Labels = Mapping[str, str]
"""Option, such as "driving_face" -> label of the tab's component that sets it."""

INTERNAL_ERROR = (
    "Something went wrong on our side; please try again. Whoever runs this page finds the details in its log."
)


def page_html(message: LiaxError | LiaxWarning | str, folder: Path, labels: Labels | None = None) -> str:
    """The message as HTML; otherwise as `page_text`."""
    return html.escape(page_text(message, folder, labels))


def page_text(message: LiaxError | LiaxWarning | str, folder: Path, labels: Labels | None = None) -> str:
    """The message in the page's words.

    Args:
        folder: The server's folder of uploads and results; files in it go by their own names.
        labels: What the tab offers. Remedies that it does not offer are left out.
    """
    text = _sentence(message, labels or {})
    path = getattr(message, "path", None)
    if path is not None:
        text = text.replace(str(path), path.name)
    return _without_folder(text, folder)


def done_html(
    summary: str, warnings: Sequence[LiaxWarning | str], folder: Path, labels: Labels | None = None
) -> str:
    """What was made, if that needs saying, and the warnings."""
    notes = "".join(box_html(page_html(warning, folder, labels), "note") for warning in warnings)
    return (box_html(page_html(summary, folder), "done") if summary else "") + notes


def error_html(error: Exception, folder: Path, labels: Labels | None = None) -> str:
    """`error_text` in a box."""
    return box_html(html.escape(error_text(error, folder, labels)), "error")


def error_text(error: Exception, folder: Path, labels: Labels | None = None) -> str:
    """What a visitor is told of an error: a LiaxError's sentence; of others only that there was one."""
    if isinstance(error, LiaxError):
        return page_text(error, folder, labels)
    # In the message, since the command line shows no more of a record than that.
    log.error("An event of the page failed:\n%s", "".join(traceback.format_exception(error)))
    return INTERNAL_ERROR


def box_html(text: str, kind: str) -> str:
    """A box of a kind that studio.css knows: done, note or error. Screen readers read it out."""
    return f'<div class="liax-{kind}" role="{"alert" if kind == "error" else "status"}">{text}</div>'


def _sentence(message: LiaxError | LiaxWarning | str, labels: Labels) -> str:
    match message:
        case NoFaceError():
            remedy = "use one with a face seen from the front"
            if message.uncropped and "crop" in labels:
                remedy += f", or choose “{labels['crop']}”"
        case FaceChoiceError():
            faces = "one face" if message.count == 1 else f"{message.count} faces"
            face = labels.get(message.option)
            where = f" under “{face}”" if face else ""
            return f"{message.path} shows only {faces}; choose another one{where}."
        case SeveralFaces():
            face = labels.get(message.option)
            choice = f" Choose another under “{face}”." if face else ""
            return f"{message.path} shows {message.count} faces; the largest one is used.{choice}"
        case OutOfRangeError():
            remedy = "choose a gentler value"
        case UnknownControlError():
            remedy = "the sliders show which there are"
        case WrongFileError(wanted="motion template"):
            return f"{message.path} is not a saved motion; make one with “Save this motion”."
        case OptionError():
            remedy = message.advice or _either([labels[name] for name in message.options if name in labels])
        case UnlikeBeginning():
            return message.told
        case NotMeasured():
            return f"{message.what} is not measured."
        case OutputExistsError() | MissingPackageError() | WrongFileError():
            remedy = ""  # only who runs the server can do something about it
        case _:
            return str(message)
    return f"{message.problem}; {remedy}." if remedy else f"{message.problem}."


def _either(labels: Sequence[str]) -> str:
    quoted = [f"“{label}”" for label in labels]
    return f"choose either {' or '.join(quoted)}" if len(quoted) > 1 else ""


def _without_folder(text: str, folder: Path) -> str:
    """The text with files in `folder` called by their own names."""
    first, *rest = text.split(f"{folder}/")
    return (first + "".join(map(_without_parents, rest))).replace(str(folder), "the server's folder")


def _without_parents(text: str) -> str:
    """ "0a1b/results/clip.mp4 is damaged" -> "clip.mp4 is damaged": folders here have plain names."""
    parent, slash, rest = text.partition("/")
    plain = parent.replace("_", "").isalnum()
    return _without_parents(rest) if slash and plain else text
