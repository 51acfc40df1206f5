"""Files from the published format to ours and back, bit for bit."""

from __future__ import annotations

import os
from pathlib import Path

from liax.errors import LiaxError
from liax.model import ModelConfig
from liax.weights import inference
from liax.weights.adapter import to_ours, to_published
from liax.weights.checkpoint import read_state, write_state

PUBLISHED_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")


def convert_file(source: str | os.PathLike[str], out: str | os.PathLike[str]) -> ModelConfig:
    """Write `source` (.pt or .safetensors) as `out` (the other kind); the suffixes tell the direction.

    Every tensor keeps its bits both ways. Both files are mapped, so memory stays far below their size.
    Returns the network's sizes. Raises LiaxError, and then leaves `out` as it was.
    """
    source, out = Path(source), Path(out)
    if source.suffix in PUBLISHED_SUFFIXES and out.suffix == ".safetensors":
        stored = to_ours(read_state(source), source)
        inference.write(out, stored)
    elif source.suffix == ".safetensors" and out.suffix in PUBLISHED_SUFFIXES:
        stored = inference.read(source)
        write_state(out, to_published(stored, source))
    else:
        raise LiaxError(
            f"Cannot tell what {source.name} → {out.name} means; convert a .pt to a .safetensors, or back."
        )
    return stored.config
