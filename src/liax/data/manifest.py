"""The list of a data set's files: what each is, whose face it shows, and which split it belongs to."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from liax.errors import LiaxError


@dataclass(frozen=True)
class Item:
    """One clip or still. `file` is relative to the manifest's folder; `frames` is 1 for a still."""

    file: str
    kind: Literal["clip", "portrait"]
    identity: str
    frames: int


@dataclass(frozen=True)
class Manifest:
    """The items of one split, and the SHA-256 of the whole manifest file (recorded with every run)."""

    folder: Path
    items: tuple[Item, ...]
    digest: str


def read_manifest(path: str | Path, split: str | None) -> Manifest:
    """Reads a CSV with the columns file, type (clip or portrait), split, identity and frames.

    path: the CSV, or a folder that holds `manifest.csv`. split: None takes all of them. Other columns are
    ignored.
    Raises LiaxError if it is missing, lacks a column, or has nothing in `split`.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "manifest.csv"
    try:
        raw = path.read_bytes()
        reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
        rows = list(reader)
    except OSError as error:
        raise LiaxError(
            f"cannot read the manifest {path}: {error.strerror}; give its path or its folder"
        ) from None
    except (UnicodeDecodeError, csv.Error):
        raise LiaxError(f"{path} is not a UTF-8 CSV file; save the manifest as UTF-8") from None
    missing = {"file", "type", "split", "identity", "frames"} - set(reader.fieldnames or ())
    if missing:
        raise LiaxError(f"the manifest {path} has no column {', '.join(sorted(missing))}; add it")
    try:
        items = tuple(
            Item(row["file"], _kind(row["type"]), row["identity"], _count(row["frames"]))
            for row in rows
            if split is None or row["split"] == split
        )
    except ValueError as error:
        raise LiaxError(f"the manifest {path} has a line that cannot be used: {error}") from None
    if not items:
        where = "" if split is None else f" in the split '{split}'; check its split column"
        raise LiaxError(f"the manifest {path} lists nothing{where}")
    return Manifest(path.parent, items, hashlib.sha256(raw).hexdigest())


def _kind(text: str) -> Literal["clip", "portrait"]:
    if text == "clip":
        return "clip"
    if text == "portrait":
        return "portrait"
    raise ValueError(f"type '{text}' is neither clip nor portrait")


def _count(text: str | None) -> int:
    if text is None or not text.strip().isdecimal() or int(text) < 1:
        raise ValueError(f"frames '{text or ''}' is no whole number from 1 up")
    return int(text)
