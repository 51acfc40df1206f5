"""The adversarial term: StyleGAN2's discriminator, its non-saturating loss and R1, and its optimiser's
steps.
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
from liax.training.sharding import average_gradients, broadcast_parameters


class Discriminator(nn.Module):
    """Real or not: (B, 3, R, R) in [-1, 1] to a logit (B, 1), positive for real.

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

    def forward(self, image_B3RR: Tensor) -> Tensor:
        return self.logit_and_maps(image_B3RR)[0]

    def logit_and_maps(self, image_B3RR: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The logits, and the feature maps of all blocks, R/2 first."""
        x = self.from_rgb(image_B3RR)
        maps: list[Tensor] = []
        for block in self.blocks:
            x = block(x)
            maps.append(x)
        x = self.last(torch.cat([x, _minibatch_deviation(x)], 1)).flatten(1).float()
        return self.logit(F.leaky_relu(self.hidden(x), 0.2) * 2**0.5), maps


def _minibatch_deviation(x_BCHW: Tensor) -> Tensor:
    """Standard deviation over a group of images, averaged over channels and positions: (B, 1, H, W)."""
    batch, _, height, width = x_BCHW.shape
    group = next(g for g in (4, 3, 2, 1) if batch % g == 0)
    grouped = x_BCHW.float().unflatten(0, (group, batch // group))
    deviation = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    return deviation.repeat(group)[:, None, None, None].expand(-1, -1, height, width).to(x_BCHW.dtype)


def generator_loss(fake_logits: Tensor) -> Tensor:
    """softplus(−D(fake)), the non-saturating loss: (B,)."""
    return F.softplus(-fake_logits)[:, 0]


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """softplus(−D(real)) + softplus(D(fake)): (B,)."""
    return (F.softplus(-real_logits) + F.softplus(fake_logits))[:, 0]


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
        self.discriminator = Discriminator(side, self.config.width).to(device)
        broadcast_parameters(self.discriminator)
        if device.type == "cuda":
            self.discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = discriminator_optimizer(self.discriminator, self.config)
        self._real: list[Tensor] = []  # the step's real images, for the gradient penalty

    def judge(self, image_B3RR: Tensor, batch: PairBatch) -> Tensor:
        """The generator's loss for a batch's pictures; gradients reach these only."""
        self.discriminator.requires_grad_(False)
        fake, real, known_N = self._seen(image_B3RR, batch)
        logits, maps = self.discriminator.logit_and_maps(fake.to(self.dtype))
        loss_N = generator_loss(logits)
        if self.config.feature_matching:
            with torch.no_grad():
                wanted = self.discriminator.logit_and_maps(real.to(self.dtype))[1]
            loss_N = loss_N + self.config.feature_matching * feature_matching_loss(maps, wanted)
        return masked_mean(loss_N, known_N)

    def learn(self, image_B3RR: Tensor, batch: PairBatch) -> Tensor:
        """Gathers the gradients of one micro-batch; returns the discriminator's loss."""
        self.discriminator.requires_grad_(True)
        fake, real, known_N = self._seen(image_B3RR.detach(), batch)
        both = torch.cat([real, fake]).to(self.dtype)
        real_logits, fake_logits = self.discriminator(both).chunk(2)
        loss = masked_mean(discriminator_loss(real_logits, fake_logits), known_N)
        (loss / self.micro_batches).backward()
        self._real.append(real.detach())
        return loss.detach()

    def _seen(self, image_B3RR: Tensor, batch: PairBatch) -> tuple[Tensor, Tensor, Tensor]:
        """What the discriminator sees of the pictures and of their targets, and which of it is known."""
        if self.config.view == "regions":
            return region_crops(image_B3RR, batch)
        known_B = torch.ones(len(image_B3RR), dtype=torch.bool, device=image_B3RR.device)
        return image_B3RR, batch.target, known_B

    def step(self, step: int) -> dict[str, Tensor]:
        """One step of the optimiser; every `r1_every` steps another with the gradient penalty."""
        self._step()
        terms: dict[str, Tensor] = {}
        if step % self.config.r1_every == 0:
            terms["r1"] = torch.stack([self._penalise(real) for real in self._real]).mean()
            self._step()
        self._real = []
        return terms

    def _penalise(self, real_B3RR: Tensor) -> Tensor:
        """Gathers the gradients of a micro-batch's penalty, and returns it."""
        real_B3RR.requires_grad_()
        penalty = r1_penalty(self.discriminator(real_B3RR.to(self.dtype)), real_B3RR)
        (penalty * self.config.r1 * self.config.r1_every / self.micro_batches).backward()
        return penalty.detach()

    def _step(self) -> None:
        average_gradients(self.discriminator)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
