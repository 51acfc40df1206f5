"""Read and write PyTorch checkpoints of the published network, and convert them to weights files and back.

Reading runs no code that a checkpoint may contain, and converting changes no bit of a tensor.
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
from liax.files import atomic_file, check_output
from liax.model import ModelConfig
from liax.weights import files
from liax.weights.published import ANCHORS, to_ours, to_published

# Keys under which training scripts keep the generator, the averaged one first.
_GENERATOR_KEYS = ("g_ema", "ema", "gen", "generator", "state_dict", "model")
_MAX_DEPTH = 3  # levels of nested dictionaries that are searched


def read_state(path: Path) -> dict[str, Tensor]:
    """The generator's tensors under their published names, memory-mapped from the file.

    They are found at the top level or under a key such as "gen" or "state_dict", with or without a prefix
    such as "module.". Only tensors and plain containers are unpickled.

    Raises:
        LiaxError: If the file is missing or damaged, contains other objects, or holds no such network.
    """
    if not path.is_file():
        raise LiaxError(f"There is no file {path}", "check the path")
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    if zipped and not zipfile.is_zipfile(path):
        raise LiaxError(f"{path} is damaged or cut short", "copy or download it again")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        raise LiaxError(
            f"{path} was refused: it is no checkpoint, or reading it would run code that it contains",
            "save its plain state dict again, from a program that you trust",
        ) from error
    except Exception as error:  # torch.load raises many kinds for damaged files.
        raise LiaxError(
            f"{path} is not a readable PyTorch checkpoint", "copy or download it again"
        ) from error
    state = _find_generator(content, _MAX_DEPTH)
    if state is None:
        raise LiaxError(
            f"{path} holds no LIA-X network (no tensor {ANCHORS[0]})",
            "give lia-x.pt or a state dict with its names",
        )
    return state


def write_state(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write a plain state dict, completely or not at all."""
    with atomic_file(path) as file:
        torch.save(dict(state), file)


def _find_generator(content: Any, depth: int) -> dict[str, Tensor] | None:
    """The generator's state dict, searched for in nested mappings of at most `depth` levels."""
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
    for key in (*_GENERATOR_KEYS, *content):
        found = _find_generator(content.get(key), depth - 1)
        if found is not None:
            return found
    return None


PUBLISHED_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")


def convert_file(
    source: str | os.PathLike[str], out: str | os.PathLike[str], *, overwrite: bool = False
) -> ModelConfig:
    """Convert a published checkpoint to a weights file, or back; the suffixes say which.

    Every tensor keeps its bits. The source is memory-mapped, so memory stays far below the files' size.

    Args:
        source: A checkpoint (.pt, .pth, .ckpt or .bin) or a weights file (.safetensors).
        out: The file to write, of the other kind.
        overwrite: Whether it may exist already.

    Returns:
        The network's sizes.

    Raises:
        LiaxError: If the source cannot be converted; `out` is then left as it was.
    """
    source, out = Path(source), Path(out)
    if source.suffix in PUBLISHED_SUFFIXES and out.suffix == ".safetensors":
        check_output(out, suffixes=(out.suffix,), overwrite=overwrite, inputs=(source,))
        stored = to_ours(read_state(source), source)
        files.write(out, stored)
    elif source.suffix == ".safetensors" and out.suffix in PUBLISHED_SUFFIXES:
        check_output(out, suffixes=(out.suffix,), overwrite=overwrite, inputs=(source,))
        stored = files.read(source)
        write_state(out, to_published(stored, source))
    else:
        raise LiaxError(
            f"Cannot tell what {source.name} → {out.name} means",
            "convert a .pt to a .safetensors, or back",
        )
    return stored.config
