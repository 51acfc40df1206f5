"""Published checkpoint files: state dicts read without running code, written back, and converted bit for
bit.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from liax.errors import LiaxError
from liax.files import atomic_file
from liax.model import ModelConfig
from liax.weights import files
from liax.weights.published import ANCHORS, to_ours, to_published

# Where training scripts keep a generator inside their checkpoints, the averaged one first.
_NESTS = ("g_ema", "ema", "gen", "generator", "state_dict", "model")
_DEPTH = 3


def read_state(path: Path) -> dict[str, Tensor]:
    """The generator's tensors by their published names, mapped from the file rather than read at once.

    Finds them at the top or under a key such as gen or state_dict, with or without a prefix such as module.
    Only tensors and plain containers are unpickled.

    Raises:
        LiaxError: For anything else.
    """
    if not path.is_file():
        raise LiaxError(f"There is no file {path}; check the path.")
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    if zipped and not zipfile.is_zipfile(path):
        raise LiaxError(f"{path} is damaged or cut short; copy or download it again.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        raise LiaxError(
            f"{path} was refused: it is no checkpoint, or reading it would run code that it contains; "
            "save its plain state dict again, from a program that you trust."
        ) from error
    except Exception as error:  # torch.load lets many kinds through for damaged files.
        raise LiaxError(f"{path} is not a readable PyTorch checkpoint; copy or download it again.") from error
    state = _generator(content, _DEPTH)
    if state is None:
        raise LiaxError(
            f"{path} holds no LIA-X network (no tensor {ANCHORS[0]}); "
            "give lia-x.pt or a state dict with its names."
        )
    return state


def write_state(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write a plain state dict as the published one is; the whole file or none of it."""
    with atomic_file(path) as file:
        torch.save(dict(state), file)


def _generator(content: Any, depth: int) -> dict[str, Tensor] | None:
    if not isinstance(content, Mapping) or depth == 0:
        return None
    for name, value in content.items():
        for anchor in ANCHORS:
            if isinstance(value, Tensor) and f".{name}".endswith(f".{anchor}"):
                prefix = name.removesuffix(anchor)
                return {
                    n.removeprefix(prefix): t
                    for n, t in content.items()
                    if isinstance(t, Tensor) and n.startswith(prefix)
                }
    for key in (*_NESTS, *content):
        found = _generator(content.get(key), depth - 1)
        if found is not None:
            return found
    return None


PUBLISHED_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")


def convert_file(source: str | os.PathLike[str], out: str | os.PathLike[str]) -> ModelConfig:
    """Write `source` (.pt or .safetensors) as `out` (the other kind); the suffixes tell the direction.

    Every tensor keeps its bits both ways. Both files are mapped, so memory stays far below their size.
    Returns the network's sizes.

    Raises:
        LiaxError: And then leaves `out` as it was.
    """
    source, out = Path(source), Path(out)
    if source.suffix in PUBLISHED_SUFFIXES and out.suffix == ".safetensors":
        stored = to_ours(read_state(source), source)
        files.write(out, stored)
    elif source.suffix == ".safetensors" and out.suffix in PUBLISHED_SUFFIXES:
        stored = files.read(source)
        write_state(out, to_published(stored, source))
    else:
        raise LiaxError(
            f"Cannot tell what {source.name} → {out.name} means; convert a .pt to a .safetensors, or back."
        )
    return stored.config
