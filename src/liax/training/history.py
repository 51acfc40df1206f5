"""How weights were trained, run by run: a list that their file carries in its metadata, as JSON.

A run appends itself to the list of the weights that it started from, and `liax train interpolate` appends
what it did. So a file tells its whole training, and nobody writes that down by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from liax.bounded import parse_json
from liax.data.manifest import Manifest

# The key of the list in a weights file's metadata.
HISTORY_KEY = "training"

Entry = dict[str, Any]


def read_history(metadata: Mapping[str, str]) -> list[Entry]:
    """The entries in a weights file's metadata, oldest first; none if it has no such list."""
    try:
        entries = parse_json(metadata.get(HISTORY_KEY, "[]"))
    except ValueError:
        return []
    known = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
    return entries if known else []


def write_history(entries: Sequence[Entry]) -> dict[str, str]:
    """The entries as metadata of a weights file."""
    return {HISTORY_KEY: json.dumps(list(entries))}


def describe_material(manifest: Manifest) -> Entry:
    """What a run trains on, as an entry has it."""
    clips = [item for item in manifest.items if item.kind == "clip"]
    return {
        "clips": len(clips),
        "stills": len(manifest.items) - len(clips),
        "frames": sum(item.frames for item in manifest.items),
        "people": len({item.identity for item in manifest.items}),
    }
