"""The adversarial term: StyleGAN2's discriminator, the non-saturating loss and R1."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.model.encoder import DownBlock
from liax.model.layers import ConvLayer, EqualLinear


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
        x = self.blocks(self.from_rgb(image_B3RR))
        x = self.last(torch.cat([x, _minibatch_deviation(x)], 1)).flatten(1).float()
        return self.logit(F.leaky_relu(self.hidden(x), 0.2) * 2**0.5)


def _minibatch_deviation(x_BCHW: Tensor) -> Tensor:
    """Standard deviation over a group of images, averaged over channels and positions: (B, 1, H, W)."""
    batch, _, height, width = x_BCHW.shape
    group = next(g for g in (4, 3, 2, 1) if batch % g == 0)
    grouped = x_BCHW.float().unflatten(0, (group, batch // group))
    deviation = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    return deviation.repeat(group)[:, None, None, None].expand(-1, -1, height, width).to(x_BCHW.dtype)


def generator_loss(fake_logits: Tensor) -> Tensor:
    """softplus(−D(fake)), the non-saturating loss."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """softplus(−D(real)) + softplus(D(fake))."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def r1_penalty(real_logits: Tensor, real_B3RR: Tensor) -> Tensor:
    """½ · E‖∇ D(real)‖² (arXiv 1801.04406); `real` must require a gradient."""
    (gradient,) = torch.autograd.grad(real_logits.sum(), real_B3RR, create_graph=True)
    return gradient.float().square().sum((1, 2, 3)).mean() / 2
