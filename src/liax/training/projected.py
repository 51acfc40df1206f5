"""A discriminator that looks at the features of a frozen network (projected GANs, arXiv 2111.01007).

It learns within minutes what one that starts from pixels needs hours for. It judges place by place, so
pictures of any side will do.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from liax.training.perceptual import SqueezeNetFeatures

# Channels of SqueezeNet's features, and the root mean square of each over pictures of faces.
_CHANNELS = (64, 128, 256, 384, 512)
_USUAL = (29.0, 49.0, 37.0, 24.0, 9.0)


class ProjectedDiscriminator(nn.Module):
    """Real or not: a judge of one hidden map for each of SqueezeNet's five features.

    Gradients reach the pictures through the features, which do not change. Each convolution's largest
    singular value is held at 1, which bounds the gradients; no penalty is needed.

    Args:
        width: Channels of the hidden maps.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = SqueezeNetFeatures().requires_grad_(False)
        self.judges = nn.ModuleList(PatchJudge(channels, width) for channels in _CHANNELS)

    def forward(self, image_B3RR: Tensor) -> list[Tensor]:
        """The logits of every feature's places, (B, places) float32 each, positive for real."""
        return self.logits_and_maps(image_B3RR)[0]

    def logits_and_maps(self, image_B3RR: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The logits, and the hidden maps."""
        features = zip(self.judges, self.features(image_B3RR), _USUAL, strict=True)
        judged = [judge(feature / usual) for judge, feature, usual in features]
        return [logits for logits, _ in judged], [hidden for _, hidden in judged]


class PatchJudge(nn.Module):
    """Two convolutions to a hidden map of half the side, and one to logits."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.mix = _bounded(nn.Conv2d(channels, width, 1))
        self.down = _bounded(nn.Conv2d(width, width, 4, stride=2, padding=1))
        self.last = _bounded(nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, feature_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """The logits (B, places), float32, and the hidden map."""
        x = F.leaky_relu(_in_type(self.mix, feature_BCHW), 0.2)
        hidden = F.leaky_relu(_in_type(self.down, x), 0.2)
        return _in_type(self.last, hidden).flatten(1).float(), hidden


def _bounded(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution, whose largest singular value is now held at 1."""
    spectral_norm(conv)
    return conv


def _in_type(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """The convolution in x's type; its weights are float32."""
    assert conv.bias is not None
    return F.conv2d(x, conv.weight.to(x.dtype), conv.bias.to(x.dtype), conv.stride, conv.padding)
