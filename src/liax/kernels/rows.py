"""The layout of maps in kernels: each image is rows of C channels, split into chunks of rows for programs."""

from __future__ import annotations

import torch
import triton
from torch import Tensor

_ELEMENTS = 2048  # a program holds in registers at a time
_PROGRAMS = 2048  # fill a GPU several times


def channels_last(map_BCHW: Tensor) -> Tensor:
    """The map in channels-last layout, copied only if it is in another."""
    return map_BCHW.contiguous(memory_format=torch.channels_last)


def new_map(like_BCHW: Tensor, height: int, width: int) -> Tensor:
    """An uninitialised channels-last map like another, but of height × width."""
    size = (*like_BCHW.shape[:2], height, width)
    return torch.empty(
        size, dtype=like_BCHW.dtype, device=like_BCHW.device, memory_format=torch.channels_last
    )


def shape(map_BCHW: Tensor) -> tuple[int, int, dict[str, int]]:
    """Number of images, rows per image, and constants: C, C rounded up to a power of 2, rows per block."""
    batch, channels, height, width = map_BCHW.shape
    padded = triton.next_power_of_2(channels)
    return batch, height * width, {"C": channels, "PADDED": padded, "BLOCK": max(1, _ELEMENTS // padded)}


def chunks(batch: int, rows: int, block: int) -> tuple[int, int]:
    """Number of chunks into which an image's rows are split for sums over them, and rows per chunk."""
    count = min(triton.cdiv(rows, block), max(1, _PROGRAMS // batch))
    length = triton.cdiv(triton.cdiv(rows, count), block) * block
    return triton.cdiv(rows, length), length
