"""Convert pixel values: uint8 in files, [-1, 1] in the network, [0, 1] in metrics.

Everything that shows or measures the network's pictures converts them here, so that exactly what is shown is
measured. All functions take tensors of any shape.
"""

from __future__ import annotations

import torch
from torch import Tensor


def from_uint8(pixels: Tensor) -> Tensor:
    """uint8 levels as float32 in [-1, 1]."""
    return pixels.float() / 127.5 - 1


def to_unit(image: Tensor) -> Tensor:
    """The network's output, which need not be clamped, in [0, 1]."""
    return (image.clamp(-1, 1) + 1) / 2


def to_levels(image: Tensor) -> Tensor:
    """The network's output, which need not be clamped, as float32 levels from 0 to 255."""
    return (image.float().clamp(-1, 1) + 1) * 127.5


def to_uint8(image: Tensor) -> Tensor:
    """The network's output, which need not be clamped, as rounded uint8 levels."""
    return to_levels(image).round().to(torch.uint8)


def unit_from_uint8(pixels: Tensor) -> Tensor:
    """uint8 levels, of any shape, as float32 in [0, 1]."""
    return pixels.float() / 255


def unit_to_uint8(image: Tensor) -> Tensor:
    """Pixels in [0, 1], of any shape, as rounded uint8 levels."""
    return (image * 255).round().to(torch.uint8)
