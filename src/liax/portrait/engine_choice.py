"""The fastest way to run the network that works on a device: as it is written, or recorded for a GPU."""

from __future__ import annotations

import logging
from functools import cache

import torch

from liax.errors import SlowerPath
from liax.model import LIAX
from liax.portrait.engine import EagerEngine, Engine

log = logging.getLogger(__name__)

# Of the norm; two right ways differ by one or two per cent in bfloat16, and hardly in float32.
_LARGEST_ERROR = 0.05


@torch.inference_mode()
def choose_engine(network: LIAX, device: torch.device, dtype: torch.dtype) -> Engine:
    """The fastest way that works here; a GPU on which it does not is told about once."""
    plain = EagerEngine(network, dtype)
    if device.type != "cuda":
        return plain
    try:
        from liax.portrait.graph_engine import GraphEngine  # needs Triton

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
