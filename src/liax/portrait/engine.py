"""How the network is run on a device: what every way offers, and the network as it is written."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from liax.model import LIAX, Encoded
from liax.model.pixels import from_uint8, to_uint8


class Drawing(NamedTuple):
    """What the decoder draws.

    Args:
        image: (B, 3, R, R) float32, not clamped to [-1, 1]; R is the side of what the network draws.
        grid: From where in the source the pixels are, (B, R, R, 2), as in `liax.model.decoder.State`.
    """

    image: Tensor
    grid: Tensor


class Engine(Protocol):
    """Runs a network; features are of each code's source, or of one source (batch 1) for all codes."""

    def encode(self, levels_BRR3: Tensor) -> Encoded:
        """Of uint8 pictures, on any device; the results are the caller's."""

    def coefficients(self, levels_BRR3: Tensor) -> Tensor:
        """Only the motion coefficients (B, M) of uint8 pictures."""

    def draw(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Drawing:
        """The pictures of codes."""

    def draw_levels(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Tensor:
        """The pictures of codes as uint8, (B, R, R, 3)."""


def smooth_noise(side: int) -> Tensor:
    """A picture to try engines with, uint8 (1, side, side, 3); always the same."""
    noise = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    picture = F.interpolate(noise, (side, side), mode="bicubic").clamp(0, 1) * 255
    return picture.to(torch.uint8).permute(0, 2, 3, 1).contiguous()


class EagerEngine:
    """The network, operation by operation.

    Args:
        network: On its device.
        dtype: Of the maps.
    """

    def __init__(self, network: LIAX, dtype: torch.dtype) -> None:
        self._network, self._dtype = network, dtype
        self._device = next(network.parameters()).device

    def encode(self, levels_BRR3: Tensor) -> Encoded:
        return self._network.encode(self._image(levels_BRR3))

    def coefficients(self, levels_BRR3: Tensor) -> Tensor:
        return self._network.read(self._image(levels_BRR3))

    def _image(self, levels_BRR3: Tensor) -> Tensor:
        return from_uint8(levels_BRR3.to(self._device).permute(0, 3, 1, 2)).to(self._dtype)

    def draw(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Drawing:
        state = self._network.render(code_BD, features)[-1]
        return Drawing(state.image, state.grid)

    def draw_levels(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Tensor:
        return to_uint8(self._network.decode(code_BD, features)).permute(0, 2, 3, 1)
