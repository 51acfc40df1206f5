"""The list of a data set's files: what each is, whose face it shows, and which split it belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Literal

from liax.bounded import parse_csv, read_bytes, short
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
        split: The split that it belongs to.
    """

    file: str
    kind: Literal["clip", "portrait"]
    identity: str
    frames: int
    shard_range: ShardRange | None = None
    split: str = field(default="", compare=False)

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
        LiaxError: If it is missing, lacks a column, has nothing in `split`, or names a file outside of its
            folder or an item of more than a million frames.
        WrongFileError: If a Parquet file is no manifest.
        MissingPackageError: If it is a Parquet file and pyarrow is not installed.
    """
    path = Path(path)
    if path.is_dir():
        path = manifest_in(path) or path / "manifest.csv"
    refuse_stream(path, "manifest")
    try:
        raw = read_bytes(path, _MOST_BYTES)
    except ValueError as error:
        raise LiaxError(f"the manifest {path} cannot be used: {error}", "divide it") from None
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
        header, rows = parse_csv(raw, _COLUMNS)
    except UnicodeDecodeError:
        raise LiaxError(f"{path} is not a UTF-8 CSV file", "save the manifest as UTF-8") from None
    except ValueError as error:
        raise LiaxError(f"{path} is no manifest: {short(error)}", "correct it there") from None
    missing = _COLUMNS - set(header)
    if missing:
        raise LiaxError(f"the manifest {path} has no column {', '.join(sorted(missing))}", "add it")
    try:
        return _checked(
            Item(
                row["file"],
                _kind(row["type"]),
                row["identity"],
                _count(row["frames"]),
                split=row["split"],
            )
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
        if parquet.ParquetFile(pa.BufferReader(raw)).metadata.num_rows > _MOST_ROWS:
            raise ValueError(f"it has more than {_MOST_ROWS} lines")
        rows = parquet.read_table(pa.BufferReader(raw), columns=columns, filters=[("kept", "==", True)])
        return _checked(
            Item(
                row["file"],
                "clip",
                row["identity"],
                row["frames"],
                _place(row["shard"], row["offset"], row["size"]),
                row["split"] or "",
            )
            for row in rows.to_pylist()
            if split is None or row["split"] == split
        )
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise WrongFileError(path, "other", "manifest", short(error)) from None


def _place(shard: str | None, offset: int | None, size: int | None) -> ShardRange | None:
    """Where a clip lies; None for a file of its own, which has neither shard nor offset."""
    return None if shard is None and offset is None else ShardRange(shard, offset, size)  # type: ignore[arg-type]


def _checked(items: Iterable[Item]) -> tuple[Item, ...]:
    """The items; ValueError for one that is outside of the folder, or of an impossible length."""
    checked, total = [], 0
    for item in items:
        if not isinstance(item.identity, str):
            raise ValueError(f"{short(item.file)} has no identity")
        if type(item.frames) is not int or not 1 <= item.frames <= _MOST_FRAMES:
            raise ValueError(f"{short(item.file)} has frames {short(item.frames)}, not 1 to {_MOST_FRAMES}")
        total += item.frames
        if total > _MOST_FRAMES_IN_ALL:
            raise ValueError(f"there are more than {_MOST_FRAMES_IN_ALL} frames in all")
        part = item.shard_range
        _check_inside(item.file)
        if part is not None:
            _check_inside(part.shard)
            if not all(type(value) is int and 0 <= value < 1 << 62 for value in (part.offset, part.size)):
                raise ValueError(f"{short(item.file)} has no place in {short(part.shard)}")
        checked.append(item)
    return tuple(checked)


def _check_inside(name: object) -> None:
    """ValueError unless it is the path of a file in the manifest's folder."""
    if not isinstance(name, str) or not name or "\0" in name or len(name) > 4096:
        raise ValueError(f"{short(name)} names no file")
    if name.startswith(("/", "\\")) or PureWindowsPath(name).drive or ".." in PureWindowsPath(name).parts:
        raise ValueError(f"{short(name)} is not in the manifest's folder")


def _kind(text: str) -> Literal["clip", "portrait"]:
    if text == "clip":
        return "clip"
    if text == "portrait":
        return "portrait"
    raise ValueError(f"type {short(text)} is neither clip nor portrait")


def _count(text: str) -> int:
    if not (text.isascii() and text.strip().isdecimal() and len(text) < 20) or int(text) < 1:
        raise ValueError(f"frames {short(text)} is no whole number from 1 up")
    return int(text)


_COLUMNS = {"file", "type", "split", "identity", "frames"}
_MOST_BYTES = 512 << 20
_MOST_ROWS = 5_000_000
_MOST_FRAMES = 1_000_000  # of an item: 11 hours
_MOST_FRAMES_IN_ALL = 1_000_000_000  # 11,000 hours
