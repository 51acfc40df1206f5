"""The encoder E: from an image to its code, and to the feature maps that the decoder warps."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn

from liax.model.config import ModelConfig
from liax.model.layers import ConvLayer, EqualConv
from liax.model.pointwise import branch


class DownBlock(nn.Module):
    """(down3×3(conv3×3(x)) + skip_down1×1(x)) / √2; the first convolution changes the channel count."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = ConvLayer(in_channels, out_channels, 3)
        # √2 · leaky_relu / √2 leaves a gain of 1 on this branch and 1/√2 on the other.
        self.down = ConvLayer(out_channels, out_channels, 3, down=True, gain=1.0)
        self.skip = ConvLayer(in_channels, out_channels, 1, down=True, activate=False, gain=1 / math.sqrt(2))

    def forward(self, x_BCHW: Tensor, twin_BCHW: Tensor | None = None) -> Tensor:
        """The block's output, (B, C_out, H/2, W/2).

        Args:
            x_BCHW: The input.
            twin_BCHW: The same map for the skip connection, if its gradient is summed elsewhere (`branch`).
        """
        return self.down(self.conv(x_BCHW), self.skip(x_BCHW if twin_BCHW is None else twin_BCHW))


class Encoder(nn.Module):
    """z_sr = E(x_s), and features of sides 8, 16, …, R."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        sides = [*reversed(config.sides), 4]
        widths = [config.channels(side) for side in sides]
        self.from_rgb = ConvLayer(3, widths[0], 1)
        self.blocks = nn.ModuleList(DownBlock(a, b) for a, b in pairwise(widths))
        self.to_code = EqualConv(widths[-1], config.latent, 4)

    def forward(self, image_B3RR: Tensor, count: int | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Encode images.

        Args:
            image_B3RR: RGB in [-1, 1].
            count: Return features of the first `count` images only; None for all.

        Returns:
            The codes (B, D) in float32, and the features from 8×8 up to R×R in the image's dtype.
        """
        x = self.from_rgb(image_B3RR)
        features: list[Tensor] = []
        for block in self.blocks:
            feature, x, twin = branch(x, count)
            features.append(feature)
            x = block(x, twin)
        return self.to_code(x).flatten(1).float(), tuple(reversed(features))
