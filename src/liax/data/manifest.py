"""The list of a data set's files: what each is, whose face it shows, and which split it belongs to."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from liax.errors import LiaxError, MissingPackageError, WrongFileError
from liax.files import refuse_stream

# Prefix of the address with which FFmpeg reads a part of a file.
_WITHIN = "subfile,"


@dataclass(frozen=True)
class ShardRange:
    """Where a clip's file is in a shard: `size` bytes from `offset` on."""

    shard: str
    offset: int
    size: int


@dataclass(frozen=True)
class Item:
    """One clip or still.

    Args:
        file: Path relative to the manifest's folder, or a clip's name in its shard.
        identity: Whose face it shows.
        frames: 1 for a still.
        shard_range: Where a clip is in one of the folder's shards; None for a file of its own.
    """

    file: str
    kind: Literal["clip", "portrait"]
    identity: str
    frames: int
    shard_range: ShardRange | None = None

    def path(self, folder: Path) -> Path:
        """What PyAV and OpenCV open: the file, or for FFmpeg its bytes in the shard (`is_within_shard`)."""
        if self.shard_range is None:
            return folder / self.file
        first, end = self.shard_range.offset, self.shard_range.offset + self.shard_range.size
        return Path(f"{_WITHIN},start,{first},end,{end},,:{folder / self.shard_range.shard}")


def is_within_shard(path: Path) -> bool:
    """Whether a path is that of a clip within a shard."""
    return str(path).startswith(_WITHIN)


@dataclass(frozen=True)
class Manifest:
    """The items of one split, and the SHA-256 of the whole manifest file (recorded with every run)."""

    folder: Path
    items: tuple[Item, ...]
    digest: str


def manifest_in(folder: Path) -> Path | None:
    """The manifest that a folder holds: manifest.csv, or manifest.parquet by `liax prepare`."""
    names = ("manifest.csv", "manifest.parquet")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def read_manifest(path: str | Path, split: str | None) -> Manifest:
    """Reads what `liax prepare` wrote, or a CSV with the columns file, type, split, identity and frames.

    Args:
        path: The manifest, or the folder that holds it.
        split: The split to read; None takes all of them.

    A CSV's type is clip or portrait; other columns are ignored, and so are clips that `liax prepare` refused.

    Raises:
        LiaxError: If it is missing, lacks a column, or has nothing in `split`.
        WrongFileError: If a Parquet file is no manifest.
        MissingPackageError: If it is a Parquet file and pyarrow is not installed.
    """
    path = Path(path)
    if path.is_dir():
        path = manifest_in(path) or path / "manifest.csv"
    refuse_stream(path, "manifest")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LiaxError(
            f"cannot read the manifest {path}: {error.strerror}", "give its path or its folder"
        ) from None
    items = _in_parquet(path, raw, split) if path.suffix == ".parquet" else _in_csv(path, raw, split)
    if not items:
        where = "" if split is None else f" in the split '{split}'"
        raise LiaxError(
            f"the manifest {path} lists nothing{where}", "" if split is None else "check its split column"
        )
    return Manifest(path.parent, items, hashlib.sha256(raw).hexdigest())


def _in_csv(path: Path, raw: bytes, split: str | None) -> tuple[Item, ...]:
    try:
        reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error):
        raise LiaxError(f"{path} is not a UTF-8 CSV file", "save the manifest as UTF-8") from None
    missing = {"file", "type", "split", "identity", "frames"} - set(reader.fieldnames or ())
    if missing:
        raise LiaxError(f"the manifest {path} has no column {', '.join(sorted(missing))}", "add it")
    try:
        return tuple(
            Item(row["file"], _kind(row["type"]), row["identity"], _count(row["frames"]))
            for row in rows
            if split is None or row["split"] == split
        )
    except ValueError as error:
        raise LiaxError(f"the manifest {path} has a line that cannot be used: {error}") from None


def _in_parquet(path: Path, raw: bytes, split: str | None) -> tuple[Item, ...]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingPackageError(f"Reading {path}", ("pyarrow",), "prepare") from None
    columns = ["file", "split", "identity", "frames", "shard", "offset", "size"]
    try:
        rows = parquet.read_table(pa.BufferReader(raw), columns=columns, filters=[("kept", "==", True)])
        return tuple(
            Item(
                row["file"],
                "clip",
                row["identity"],
                row["frames"],
                ShardRange(row["shard"], row["offset"], row["size"]),
            )
            for row in rows.to_pylist()
            if split is None or row["split"] == split
        )
    except (pa.ArrowException, KeyError) as error:
        raise WrongFileError(path, "other", "manifest", str(error)) from None


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
