"""All formats that are mutated, and the files that stand beside them when they are read."""

from __future__ import annotations

from pathlib import Path

import documents
import track_files
from formats import Format

import media

FORMATS: dict[str, Format] = documents.FORMATS | track_files.FORMATS | media.FORMATS


def prepare(folder: Path) -> None:
    """Put into a new folder what the formats' files name."""
    documents.prepare(folder)
    media.prepare(folder)
