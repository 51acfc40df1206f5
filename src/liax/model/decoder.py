"""The decoder G: flow generator and renderer, level by level from 8×8 up to R×R."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.model import pointwise
from liax.model.config import ModelConfig
from liax.model.layers import ConvLayer, ModulatedConv, StyledConv
from liax.model.pointwise import modulate, upsample


def warp(feature_BCHW: Tensor, grid_BHW2: Tensor, mask_B1HW: Tensor) -> Tensor:
    """Sample a feature map along a flow, and multiply it by a mask.

    Sampling is bilinear and in float32, with zeros outside and aligned corners. Within `pointwise.fused()`, a
    GPU runs it as one kernel.

    Args:
        feature_BCHW: The map.
        grid_BHW2: Where to sample, as (x, y), with the centres of the corner pixels at ±1. It is float32:
            steps of a bfloat16 grid are wider than a pixel.
        mask_B1HW: In [0, 1].

    Returns:
        (B, C, H, W) in the feature's dtype.
    """
    if pointwise.use_kernels(feature_BCHW):
        from liax.kernels.masked_sample import masked_sample

        return masked_sample(feature_BCHW, grid_BHW2, mask_B1HW)
    sampled = F.grid_sample(
        feature_BCHW.float(), grid_BHW2, mode="bilinear", padding_mode="zeros", align_corners=True
    )
    return sampled.to(feature_BCHW.dtype) * mask_B1HW.to(feature_BCHW.dtype)


class FlowBlock(nn.Module):
    """p = styled(h); h = p + γ · styled(group_norm(p)), with γ per channel, initially 1e-5 (StyleGAN-T)."""

    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        self.first = StyledConv(channels, channels, latent)
        self.norm = nn.GroupNorm(math.gcd(32, channels), channels)
        self.second = StyledConv(channels, channels, latent)
        self.gamma = nn.Parameter(torch.full((channels, 1, 1), 1e-5))

    def forward(self, h_BCHW: Tensor, style_BD: Tensor) -> Tensor:
        p = self.first(h_BCHW, style_BD)
        return self.second.residual(p, style_BD, self.norm, self.gamma.flatten())


class FlowHead(nn.Module):
    """Adds this level's flow logits to the upsampled logits of the level below."""

    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        self.conv = ModulatedConv(channels, 3, 1, latent)
        self.bias = nn.Parameter(torch.zeros(3))
        with torch.no_grad():  # Small initial weights make the initial warp the identity.
            self.conv.weight.mul_(0.1)

    def forward(self, h_BCHW: Tensor, style_BD: Tensor, logits_B3HW: Tensor | None) -> Tensor:
        u = self.conv(modulate(h_BCHW, self.conv.modulation(style_BD))).float() + self.bias[:, None, None]
        return u if logits_B3HW is None else u + upsample(logits_B3HW)


class RenderBlock(nn.Module):
    """(conv3×3(conv3×3(g)) + g) / √2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvLayer(channels, channels, 3)
        self.second = ConvLayer(channels, channels, 3, gain=1.0)

    def forward(self, g_BCHW: Tensor) -> Tensor:
        return self.second(self.first(g_BCHW), g_BCHW, 1 / math.sqrt(2))


class State(NamedTuple):
    """The output of one level; H = W = the level's side.

    Args:
        h: Flow state, (B, C, H, W); of the level below where this one predicts no flow.
        logits: Flow and mask before their tanh and sigmoid, (B, 3, H, W) float32.
        grid: Where the source is sampled, (B, H, W, 2) as (x, y), with the picture's corner pixels at ±1.
        mask: How much of the warped source is used, (B, 1, H, W) in [0, 1].
        warped: The warped source, multiplied by the mask, (B, C, H, W).
        g: Features of the renderer, (B, C, H, W).
        image: The running image, (B, 3, H, W) float32.
    """

    h: Tensor
    logits: Tensor
    grid: Tensor
    mask: Tensor
    warped: Tensor
    g: Tensor
    image: Tensor

    def blended(self) -> Tensor:
        """warped + (1 − mask) · h, the flow state that the next level takes: (B, C, H, W)."""
        return torch.addcmul(self.warped, (1 - self.mask).to(self.h.dtype), self.h)


def identity_grid(side: int, device: torch.device) -> Tensor:
    """Sampling positions that move nothing: (side, side, 2) as (x, y), with the corner pixels at ±1."""
    axis = torch.linspace(-1, 1, side, device=device)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y], -1)


def flow_of(logits_B3HW: Tensor) -> Tensor:
    """How far away each pixel is sampled: (B, H, W, 2) as (x, y) within ±1, in half pictures."""
    return torch.tanh(logits_B3HW[:, :2]).permute(0, 2, 3, 1)


class Level(nn.Module):
    """One resolution: upsample the flow state, predict flow and mask, warp the feature, render.

    The first level, 8×8, has no renderer features from a level below. Levels above `ModelConfig.flow_size`
    upsample flow and mask, and have no flow state.
    """

    def __init__(self, config: ModelConfig, side: int) -> None:
        super().__init__()
        below, channels, latent = config.channels(side // 2), config.channels(side), config.latent
        first = side == config.sides[0]
        self.predicts_flow = config.predicts_flow(side)
        if self.predicts_flow:
            self.up = StyledConv(below, channels, latent, up=True)
            self.flow_blocks = nn.ModuleList(FlowBlock(channels, latent) for _ in range(config.flow_blocks))
            self.flow_head = FlowHead(channels, latent)
        self.render_up = None if first else ConvLayer(below, channels, 3)
        self.render_blocks = nn.ModuleList(RenderBlock(channels) for _ in range(config.render_blocks))
        self.to_rgb = ConvLayer(channels, 3, 1)
        self.rgb_bias = nn.Parameter(torch.zeros(3))

    def forward(
        self, below: State | None, start_BCHW: Tensor, style_BD: Tensor, feature_BCHW: Tensor
    ) -> State:
        """The level's state.

        Args:
            below: The state of the level of half the side; None for the first.
            start_BCHW: The flow state that the first level takes.
            style_BD: Codes.
            feature_BCHW: The source's map of this side.
        """
        h, logits = self._flow(below, start_BCHW, style_BD)
        side = feature_BCHW.shape[-1]
        grid = identity_grid(side, h.device) + flow_of(logits)
        mask = torch.sigmoid(logits[:, 2:])
        warped = warp(feature_BCHW, grid, mask)

        g = warped
        if below is not None and self.render_up is not None:
            g = self.render_up(upsample(below.g), g)
        for render_block in self.render_blocks:
            g = render_block(g)
        image = self.to_rgb(g).float() + self.rgb_bias[:, None, None]
        if below is not None:
            image = image + upsample(below.image)
        return State(h, logits, grid, mask, warped, g, image)

    def _flow(self, below: State | None, start_BCHW: Tensor, style_BD: Tensor) -> tuple[Tensor, Tensor]:
        """The flow state, and the logits of flow and mask."""
        if not self.predicts_flow:
            assert below is not None
            return below.h, upsample(below.logits)
        h = self.up(below.blended() if below else start_BCHW, style_BD)
        for block in self.flow_blocks:
            h = block(h, style_BD)
        return h, self.flow_head(h, style_BD, below.logits if below else None)


class Decoder(nn.Module):
    """Renders a code with the source's features."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        channels = config.channels(4)
        self.constant = nn.Parameter(torch.randn(1, channels, 4, 4))
        self.start = StyledConv(channels, channels, config.latent)
        self.levels = nn.ModuleList(Level(config, side) for side in config.sides)

    def forward(self, code_BD: Tensor, features: tuple[Tensor, ...]) -> list[State]:
        """The states of as many levels as there are features, 8×8 first; the last one's image is the result.

        Args:
            code_BD: The codes to draw.
            features: Of the sources, 8×8 first: (B, C, side, side) each.
        """
        batch = code_BD.shape[0]
        h = self.start(self.constant.to(features[0].dtype).expand(batch, -1, -1, -1), code_BD)
        states: list[State] = []
        for level, feature in zip(self.levels, features, strict=False):
            states.append(level(states[-1] if states else None, h, code_BD, feature))
        return states
