"""The network that a run starts with: new, or trained weights with vectors where they are to be."""

from __future__ import annotations

import torch
from torch import Tensor

from liax.errors import LiaxError
from liax.model import LIAX, PRESETS
from liax.training.batches import Batches
from liax.training.checkpoint import latest_checkpoint
from liax.training.config import TrainConfig
from liax.training.kernel_check import check_kernels
from liax.training.meaning import adopt
from liax.training.sharding import make_equal
from liax.weights import load

_ENOUGH = 4096  # frames to find factors' directions from, unless the configuration says how many


def begin(config: TrainConfig, device: torch.device, batches: Batches) -> LIAX:
    """On its device and the same on all. LiaxError where `init` is of another preset, or kernels err."""
    torch.manual_seed(config.seed)
    network = LIAX(PRESETS[config.preset])
    if config.init is not None:
        started = load(config.init)
        if started.config != network.config:
            raise LiaxError(f"{config.init} is no network of the preset {config.preset}; choose its own")
        network = started.train().requires_grad_(True)
    network = network.to(device)
    if config.init is not None and config.meaningful and latest_checkpoint(config.out) is None:
        adopt(network, *coefficients(network, batches, config.simplify or _ENOUGH, config.dtype))
    network.dictionary.train_on()
    make_equal(network)
    if device.type == "cuda":
        if not config.sharded:  # FSDP wants its parameters contiguous
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if config.compile:
            check_kernels(network, next(batches.faces())[0])
        torch.backends.cudnn.benchmark = True  # pays in training, not in one check
        torch.backends.cudnn.benchmark_limit = 4
    return network


@torch.no_grad()
def coefficients(network: LIAX, batches: Batches, count: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Coefficients (N, M) and factors (N, K) of at least `count` training frames."""
    alphas: list[Tensor] = []
    factors: list[Tensor] = []
    for images, factors_BK in batches.faces():
        alphas.append(network.encode(images.to(dtype)).alpha_BM)
        factors.append(factors_BK)
        if sum(map(len, alphas)) >= count:
            break
    return torch.cat(alphas), torch.cat(factors)
