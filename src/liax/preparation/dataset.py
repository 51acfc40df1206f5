"""The data set: clips of finished segments, as shards or files, regions and a manifest of every decision."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from liax.files import atomic_file
from liax.preparation.config import ClipRecord, CutOptions, QualityLimits, Selection
from liax.preparation.identities import KnownPeople, assign_splits, group_by_identity, mean_embeddings
from liax.preparation.inputs import InputVideo
from liax.preparation.people import PEOPLE_FILE, OtherPeople, save_people
from liax.preparation.plain_files import name_files, remove_files, write_csv, write_files
from liax.preparation.segment import read_records
from liax.preparation.selection import too_many_of_people, too_many_of_videos
from liax.preparation.shards import plan_shards, remove_shards, write_shards
from liax.progress import Progress

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
    "pixels": "int64",
    "face": "float64",
    "outside": "float64",
    "seen": "float64",
    "others": "float64",
    "sharpness": "float64",
    "movement": "float64",
    "shake": "float64",
    "occlusion": "float64",
    "text": "int64",
    "seam": "float64",
    "skin": "float64",
    "damaged": "int64",
}
_NOT_IN_CSV = ("kept", "reason", "shard", "offset", "size")


@dataclass(frozen=True)
class Layout:
    """How the files of a data set lie in its folder.

    Args:
        shard_bytes: About the size of a shard.
        plain: An MP4 file for each clip and a manifest.csv, instead of shards.
    """

    shard_bytes: int = 256 << 20
    plain: bool = False


def assemble_dataset(
    folder: Path,
    finished: Path,
    inputs: Sequence[InputVideo],
    duplicates: Sequence[tuple[InputVideo, Path]],
    cut: CutOptions,
    limits: QualityLimits,
    selection: Selection,
    others: OtherPeople,
    layout: Layout,
    progress: Progress,
) -> list[Row]:
    """Write clips, regions.npz and the manifest into `folder`; returns the manifest's rows.

    The result does not depend on the order in which segments were finished. The manifest is replaced last,
    when all its clips are there.
    """
    rows, good, records, segments = [], [], [], {}
    for item, record, segment in _decisions(finished, inputs, duplicates, selection.minutes):
        reason = limits.reason(record)
        rows.append(_row(item, record, reason))
        if reason is None:
            good.append(rows[-1])
            records.append(record)
            segments[record.name or ""] = segment
    _select(good, records, others, selection)
    kept = [row for row in rows if row["kept"]]
    if cut.identities:
        _write_people(folder, kept, good, records)
    settings = {"cut": asdict(cut), "limits": asdict(limits), "selection": asdict(selection)}

    def report(done: int) -> None:
        progress("writing clips", done, len(kept))

    if layout.plain:
        name_files(kept)
        write_files(folder, kept, segments, report)
        _write_manifest(folder / "manifest.parquet", rows, settings)
        write_csv(folder, kept, [name for name in _COLUMNS if name not in _NOT_IN_CSV])
        remove_shards(folder, [])
        remove_files(folder, kept)
    else:
        shards = plan_shards(kept, segments, layout.shard_bytes)
        write_shards(folder, shards, report)
        _write_manifest(folder / "manifest.parquet", rows, settings)
        remove_shards(folder, shards)
        remove_files(folder, [])
    return rows


def _select(
    good: Sequence[Row], records: Sequence[ClipRecord], others: OtherPeople, selection: Selection
) -> None:
    """Gives the rows of good clips their person and split, and takes out those that are not to be kept."""
    people = group_by_identity(records)
    names, splits, unwanted = others.told(mean_embeddings(records, people))
    reasons = {k: unwanted[person] for k, person in enumerate(people) if person in unwanted}
    people = [names.get(person, person) for person in people]
    too_many = too_many_of_videos(records, selection.most_per_video, set(reasons))
    reasons |= dict.fromkeys(too_many, "enough of this video")
    too_many = too_many_of_people(records, people, selection.most_per_person, set(reasons))
    reasons |= dict.fromkeys(too_many, "enough of this person")
    stay = [k for k in range(len(records)) if k not in reasons]
    split = assign_splits([people[k] for k in stay], [records[k].key for k in stay], selection.val, splits)
    for k, row in enumerate(good):
        reason = reasons.get(k) or (None if split[people[k]] else "its video shows people of several splits")
        row |= {"kept": reason is None, "reason": reason}
        if reason is None:
            row |= {"type": "clip", "identity": people[k], "split": split[people[k]]}
            row["file"] = f"{row['name']}.mp4"


def _write_people(
    folder: Path, kept: Sequence[Row], good: Sequence[Row], records: Sequence[ClipRecord]
) -> None:
    """Write people.npz, by which other data sets know these people."""
    shown = [(record, row["identity"]) for record, row in zip(records, good, strict=True) if row["kept"]]
    embeddings = mean_embeddings([record for record, _ in shown], [person for _, person in shown])
    split = {row["identity"]: row["split"] for row in kept}
    names = tuple(sorted(embeddings))
    means_PE = np.array([embeddings[name] for name in names]).reshape(len(names), -1)
    save_people(folder / PEOPLE_FILE, KnownPeople(names, tuple(split[name] for name in names), means_PE))


def _decisions(
    finished: Path,
    inputs: Sequence[InputVideo],
    duplicates: Sequence[tuple[InputVideo, Path]],
    minutes: int | None,
) -> Iterator[tuple[InputVideo, ClipRecord, Path]]:
    """Every decision about every input, in the order of content, time and place."""
    for item in sorted(inputs, key=lambda item: (item.key, item.path)):
        if item.problem is not None:
            yield item, ClipRecord(item.key, 0, 0, problem=item.problem), Path()
        searched = {segment.number for segment in item.segments(minutes)}
        for segment in item.segments():
            path = segment.result(finished)
            if segment.number not in searched:
                since, until = segment.interval
                records = [ClipRecord(item.key, float(since), float(until), problem="not searched")]
            elif path.exists():
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
        metadata={"liax": json.dumps(settings, default=str)},
    )
    table = pa.Table.from_pylist([{name: row.get(name) for name in _COLUMNS} for row in rows], schema)
    with atomic_file(path) as file:
        parquet.write_table(table, file)
