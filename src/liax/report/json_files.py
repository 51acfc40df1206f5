"""Results as JSON: written whole, read back when a run is continued; a folder for one set of settings."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from liax import bounded
from liax.errors import LiaxError
from liax.files import atomic_file

_MOST_BYTES = 256 << 20


def json_ready(value: Any) -> Any:
    """Dataclasses, arrays, tuples and paths as what JSON has; what is not finite becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_ready(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return json_ready(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def write_json(path: Path, value: Any) -> None:
    with atomic_file(path) as file:
        file.write(json.dumps(json_ready(value), indent=1, ensure_ascii=False, allow_nan=False).encode())


def read_json(path: Path) -> Any:
    """Raises LiaxError for a file that is no JSON."""
    try:
        return bounded.read_json(path, _MOST_BYTES)
    except (OSError, ValueError) as error:
        raise LiaxError(
            f"{path} cannot be read ({bounded.short(error)}); delete it to have it made anew."
        ) from None


def load_or_make(path: Path, make: Callable[[], Any]) -> Any:
    """What `path` holds, or what `make` gives, as JSON has it; that is then kept there."""
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        write_json(path, make())
    return read_json(path)


def lock_settings(folder: Path, facts: Mapping[str, Any]) -> None:
    """Make `folder` and note in it what it is for; raises LiaxError if it is for something else."""
    path = folder / "settings.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LiaxError(f"{folder} cannot be made ({error.strerror}); name another folder.") from None
    if path.exists():
        known = read_json(path)
        if not isinstance(known, dict):
            raise LiaxError(f"{path} is damaged; name another folder.")
        other = [key for key, value in json_ready(facts).items() if known.get(key) != value]
        if other:
            raise LiaxError(
                f"{folder} holds results made with other {', '.join(other)}; name another folder."
            )
    elif any(folder.iterdir()):
        raise LiaxError(f"{folder} has something else in it; name a new folder.")
    write_json(path, facts)
