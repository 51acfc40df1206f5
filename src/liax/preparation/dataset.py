"""The data set: finished units become shards, regions and a manifest that tells every decision."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from liax.files import replacing
from liax.preparation.config import Cut, Limits
from liax.preparation.inputs import Input
from liax.preparation.people import identities, splits
from liax.preparation.record import Record
from liax.preparation.shards import plan_shards, remove_others, write_shards
from liax.preparation.unit import read_records

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


def assemble(
    folder: Path,
    finished: Path,
    inputs: Sequence[Input],
    again: Sequence[tuple[Input, Path]],
    cut: Cut,
    limits: Limits,
    val: float,
    shard_bytes: int,
    progress: Callable[[int, int], None],
) -> list[Row]:
    """Write shards, regions.npz and manifest.parquet into `folder`; returns the manifest's rows.

    The result depends on what is given, and not on the order in which units were finished. The manifest is
    replaced last, and the shards that it tells of are there before.
    """
    rows, records, units = [], [], {}
    for item, record, unit in _decisions(finished, inputs, again):
        reason = limits.reason(record)
        rows.append(_row(item, record, reason))
        if reason is None:
            records.append(record)
            units[record.name or ""] = unit
    kept = [row for row in rows if row["kept"]]
    people = identities(records)
    split = splits(people, val)
    for row, person in zip(kept, people, strict=True):
        row |= {"type": "clip", "identity": person, "split": split[person], "file": f"{row['name']}.mp4"}
    shards = plan_shards(kept, units, shard_bytes)
    write_shards(folder, shards, lambda done: progress(done, len(kept)))
    settings = {"cut": asdict(cut), "limits": asdict(limits), "val": val}
    _write_manifest(folder / "manifest.parquet", rows, settings)
    remove_others(folder, shards)
    return rows


def _decisions(
    finished: Path, inputs: Sequence[Input], again: Sequence[tuple[Input, Path]]
) -> Iterator[tuple[Input, Record, Path]]:
    """Every decision about every input, in the order of content, time and place."""
    for item in sorted(inputs, key=lambda item: (item.key, item.path)):
        if item.problem is not None:
            yield item, Record(item.key, 0, 0, problem=item.problem), Path()
        for unit in item.units():
            path = unit.result(finished)
            if path.exists():
                records = read_records(path)
            else:
                since, until = unit.stretch
                records = [Record(item.key, float(since), float(until), problem="not finished")]
            for record in records:
                yield item, record, path
    for item, first in again:
        yield item, Record(item.key, 0, item.seconds, problem=f"the same as {first}"), Path()


def _row(item: Input, record: Record, reason: str | None) -> Row:
    row = {field.name: getattr(record, field.name) for field in fields(Record)}
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
    with replacing(path) as file:
        parquet.write_table(table, file)
