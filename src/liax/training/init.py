"""The network that a run starts with, new or from trained weights, and the check of the GPU kernels."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from liax.errors import LiaxError
from liax.model import LIAX
from liax.model.pointwise import fused
from liax.training.batches import BatchLoader
from liax.training.checkpoint import latest_checkpoint
from liax.training.config import TrainConfig
from liax.training.factor_supervision import align_to_factors
from liax.training.grow import grow
from liax.training.narrow import narrow
from liax.training.sharding import broadcast_parameters
from liax.weights import load

_LARGEST_ERROR = 0.05  # of the norm; kernels and their twins differ by about a thousandth


def check_kernels(network: LIAX, faces_B3RR: Tensor) -> None:
    """Compares a picture of one face moved like another, and its gradients, with and without kernels.

    Weights trained with a kernel that this machine's compiler got wrong would be of no use elsewhere.

    Gradients are None afterwards.

    Args:
        faces_B3RR: Two pictures at least, in [-1, 1], float32.

    Raises:
        LiaxError: If they differ.
    """
    plain, kernels = (_image_and_gradient(network, faces_B3RR, on) for on in (False, True))
    for what, wanted, got in zip(("picture", "gradient"), plain, kernels, strict=True):
        off = ((got - wanted).norm() / wanted.norm()).item()
        if not off <= _LARGEST_ERROR:  # nan too
            raise LiaxError(
                f"with GPU kernels the {what} is {off:.0%} off what plain PyTorch makes on this machine",
                "train with compile = false, or with another version of Triton",
            )


def _image_and_gradient(network: LIAX, faces_B3RR: Tensor, on: bool) -> tuple[Tensor, Tensor]:
    with fused(on):
        image = network(faces_B3RR[:1], faces_B3RR[-1:])[0][-1].image
        (image - faces_B3RR[-1:]).square().mean().backward()
    gradients = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
    network.zero_grad(set_to_none=True)
    return image.detach(), torch.cat(gradients)


_FACES_FOR_NARROWING = 256
_ALIGNMENT_FRAMES = 4096  # frames from which factors' directions are found, if canonicalize_frames is 0


def init_network(config: TrainConfig, device: torch.device, batches: BatchLoader) -> LIAX:
    """The run's network on `device`, with the same parameters on all devices.

    Raises:
        LiaxError: If `config.init` is of another preset, `config.grow` or `config.narrow` of other sizes, or
            GPU kernels compute something wrong.
    """
    torch.manual_seed(config.seed)
    network = LIAX(config.model)
    if config.init is not None:
        started = load(config.init)
        if started.config != network.config:
            raise LiaxError(f"{config.init} is not of the preset {config.preset}", "choose weights that are")
        network = started.train().requires_grad_(True)
    elif config.grow is not None:
        network = grow(load(config.grow), network.config).train().requires_grad_(True)
    elif config.narrow is not None:
        wide = load(config.narrow).to(device).eval()
        faces = torch.cat([images for images, _ in _some_frames(batches, _FACES_FOR_NARROWING)])
        faces = faces[:_FACES_FOR_NARROWING].to(device)
        network = narrow(wide, network.config, faces).train().requires_grad_(True)
    network = network.to(device)
    if config.starts_trained and config.supervises_factors and latest_checkpoint(config.out) is None:
        align_to_factors(
            network,
            *collect_coefficients(
                network, batches, config.canonicalize_frames or _ALIGNMENT_FRAMES, config.dtype
            ),
        )
    network.dictionary.train_on()
    if config.driver_only:
        assert network.driver is not None
        network.requires_grad_(False)
        network.driver.requires_grad_(True)
        network.to_alpha.requires_grad_(True)
    broadcast_parameters(network)
    if device.type == "cuda":
        if not config.sharded:  # FSDP wants its parameters contiguous
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if config.compile:
            check_kernels(network, next(batches.frames_with_factors())[0])
        torch.backends.cudnn.benchmark = True  # pays in training, not in one check
        torch.backends.cudnn.benchmark_limit = 4
    return network


def _some_frames(batches: BatchLoader, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of frames (B, 3, R, R) in [-1, 1] and their factors, at least `count` frames in all."""
    for images, factors_BK in batches.frames_with_factors():
        yield images, factors_BK
        count -= len(images)
        if count <= 0:
            return


@torch.no_grad()
def collect_coefficients(
    network: LIAX, batches: BatchLoader, count: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Coefficients (N, M) and factors (N, K) of at least `count` training frames."""
    alphas: list[Tensor] = []
    factors: list[Tensor] = []
    for images, factors_BK in _some_frames(batches, count):
        alphas.append(network.encode(images.to(dtype)).alpha_BM)
        factors.append(factors_BK)
    return torch.cat(alphas), torch.cat(factors)
