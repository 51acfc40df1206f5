"""The data set: clips of finished segments become shards, regions and a manifest of every decision.

Shards are tars of clips, which WebDataset reads as a stream and our training in any order.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from liax.data.regions import Regions, write_regions
from liax.files import atomic_file
from liax.preparation.config import ClipRecord, CutOptions, QualityLimits
from liax.preparation.identities import assign_splits, group_by_identity
from liax.preparation.inputs import InputVideo
from liax.preparation.segment import add_member, read_clips, read_records

log = logging.getLogger(__name__)

_BLOCK = tarfile.BLOCKSIZE
# What the JSON beside a clip in the shard holds.
_CLIP_JSON_KEYS = ("identity", "frames", "fps", "input", "since", "until")


@dataclass(frozen=True)
class ShardMember:
    """A kept clip: its name without ending, its size in bytes, the JSON beside it, and the file it is in."""

    name: str
    size: int
    about: bytes
    segment: Path


@dataclass(frozen=True)
class Shard:
    """`file` is relative to the data set's folder. Each clip is followed by its JSON."""

    file: str
    members: tuple[ShardMember, ...]

    def offsets(self) -> Iterator[int]:
        """Where each clip's bytes begin."""
        at = 0
        for member in self.members:
            yield at + _BLOCK
            at += _bytes_in_tar(member)


def plan_shards(rows: Sequence[dict[str, Any]], segments: dict[str, Path], size: int) -> list[Shard]:
    """Divide the kept rows into shards of about `size` bytes, split by split, in the order of their names.

    A shard's name depends on its content, so that no shard changes while a manifest lists it. The rows get
    their shard and offset.

    Args:
        segments: The file that each clip is in, by its name.
    """
    shards = []
    in_order = sorted(rows, key=lambda row: (row["split"], row["name"]))
    for split, in_split in groupby(in_order, lambda row: row["split"]):
        for number, group in enumerate(_fill_shards(list(in_split), segments, size)):
            told = "".join(f"{m.name} {m.size} {m.about!r}\n" for _, m in group)
            digest = hashlib.sha256(told.encode()).hexdigest()[:8]
            shard = Shard(f"shards/{split}-{number:05d}-{digest}.tar", tuple(member for _, member in group))
            shards.append(shard)
            for (row, _), offset in zip(group, shard.offsets(), strict=True):
                row["shard"], row["offset"] = shard.file, offset
    return shards


def write_shards(folder: Path, shards: Iterable[Shard], progress: Callable[[int], None]) -> None:
    """Write the shards that are not there yet, and the regions of all their clips, into `folder`."""
    (folder / "shards").mkdir(exist_ok=True)
    done = 0
    with atomic_file(folder / "regions.npz") as file:

        def measured() -> Iterator[tuple[str, Regions]]:
            nonlocal done
            for shard in shards:
                for name, regions in _write_shard(folder / shard.file, shard):
                    yield name, regions
                    done += 1
                    progress(done)

        write_regions(file, measured())


def remove_others(folder: Path, shards: Sequence[Shard]) -> None:
    """Remove shards of earlier manifests."""
    wanted = {folder / shard.file for shard in shards}
    for path in (folder / "shards").glob("*.tar"):
        if path not in wanted:
            path.unlink()


def _write_shard(path: Path, shard: Shard) -> Iterator[tuple[str, Regions]]:
    """Write one shard; yields its clips' names and regions."""
    with atomic_file(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for segment, members in groupby(shard.members, lambda member: member.segment):
            about = {member.name: member.about for member in members}
            for name, clip, regions in read_clips(segment, set(about)):
                add_member(tar, f"{name}.mp4", clip)
                add_member(tar, f"{name}.json", about[name])
                yield f"{name}.mp4", regions


def _fill_shards(
    rows: Sequence[dict[str, Any]], segments: dict[str, Path], size: int
) -> Iterator[list[tuple[dict[str, Any], ShardMember]]]:
    group: list[tuple[dict[str, Any], ShardMember]] = []
    taken = 0
    for row in rows:
        about = json.dumps({key: row[key] for key in _CLIP_JSON_KEYS}, sort_keys=True).encode()
        member = ShardMember(row["name"], row["size"], about, segments[row["name"]])
        group.append((row, member))
        taken += _bytes_in_tar(member)
        if taken >= size:
            yield group
            group, taken = [], 0
    if group:
        yield group


def _bytes_in_tar(member: ShardMember) -> int:
    """Bytes of the clip and its JSON in the tar, with their headers."""
    return 2 * _BLOCK + sum(-(-size // _BLOCK) * _BLOCK for size in (member.size, len(member.about)))


Row = dict[str, Any]

# The manifest's columns and their Arrow types; docs/preparing.md says what they mean.
_COLUMNS = {
    "file": "string",
    "kept": "bool",
    "reason": "string",
    "type": "string",
    "split": "string",
    "identity": "string",
    "frames": "int64",
    "fps": "float64",
    "shard": "string",
    "offset": "int64",
    "size": "int64",
    "input": "string",
    "key": "string",
    "width": "int64",
    "height": "int64",
    "rate": "float64",
    "since": "float64",
    "until": "float64",
    "left": "float64",
    "top": "float64",
    "side": "float64",
    "face": "float64",
    "outside": "float64",
    "seen": "float64",
    "others": "float64",
    "sharpness": "float64",
    "movement": "float64",
    "shake": "float64",
    "occlusion": "float64",
    "text": "int64",
    "damaged": "int64",
}


def assemble_dataset(
    folder: Path,
    finished: Path,
    inputs: Sequence[InputVideo],
    duplicates: Sequence[tuple[InputVideo, Path]],
    cut: CutOptions,
    limits: QualityLimits,
    val: float,
    shard_bytes: int,
    progress: Callable[[int, int], None],
) -> list[Row]:
    """Write shards, regions.npz and manifest.parquet into `folder`; returns the manifest's rows.

    The result does not depend on the order in which segments were finished. The manifest is replaced last,
    when all its shards are there.
    """
    rows, records, segments = [], [], {}
    for item, record, segment in _decisions(finished, inputs, duplicates):
        reason = limits.reason(record)
        rows.append(_row(item, record, reason))
        if reason is None:
            records.append(record)
            segments[record.name or ""] = segment
    kept = [row for row in rows if row["kept"]]
    people = group_by_identity(records)
    split = assign_splits(people, val)
    for row, person in zip(kept, people, strict=True):
        row |= {"type": "clip", "identity": person, "split": split[person], "file": f"{row['name']}.mp4"}
    shards = plan_shards(kept, segments, shard_bytes)
    write_shards(folder, shards, lambda done: progress(done, len(kept)))
    settings = {"cut": asdict(cut), "limits": asdict(limits), "val": val}
    _write_manifest(folder / "manifest.parquet", rows, settings)
    remove_others(folder, shards)
    return rows


def _decisions(
    finished: Path, inputs: Sequence[InputVideo], duplicates: Sequence[tuple[InputVideo, Path]]
) -> Iterator[tuple[InputVideo, ClipRecord, Path]]:
    """Every decision about every input, in the order of content, time and place."""
    for item in sorted(inputs, key=lambda item: (item.key, item.path)):
        if item.problem is not None:
            yield item, ClipRecord(item.key, 0, 0, problem=item.problem), Path()
        for segment in item.segments():
            path = segment.result(finished)
            if path.exists():
                records = read_records(path)
            else:
                since, until = segment.interval
                records = [ClipRecord(item.key, float(since), float(until), problem="not finished")]
            for record in records:
                yield item, record, path
    for item, first in duplicates:
        yield item, ClipRecord(item.key, 0, item.seconds, problem=f"the same as {first}"), Path()


def _row(item: InputVideo, record: ClipRecord, reason: str | None) -> Row:
    row = {field.name: getattr(record, field.name) for field in fields(ClipRecord)}
    row |= {"input": str(item.path), "width": item.width, "height": item.height, "rate": item.rate}
    return row | {"kept": reason is None, "reason": reason}


def _write_manifest(path: Path, rows: Sequence[Row], settings: dict[str, Any]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [(name, getattr(pa, kind + "_" * (kind == "bool"))()) for name, kind in _COLUMNS.items()],
        metadata={"liax": json.dumps(settings)},
    )
    table = pa.Table.from_pylist([{name: row.get(name) for name in _COLUMNS} for row in rows], schema)
    with atomic_file(path) as file:
        parquet.write_table(table, file)
