"""The adversarial term: the non-saturating loss of StyleGAN2's discriminator, with R1, or of a projected
one; and the discriminator's optimiser's steps.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.data.augment import PairBatch
from liax.model.encoder import DownBlock
from liax.model.layers import ConvLayer, EqualLinear
from liax.training.config import TrainConfig
from liax.training.losses import crop_side, masked_mean, region_crops
from liax.training.optimizer import discriminator_optimizer
from liax.training.projected import ProjectedDiscriminator
from liax.training.sharding import average_gradients, broadcast_parameters


class Discriminator(nn.Module):
    """Real or not: (B, 3, R, R) in [-1, 1] to one list of logits (B, 1), positive for real.

    Residual down blocks to 4×4, minibatch standard deviation over groups of up to four, one convolution, two
    linear layers. `width` channels at full size, doubled with each halving up to 8 · width.
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        sides = [2**k for k in range(size.bit_length() - 1, 1, -1)]
        widths = [min(8 * width, width * size // side) for side in sides]
        self.from_rgb = ConvLayer(3, widths[0], 1)
        self.blocks = nn.Sequential(*(DownBlock(a, b) for a, b in pairwise(widths)))
        self.last = ConvLayer(widths[-1] + 1, widths[-1], 3)
        self.hidden = EqualLinear(widths[-1] * 16, widths[-1])
        self.logit = EqualLinear(widths[-1], 1)

    def forward(self, image_B3RR: Tensor) -> list[Tensor]:
        return self.logits_and_maps(image_B3RR)[0]

    def logits_and_maps(self, image_B3RR: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The logits, of one judgement, and the feature maps of all blocks, R/2 first."""
        x = self.from_rgb(image_B3RR)
        maps: list[Tensor] = []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        x = self.last(torch.cat([x, _minibatch_deviation(x)], 1)).flatten(1).float()
        return [self.logit(F.leaky_relu(self.hidden(x), 0.2) * 2**0.5)], maps


def _minibatch_deviation(x_BCHW: Tensor) -> Tensor:
    """Standard deviation over a group of images, averaged over channels and positions: (B, 1, H, W)."""
    batch, _, height, width = x_BCHW.shape
    group = next(g for g in (4, 3, 2, 1) if batch % g == 0)
    grouped = x_BCHW.float().unflatten(0, (group, batch // group))
    deviation = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    return deviation.repeat(group)[:, None, None, None].expand(-1, -1, height, width).to(x_BCHW.dtype)


def generator_loss(fake_logits: list[Tensor]) -> Tensor:
    """softplus(−D(fake)), the non-saturating loss, averaged over the places of each map, then over maps:
    (B,)."""
    return torch.stack([F.softplus(-fake).mean(1) for fake in fake_logits]).mean(0)


def discriminator_loss(real_logits: list[Tensor], fake_logits: list[Tensor]) -> Tensor:
    """softplus(−D(real)) + softplus(D(fake)), averaged likewise: (B,)."""
    return generator_loss(real_logits) + generator_loss([-fake for fake in fake_logits])


def feature_matching_loss(fake: list[Tensor], real: list[Tensor]) -> Tensor:
    """Mean absolute difference of a discriminator's feature maps, averaged over its blocks: (B,)."""
    distances = [(a.float() - b.float()).abs().mean((1, 2, 3)) for a, b in zip(fake, real, strict=True)]
    return torch.stack(distances).mean(0)


def r1_penalty(real_logits: Tensor, real_B3RR: Tensor) -> Tensor:
    """½ · E‖∇ D(real)‖² (arXiv 1801.04406); `real` must require a gradient."""
    (gradient,) = torch.autograd.grad(real_logits.sum(), real_B3RR, create_graph=True)
    return gradient.float().square().sum((1, 2, 3)).mean() / 2


class Adversary:
    """The discriminator and its optimizer. Every device holds all of it: it is small beside the network.

    Every micro-batch is judged and adds gradients, then `step` moves the discriminator once. During a step
    the discriminator and the network see each other as they were when it began, however many micro-batches
    there are.
    """

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        self.config, self.micro_batches = config.adversarial, config.accumulate
        self.dtype = config.dtype
        size = config.model.size
        side = crop_side(size) if self.config.view == "regions" else size
        width = self.config.width
        self.discriminator = (
            Discriminator(side, width) if self.config.backbone == "pixels" else ProjectedDiscriminator(width)
        ).to(device)
        broadcast_parameters(self.discriminator)
        if device.type == "cuda":
            self.discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = discriminator_optimizer(self.discriminator, self.config)
        self._real: list[Tensor] = []  # the step's real images, for the gradient penalty

    def judge(self, image_B3RR: Tensor, batch: PairBatch) -> Tensor:
        """The generator's loss for a batch's pictures; gradients reach these only."""
        self.discriminator.requires_grad_(False)
        losses = []
        for fake, real, known_N in self._seen(image_B3RR, batch):
            logits, maps = self.discriminator.logits_and_maps(fake.to(self.dtype))
            loss_N = generator_loss(logits)
            if self.config.feature_matching:
                with torch.no_grad():
                    wanted = self.discriminator.logits_and_maps(real.to(self.dtype))[1]
                loss_N = loss_N + self.config.feature_matching * feature_matching_loss(maps, wanted)
            losses.append(masked_mean(loss_N, known_N))
        return torch.stack(losses).mean()

    def learn(self, image_B3RR: Tensor, batch: PairBatch) -> Tensor:
        """Gathers the gradients of one micro-batch; returns the discriminator's loss."""
        self.discriminator.requires_grad_(True)
        losses = []
        for fake, real, known_N in self._seen(image_B3RR.detach(), batch):
            logits = self.discriminator(torch.cat([real, fake]).to(self.dtype))
            real_logits, fake_logits = zip(*(each.chunk(2) for each in logits), strict=True)
            losses.append(masked_mean(discriminator_loss([*real_logits], [*fake_logits]), known_N))
            if self.config.backbone == "pixels":
                self._real.append(real.detach())
        loss = torch.stack(losses).mean()
        (loss / self.micro_batches).backward()
        return loss.detach()

    def _seen(self, image_B3RR: Tensor, batch: PairBatch) -> list[tuple[Tensor, Tensor, Tensor]]:
        """What the discriminator sees of the pictures and of their targets, and which of it is known."""
        seen = []
        if self.config.view != "picture":
            seen.append(region_crops(image_B3RR, batch))
        if self.config.view != "regions":
            known_B = torch.ones(len(image_B3RR), dtype=torch.bool, device=image_B3RR.device)
            seen.append((image_B3RR, batch.target, known_B))
        return seen

    def step(self, step: int) -> dict[str, Tensor]:
        """One step of the optimiser; every `r1_every` steps another with the gradient penalty, if any."""
        self._step()
        terms: dict[str, Tensor] = {}
        if self._real and step % self.config.r1_every == 0:
            terms["r1"] = torch.stack([self._penalise(real) for real in self._real]).mean()
            self._step()
        self._real = []
        return terms

    def _penalise(self, real_B3RR: Tensor) -> Tensor:
        """Gathers the gradients of a micro-batch's penalty, and returns it."""
        real_B3RR.requires_grad_()
        (logits,) = self.discriminator(real_B3RR.to(self.dtype))
        penalty = r1_penalty(logits, real_B3RR)
        (penalty * self.config.r1 * self.config.r1_every / self.micro_batches).backward()
        return penalty.detach()

    def _step(self) -> None:
        average_gradients(self.discriminator)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
