"""How kernels see a map: images of rows of channels, cut into chunks of rows for the programs."""

from __future__ import annotations

import torch
import triton
from torch import Tensor

_ELEMENTS = 2048  # that a program has in registers at a time
_PROGRAMS = 2048  # enough to fill a GPU several times


def channels_last(map_BCHW: Tensor) -> Tensor:
    return map_BCHW.contiguous(memory_format=torch.channels_last)


def new_map(like_BCHW: Tensor, height: int, width: int) -> Tensor:
    """Of other sides, channels last, with no values yet."""
    size = (*like_BCHW.shape[:2], height, width)
    return torch.empty(
        size, dtype=like_BCHW.dtype, device=like_BCHW.device, memory_format=torch.channels_last
    )


def shape(map_BCHW: Tensor) -> tuple[int, int, dict[str, int]]:
    """Images, rows an image, and constants: C, that rounded up to a power of 2, rows at a time."""
    batch, channels, height, width = map_BCHW.shape
    padded = triton.next_power_of_2(channels)
    return batch, height * width, {"C": channels, "PADDED": padded, "BLOCK": max(1, _ELEMENTS // padded)}


def chunks(batch: int, rows: int, block: int) -> tuple[int, int]:
    """Into how many chunks an image's rows are cut for sums over them, and how many rows a chunk has."""
    count = min(triton.cdiv(rows, block), max(1, _PROGRAMS // batch))
    length = triton.cdiv(triton.cdiv(rows, count), block) * block
    return triton.cdiv(rows, length), length
