"""How a run's network is divided among devices: whole on each of them (DDP), or a part on each (FSDP2).

A sharded network's parameters, momenta and averages are DTensors, of which every process holds its rows.
Blocks of the encoder and levels of the decoder are gathered one at a time, when a step needs them.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.distributed as dist
from lightning.fabric.strategies import ModelParallelStrategy, Strategy
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.utils.checkpoint import checkpoint

from liax.model import LIAX
from liax.training.config import TrainConfig


def choose_strategy(config: TrainConfig) -> Strategy | str:
    """Fabric's strategy for a run."""
    if config.sharded:
        return ModelParallelStrategy(
            shard_network, data_parallel_size=config.processes, tensor_parallel_size=1
        )
    return "ddp" if config.processes > 1 else "auto"


def shard_network(network: LIAX, mesh: DeviceMesh) -> LIAX:
    """Shards a network that is the same on all processes, in place."""
    for module in (*network.encoder.blocks, *network.decoder.levels, network):
        fully_shard(module, mesh=mesh["data_parallel"])
    return network


def gather_network(network: LIAX, device: torch.device) -> LIAX:
    """A sharded network made whole, on `device` of the first process; on the others it is empty.

    All processes must call it. A network that is not sharded is returned as it is.
    """
    if not isinstance(network, FSDPModule):
        return network
    state = get_model_state_dict(network, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    with torch.device("meta"):
        whole = LIAX(network.config)
    whole.dictionary.train_on()
    if dist.get_rank() == 0:
        whole.load_state_dict(state, assign=True)
        whole = whole.to(device)
    return whole.requires_grad_(False)


def checkpoint_activations(network: LIAX) -> None:
    """Lets encoder blocks and decoder levels compute their maps again in the backward pass."""
    for block in (*network.encoder.blocks, *network.decoder.levels):
        block.forward = partial(checkpoint, block.forward, use_reentrant=False, preserve_rng_state=False)


@torch.no_grad()
def broadcast_parameters(module: nn.Module) -> None:
    """Gives all processes the first one's parameters."""
    if dist.is_initialized():
        for parameter in module.parameters():
            dist.broadcast(parameter, 0)


@torch.no_grad()
def mean_over_processes(values: Tensor) -> Tensor:
    """The mean of a tensor that all processes have.

    It is queued on the device like any operation. Fabric's `all_reduce` has a barrier, in which the host
    would wait for everything that the device still has to do.
    """
    if not dist.is_initialized():
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


@torch.no_grad()
def average_gradients(module: nn.Module) -> None:
    """Averages gradients over all processes, for a module that is whole on each and not wrapped in DDP."""
    if not dist.is_initialized():
        return
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    flat = torch.empty(sum(g.numel() for g in gradients), device=gradients[0].device)
    # In each gradient's own layout, so that all are copied by a few kernels.
    parts = flat.split([g.numel() for g in gradients])
    parts = [part.as_strided(g.shape, g.stride()) for part, g in zip(parts, gradients, strict=True)]
    torch._foreach_copy_(parts, gradients)
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    torch._foreach_copy_(gradients, parts)
