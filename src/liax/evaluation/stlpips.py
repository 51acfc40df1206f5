"""ST-LPIPS, a perceptual distance that hardly minds a shift (Ghildyal & Liu 2022, arXiv 2207.13686).

The weights come with the package stlpips-pytorch (BSD-2-Clause); its code is not run.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.errors import LiaxError

_WEIGHTS = "weights/vST0.0/alex_shift_tolerant.pth"


class ShiftTolerantLpips(nn.Module):
    """AlexNet, learned together with the channels' weights from human judgements (the data set BAPPS).

    Convolutions and max pools have stride 1. A map is halved by a blur of which every second sample is kept
    (Zhang 2019, arXiv 1904.11486): padded by reflection and filtered with [1, 2, 1] ⊗ [1, 2, 1] / 16.
    Raises LiaxError without the weights.
    """

    def __init__(self) -> None:
        super().__init__()
        weights = torch.load(_find_weights(), map_location="cpu", weights_only=True)
        for name, tensor in weights.items():
            self.register_buffer(name.replace(".", "_"), tensor, persistent=False)

    def forward(self, a_B3HW: Tensor, b_B3HW: Tensor) -> Tensor:
        """Distance (B,) of RGB images in [-1, 1].

        Per layer, the squared difference of the feature vectors brought to unit length, weighted by channel,
        averaged over positions; summed over layers (equation 1 of LPIPS, arXiv 1801.03924).
        """
        total = a_B3HW.new_zeros(len(a_B3HW))
        for layer, (a, b) in enumerate(zip(self._features(a_B3HW), self._features(b_B3HW), strict=True)):
            squared = (_unit(a) - _unit(b)).square()
            total = total + F.conv2d(squared, self.get_buffer(f"lin{layer}_model_1_weight")).mean((1, 2, 3))
        return total

    def _features(self, image_B3HW: Tensor) -> list[Tensor]:
        """After each of the five ReLUs."""
        x = (image_B3HW - self.get_buffer("scaling_layer_shift")) / self.get_buffer("scaling_layer_scale")
        features = [F.relu(self._halve(self._conv(x, "slice1_0", padding=2), "slice1_1"))]
        x = self._halve(F.max_pool2d(features[-1], 3, stride=1), "slice2_4")
        features.append(F.relu(self._conv(x, "slice2_5", padding=2)))
        x = self._halve(F.max_pool2d(features[-1], 3, stride=1), "slice3_8")
        for name in ("slice3_9", "slice4_11", "slice5_13"):
            x = F.relu(self._conv(x, name, padding=1))
            features.append(x)
        return features

    def _conv(self, x_BCHW: Tensor, name: str, padding: int) -> Tensor:
        weight, bias = self.get_buffer(f"net_{name}_weight"), self.get_buffer(f"net_{name}_bias")
        return F.conv2d(x_BCHW, weight, bias, padding=padding)

    def _halve(self, x_BCHW: Tensor, name: str) -> Tensor:
        padded = F.pad(x_BCHW, (2, 2, 2, 2), mode="reflect")
        return F.conv2d(padded, self.get_buffer(f"net_{name}_filt"), stride=2, groups=x_BCHW.shape[1])


def _unit(features_BCHW: Tensor) -> Tensor:
    return features_BCHW / (features_BCHW.norm(dim=1, keepdim=True) + 1e-10)


def _find_weights() -> Path:
    # Only found, not imported: importing it needs torchvision and more.
    package = find_spec("stlpips_pytorch")
    if package is None or not package.submodule_search_locations:
        raise LiaxError(
            "ST-LPIPS needs the package stlpips-pytorch; install liax with its extra (liax[evaluate])."
        )
    return Path(package.submodule_search_locations[0]) / _WEIGHTS
