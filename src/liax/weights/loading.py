"""From a name or a path to a network."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import torch

from liax.errors import LiaxError
from liax.model import LIAX
from liax.weights import files

BUNDLED = {"small": "liax-small.safetensors"}


def load(name_or_path: str | os.PathLike[str] = "small", device: str | torch.device = "cpu") -> LIAX:
    """A network ready for inference: float32 on `device`, evaluation mode, no gradients.

    Args:
        name_or_path: A bundled name ("small"), the path of a file that liax wrote, or a hub name
            ("owner/repository"; "YaohuiW/LIA-X" is the published checkpoint, converted as it is read). The
            file's free metadata is the network's `metadata`.

    Raises:
        LiaxError: .
    """
    return files.build(open_weights(name_or_path), device)


def open_weights(name_or_path: str | os.PathLike[str] = "small") -> files.StoredWeights:
    """What `load` makes a network of, checked and mapped into memory; names and errors are the same."""
    name = os.fspath(name_or_path)
    if name in BUNDLED:
        return files.read(_bundled(name))
    path = Path(name)
    if path.exists() or isinstance(name_or_path, Path):
        return files.read(path)

    from liax.weights import hub  # Slow to import, seldom needed.

    if not hub.is_hub_name(name):
        raise LiaxError(
            f"There is no file {name}; give a path, a bundled name ({', '.join(BUNDLED)}) "
            "or a hub name (owner/repository)."
        )
    path = hub.fetch(name)
    if path.suffix == ".safetensors":
        return files.read(path)
    from liax.weights.checkpoint import read_state
    from liax.weights.published import to_ours

    return to_ours(read_state(path), path)


def _bundled(name: str) -> Path:
    path = Path(str(resources.files("liax.weights"))) / "bundled" / BUNDLED[name]
    if not path.is_file():
        raise LiaxError(
            f"The weights named {name} are not part of this installation ({BUNDLED[name]} is missing); "
            "install liax again, or give the path of a weights file."
        )
    return path
