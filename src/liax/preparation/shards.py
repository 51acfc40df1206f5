"""Shards: tars of clips, which WebDataset reads as a stream and our training in any order."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from liax.data.regions import Regions, write_regions
from liax.files import atomic_file
from liax.preparation.segment import add_member, read_clips

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


def remove_shards(folder: Path, shards: Sequence[Shard]) -> None:
    """Remove shards of earlier manifests, and their folder if it is empty then."""
    wanted = {folder / shard.file for shard in shards}
    for path in (folder / "shards").glob("*.tar"):
        if path not in wanted:
            path.unlink()
    if not shards and (folder / "shards").is_dir() and not any((folder / "shards").iterdir()):
        (folder / "shards").rmdir()


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
