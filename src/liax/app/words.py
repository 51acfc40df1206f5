"""Messages of the library in the words of the page: no server's folder, no option of the command line."""

from __future__ import annotations

import re
from pathlib import Path

# What the command line calls it -> what the page calls it.
_NAMES = {
    r"liax controls lists them": "the sliders show them",
    r"with liax encode": "with “Save motion”",
    r"liax encode": "“Save motion”",
    r"--driving-face": "“Which face in the video”",
    r"--face": "“Which face”",
    r"--no-crop": "“Already cropped to the face”",
    r"--paste": "“In the whole picture”",
}


def for_page(message: str, folder: Path) -> str:
    """The message, with files in `folder` (of the server) called by their own names."""
    message = re.sub(re.escape(str(folder)) + r"/(?:[0-9a-zA-Z_]+/)*", "", message)
    for name, shown in _NAMES.items():
        message = re.sub(name + r"\b", shown, message)
    return message
