"""How the network is run on a device: as it is written, or recorded for an NVIDIA GPU."""

from __future__ import annotations

import logging
from functools import cache
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from liax.errors import SlowerPath
from liax.model import LIAX, Encoded
from liax.model.pixels import from_uint8, to_uint8

log = logging.getLogger(__name__)

# Of the norm; two right ways differ by one or two per cent in bfloat16, and hardly in float32.
_LARGEST_ERROR = 0.05


class Drawing(NamedTuple):
    """What the decoder draws.

    Args:
        image: (B, 3, R, R) float32, not clamped to [-1, 1].
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
        image_B3RR = levels_BRR3.to(self._device).permute(0, 3, 1, 2)
        return self._network.encode(from_uint8(image_B3RR).to(self._dtype))

    def coefficients(self, levels_BRR3: Tensor) -> Tensor:
        return self.encode(levels_BRR3).alpha_BM

    def draw(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Drawing:
        state = self._network.render(code_BD, features)[-1]
        return Drawing(state.image, state.grid)

    def draw_levels(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> Tensor:
        return to_uint8(self._network.decode(code_BD, features)).permute(0, 2, 3, 1)


@torch.inference_mode()
def choose_engine(network: LIAX, device: torch.device, dtype: torch.dtype) -> Engine:
    """The fastest way that works here; a GPU on which it does not is told about once."""
    plain = EagerEngine(network, dtype)
    if device.type != "cuda":
        return plain
    try:
        from liax.portrait.graph_engine import GraphEngine

        graphs = GraphEngine(network, dtype, device)
        off = difference(graphs, plain, network.config.size)
    except torch.OutOfMemoryError:
        _warn("The GPU's memory is nearly full")
        return plain
    except ImportError:
        _warn("Triton, which liax's GPU kernels need, is not installed")
        return plain
    except Exception as error:  # whatever a compiler or a driver that is too old may raise
        log.debug("GPU kernels do not run", exc_info=True)
        _warn(f"liax's GPU kernels do not run with this driver and Triton ({type(error).__name__})")
        return plain
    if not off <= _LARGEST_ERROR:  # nan too
        _warn(f"liax's GPU kernels compute something else than PyTorch does on this machine ({off:.0%} off)")
        return plain
    return graphs


def difference(engine: Engine, other: Engine, size: int) -> float:
    """Relative difference of the pictures of smooth noise that two engines draw."""
    noise = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    picture = torch.nn.functional.interpolate(noise, (size, size), mode="bicubic").clamp(0, 1) * 255
    levels_1RR3 = picture.to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    pictures = []
    for each in (engine, other):
        seen = each.encode(levels_1RR3)
        pictures.append(each.draw_levels(seen.code_BD, seen.features).double() - 127.5)
    return float((pictures[0] - pictures[1]).norm() / pictures[1].norm())


@cache
def _warn(reason: str) -> None:
    log.warning(SlowerPath(reason))
