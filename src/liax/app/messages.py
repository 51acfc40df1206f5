"""Phrases the library's errors and warnings for the page: no server folder, no command-line option."""

from __future__ import annotations

import html
import re
from pathlib import Path

# What the command line calls it -> what the page calls it.
_LABELS = {
    "liax controls lists them": "the sliders show them",
    "liax encode": "“Save this motion”",
    "--driving-face": "“Which face in the video”",
    "--face": "“Which face”",
    "--no-crop": "“Already cropped to the face”",
    "--paste": "“In the whole picture”",
    "--force": "a gentler value",
}
INTERNAL_ERROR = "Something went wrong on our side. Please try again; the log of `liax studio` says more."


def page_html(message: object, folder: Path) -> str:
    """The message as HTML, with files in `folder` (of the server) called by their own names."""
    text = re.sub(re.escape(str(folder)) + r"/(?:\w+/)*", "", str(message))
    for name, shown in _LABELS.items():
        text = re.sub(re.escape(name) + r"\b", shown, text)
    return html.escape(text)
