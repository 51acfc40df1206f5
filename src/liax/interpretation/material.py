"""What weights are measured on: clips, and portraits of which some people are held out."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from liax.data.frames import decode_item
from liax.data.manifest import Item, Manifest, manifest_in, read_manifest
from liax.errors import LiaxError
from liax.portrait.still import Source

PICTURES = (".jpg", ".jpeg", ".png", ".webp")
_VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi")
# Every so manyth person calibrates nothing and is asked afterwards.
_HELD_OUT_EVERY = 4


@dataclass(frozen=True)
class Portraits:
    """Portraits by name: those to measure effects on, and those of other people to verify controls on.

    crop: whether their faces have yet to be found and cut out.
    """

    measured: Mapping[str, Source]
    held_out: Mapping[str, Source]
    crop: bool


def open_material(data: Path, split: str | None) -> Manifest:
    """The clips and stills of a manifest's split, or of a folder without one, all cropped around one face.

    In a folder without a manifest every video and picture counts as a person of its own.
    Raises LiaxError for what is neither, or empty.
    """
    if not data.is_dir() or manifest_in(data):
        return read_manifest(data, split)
    items = []
    for path in sorted(data.iterdir()):
        if path.suffix.lower() in _VIDEOS:
            everything = Item(path.name, "clip", path.stem, sys.maxsize)
            frames = sum(1 for _ in decode_item(data, everything))
            items.append(Item(path.name, "clip", path.stem, frames))
        elif path.suffix.lower() in PICTURES:
            items.append(Item(path.name, "portrait", path.stem, 1))
    if not items:
        raise LiaxError(f"{data} holds no manifest.csv, video or picture; give the folder that does.")
    return Manifest(data, tuple(items), hashlib.sha256(repr(items).encode()).hexdigest())


def choose_portraits(manifest: Manifest, folder: Path | None, count: int) -> Portraits:
    """At most `count` portraits to measure, half as many to verify on, as many people as there are.

    folder: of pictures, a person each, whose faces will be found; None takes the manifest's stills and the
        first frames of its clips. A person is either measured or held out, never both.
    Raises LiaxError for fewer than two people.
    """
    if folder is not None:
        if not folder.is_dir():
            raise LiaxError(f"{folder} is not a folder; give one of portraits.")
        found: list[tuple[str, str, Source]] = [
            (path.stem, path.name, path)
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in PICTURES
        ]
        where = folder
    else:
        stills_first = sorted(manifest.items, key=lambda item: item.kind == "clip")
        found = [(item.identity, item.file, _first_frame(manifest, item)) for item in stills_first]
        where = manifest.folder
    people: dict[str, list[tuple[str, Source]]] = {}
    for identity, name, source in found:
        people.setdefault(identity, []).append((name, source))
    if len(people) < 2:
        raise LiaxError(
            f"{where} shows {len(people)} person; give two at least: one to measure, one to verify."
        )
    galleries = list(people.values())
    apart = set(range(_HELD_OUT_EVERY - 1, len(galleries), _HELD_OUT_EVERY)) or {len(galleries) - 1}
    measured = [gallery for i, gallery in enumerate(galleries) if i not in apart]
    held_out = [gallery for i, gallery in enumerate(galleries) if i in apart]
    return Portraits(
        dict(_in_turn(measured)[:count]), dict(_in_turn(held_out)[: max(1, count // 2)]), folder is not None
    )


def _first_frame(manifest: Manifest, item: Item) -> Source:
    if item.kind == "portrait":
        return manifest.folder / item.file
    return next(iter(decode_item(manifest.folder, item)))


def _in_turn(galleries: Iterable[list[tuple[str, Source]]]) -> list[tuple[str, Source]]:
    """The first portrait of everybody, then the second of those who have two, and so on."""
    return [portrait for turn in zip_longest(*galleries) for portrait in turn if portrait is not None]
