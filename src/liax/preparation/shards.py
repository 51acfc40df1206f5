"""Shards: tars of clips that WebDataset reads in a stream and our training reads in any order."""

from __future__ import annotations

import hashlib
import json
import logging
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from liax.data.regions import Regions, write_regions
from liax.files import replacing
from liax.preparation.unit import add_member, read_clips

log = logging.getLogger(__name__)

_BLOCK = tarfile.BLOCKSIZE
# What a clip's JSON beside it in the shard tells.
_TOLD = ("identity", "frames", "fps", "input", "since", "until")


@dataclass(frozen=True)
class Member:
    """A kept clip: its name without ending, the bytes it takes, the JSON beside it, and the unit it is in."""

    name: str
    size: int
    about: bytes
    unit: Path


@dataclass(frozen=True)
class Shard:
    """`file` is relative to the data set's folder. Each clip is followed by its JSON."""

    file: str
    members: tuple[Member, ...]

    def offsets(self) -> Iterator[int]:
        """Where each clip's bytes begin."""
        at = 0
        for member in self.members:
            yield at + _BLOCK
            at += _taken(member)


def plan_shards(rows: Sequence[dict[str, Any]], units: dict[str, Path], size: int) -> list[Shard]:
    """Divide the kept rows into shards of about `size` bytes, split by split, in the order of their names.

    A shard's name depends on what is in it, so that none changes under a manifest that tells of it.
    Gives the rows their shard and offset. units: the file that each clip is in, by its name.
    """
    shards = []
    in_order = sorted(rows, key=lambda row: (row["split"], row["name"]))
    for split, in_split in groupby(in_order, lambda row: row["split"]):
        for number, group in enumerate(_filled(list(in_split), units, size)):
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
    with replacing(folder / "regions.npz") as file:

        def measured() -> Iterator[tuple[str, Regions]]:
            nonlocal done
            for shard in shards:
                for name, regions in _write(folder / shard.file, shard):
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


def _write(path: Path, shard: Shard) -> Iterator[tuple[str, Regions]]:
    """Write one shard; the regions of its clips as they are passed."""
    with replacing(path) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for unit, members in groupby(shard.members, lambda member: member.unit):
            about = {member.name: member.about for member in members}
            for name, clip, regions in read_clips(unit, set(about)):
                add_member(tar, f"{name}.mp4", clip)
                add_member(tar, f"{name}.json", about[name])
                yield f"{name}.mp4", regions


def _filled(
    rows: Sequence[dict[str, Any]], units: dict[str, Path], size: int
) -> Iterator[list[tuple[dict[str, Any], Member]]]:
    group: list[tuple[dict[str, Any], Member]] = []
    taken = 0
    for row in rows:
        about = json.dumps({key: row[key] for key in _TOLD}, sort_keys=True).encode()
        member = Member(row["name"], row["size"], about, units[row["name"]])
        group.append((row, member))
        taken += _taken(member)
        if taken >= size:
            yield group
            group, taken = [], 0
    if group:
        yield group


def _taken(member: Member) -> int:
    """Bytes of the clip and its JSON in the tar, with their headers."""
    return 2 * _BLOCK + sum(-(-size // _BLOCK) * _BLOCK for size in (member.size, len(member.about)))
