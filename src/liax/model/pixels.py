"""Pixel values: uint8 as files have them, [-1, 1] as the network takes and gives them, [0, 1] to compare.

Everything that shows or measures the network's pictures converts them here, so that what is measured is
what is shown.
"""

from __future__ import annotations

import torch
from torch import Tensor


def from_uint8(pixels: Tensor) -> Tensor:
    """uint8 levels, of any shape, as float32 in [-1, 1]."""
    return pixels.float() / 127.5 - 1


def to_unit(image: Tensor) -> Tensor:
    """The network's output, of any shape and not clamped yet, in [0, 1]."""
    return (image.clamp(-1, 1) + 1) / 2


def to_levels(image: Tensor) -> Tensor:
    """The network's output, of any shape and not clamped yet, as float32 levels from 0 to 255."""
    return (image.float().clamp(-1, 1) + 1) * 127.5


def to_uint8(image: Tensor) -> Tensor:
    """The network's output, of any shape and not clamped yet, as rounded uint8 levels."""
    return to_levels(image).round().to(torch.uint8)


def unit_from_uint8(pixels: Tensor) -> Tensor:
    """uint8 levels, of any shape, as float32 in [0, 1]."""
    return pixels.float() / 255


def unit_to_uint8(image: Tensor) -> Tensor:
    """Pixels in [0, 1], of any shape, as rounded uint8 levels."""
    return (image * 255).round().to(torch.uint8)
