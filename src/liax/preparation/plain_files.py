"""A data set of plain files: every clip an MP4 file of its own, and a manifest.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from liax.data.regions import Regions, write_regions
from liax.files import atomic_file
from liax.preparation.segment import read_clips

_FOLDER, _MANIFEST = "clips", "manifest.csv"


def name_files(rows: Sequence[dict[str, Any]]) -> None:
    """Gives each kept row the path of its clip within the folder."""
    for row in rows:
        row["file"] = f"{_FOLDER}/{row['name']}.mp4"


def write_files(
    folder: Path, rows: Sequence[dict[str, Any]], segments: dict[str, Path], progress: Callable[[int], None]
) -> None:
    """Write the clips that are not there yet, and the regions of all of them, into `folder`.

    Args:
        rows: The kept ones, with their names.
        segments: The file that each clip is in, by its name.
    """
    (folder / _FOLDER).mkdir(exist_ok=True)
    in_order = sorted(rows, key=lambda row: str(row["name"]))
    done = 0

    def measured() -> Iterator[tuple[str, Regions]]:
        nonlocal done
        for segment, members in groupby(in_order, lambda row: segments[row["name"]]):
            for name, clip, regions in read_clips(segment, {row["name"] for row in members}):
                path = folder / _FOLDER / f"{name}.mp4"
                if not path.exists() or path.read_bytes() != clip:
                    with atomic_file(path) as file:
                        file.write(clip)
                yield f"{_FOLDER}/{name}.mp4", regions
                done += 1
                progress(done)

    with atomic_file(folder / "regions.npz") as file:
        write_regions(file, measured())


def write_csv(folder: Path, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Write the kept rows as manifest.csv."""
    text = io.StringIO()
    table = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(sorted(rows, key=lambda row: str(row["name"])))
    with atomic_file(folder / _MANIFEST) as file:
        file.write(text.getvalue().encode())


def remove_files(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Remove what earlier runs wrote and none of these rows names; without rows, the manifest.csv as well."""
    wanted = {str(row["file"]) for row in rows}
    for path in (folder / _FOLDER).glob("*.mp4"):
        if f"{_FOLDER}/{path.name}" not in wanted:
            path.unlink()
    if not rows:
        (folder / _MANIFEST).unlink(missing_ok=True)
        if (folder / _FOLDER).is_dir() and not any((folder / _FOLDER).iterdir()):
            (folder / _FOLDER).rmdir()
