"""Adam for network and discriminator, its learning rate's schedule, and the moving average of the weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from liax.model import LIAX
from liax.training.config import AdversarialConfig, OptimConfig, TrainConfig
from liax.training.grow import outer_levels


def network_optimizer(network: LIAX, config: OptimConfig, device: torch.device) -> torch.optim.Adam:
    """Adam over the network's parameters that are trained, with its state already there.

    Of its two groups the first is that of the outer levels (`liax.training.grow`); each says so ("outer").
    """
    outer = {id(p) for level in outer_levels(network) for p in level.parameters()}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = {new: [p for p in trained if (id(p) in outer) == new] for new in (True, False)}
    optimizer = torch.optim.Adam(
        [{"params": parameters, "outer": new} for new, parameters in groups.items()],
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        fused=device.type == "cuda",
    )
    init_adam_state(optimizer)
    return optimizer


def discriminator_optimizer(discriminator: nn.Module, config: AdversarialConfig) -> torch.optim.Adam:
    """Adam over the discriminator's parameters, with its state already there.

    Every `r1_every` steps a step for the gradient penalty is added; learning rate and moments are adapted to
    that (StyleGAN2's lazy regularization).
    """
    ratio = config.r1_every / (config.r1_every + 1)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=config.lr * ratio, betas=(0.0, 0.99**ratio))
    init_adam_state(optimizer)
    return optimizer


def init_adam_state(optimizer: torch.optim.Optimizer) -> None:
    """Makes Adam's state, which it would make in its first step, so that a checkpoint can be read into it."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()  # without gradients nothing moves
    optimizer.zero_grad(set_to_none=True)
    for state in optimizer.state.values():
        state["step"].zero_()


def set_learning_rates(
    optimizer: torch.optim.Optimizer, step: int, minutes: float, config: TrainConfig
) -> None:
    """Those of a step: 0 for all but the outer levels in the first `optim.outer_steps`."""
    lr = config.optim.lr * learning_rate_factor(step, minutes, config)
    for group in optimizer.param_groups:
        group["lr"] = lr if group["outer"] or step >= config.optim.outer_steps else 0.0


def learning_rate_factor(step: int, minutes: float, config: TrainConfig) -> float:
    """Factor of the learning rate: linear warm-up, constant, linear to 2 % over the last share of the run.

    The run's end is `steps` or `max_minutes`, whichever is nearer in its own measure.
    """
    optim = config.optim
    rise = min((step + 1) / max(optim.warmup, 1), 1.0)
    done = step / config.steps
    if config.max_minutes is not None:
        done = max(done, minutes / config.max_minutes)
    left = (1 - done) / max(optim.lr_decay_share, 1e-9)
    return rise * (0.02 + 0.98 * min(max(left, 0.0), 1.0))


@torch.no_grad()
def update_average(averaged: nn.Module, network: nn.Module, step: int, decay: float) -> None:
    """Moves the exponential moving average of the weights towards those of step `step`, fast at first."""
    decay = min(decay, (1 + step) / (10 + step))
    mean: list[Tensor] = list(averaged.parameters())
    now: list[Tensor] = list(network.parameters())
    torch._foreach_lerp_(mean, now, 1 - decay)
