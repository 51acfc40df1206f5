"""How different two pictures look: LPIPS (arXiv 1801.03924) and ST-LPIPS, which tolerates small shifts.

ST-LPIPS is by Ghildyal & Liu 2022 (arXiv 2207.13686); its weights come with the package stlpips-pytorch
(BSD-2-Clause), whose code is not run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.errors import LiaxError, MissingPackageError
from liax.evaluation.options import PerceptualBackbone

_STLPIPS_WEIGHTS = "weights/vST0.0/alex_shift_tolerant.pth"


class ShiftTolerantLpips(nn.Module):
    """AlexNet, learned together with the channels' weights from human judgements (the data set BAPPS).

    Convolutions and max pools have stride 1. A map is halved by a blur of which every second sample is kept
    (Zhang 2019, arXiv 1904.11486): padded by reflection and filtered with [1, 2, 1] ⊗ [1, 2, 1] / 16.

    Raises:
        MissingPackageError: Without the weights.
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
            squared = (_normalize_channels(a) - _normalize_channels(b)).square()
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


def _normalize_channels(features_BCHW: Tensor) -> Tensor:
    return features_BCHW / (features_BCHW.norm(dim=1, keepdim=True) + 1e-10)


def _find_weights() -> Path:
    # Only found, not imported: importing it needs torchvision and more.
    package = find_spec("stlpips_pytorch")
    if package is None or not package.submodule_search_locations:
        raise MissingPackageError("ST-LPIPS", ("stlpips-pytorch",), "evaluate")
    return Path(package.submodule_search_locations[0]) / _STLPIPS_WEIGHTS


PERCEPTUAL_BACKBONES: tuple[PerceptualBackbone, ...] = get_args(PerceptualBackbone)
_LPIPS: dict[str, tuple[Literal["alex", "vgg"], str]] = {
    "lpips-alex": ("alex", "AlexNet"),
    "lpips-vgg": ("vgg", "VGG16"),
}
# Pairs that are compared at once: a pair of 256² takes about 100 MB.
_BATCH = 8
_SMALLEST = 32


@dataclass(frozen=True)
class PerceptualDistance:
    """Learned distance of pictures; made by `open_perceptual`.

    Args:
        name: Metric and backbone, to be written beside every number: distances of different names do not
            compare.
    """

    name: str
    _distance: Callable[[Tensor, Tensor], Tensor]
    _device: torch.device

    @torch.no_grad()
    def __call__(self, a_B3HW: Tensor, b_B3HW: Tensor) -> Tensor:
        """Distance (B,) ≥ 0 of each pair, 0 when equal; float32 on the CPU.

        Both are RGB in [0, 1] of one size, at least 32 pixels a side, on any device. Only numbers of one
        resolution compare.
        """
        if a_B3HW.shape != b_B3HW.shape or a_B3HW.ndim != 4 or a_B3HW.shape[1] != 3:
            raise ValueError(f"pictures of {tuple(a_B3HW.shape)} and {tuple(b_B3HW.shape)} do not compare")
        if min(a_B3HW.shape[2:]) < _SMALLEST:
            raise ValueError(f"pictures must be at least {_SMALLEST} pixels wide and high")
        pairs = zip(a_B3HW.split(_BATCH), b_B3HW.split(_BATCH), strict=True)
        found = [self._distance(self._signed(a), self._signed(b)).cpu() for a, b in pairs]
        return torch.cat(found) if found else torch.zeros(0)

    def _signed(self, image_B3HW: Tensor) -> Tensor:
        return image_B3HW.to(self._device, torch.float32) * 2 - 1


def open_perceptual(name: str = "auto", device: torch.device | str = "cpu") -> PerceptualDistance:
    """The distance called `name`.

    Args:
        name: "st-lpips" works offline. "auto" is the same one on every machine, so that results compare.
            "lpips-alex" and "lpips-vgg" are LPIPS as papers report it; most mean alex.
        device: Where it runs.

    Raises:
        LiaxError: If there is no such distance, or its weights are not here.
    """
    if name not in PERCEPTUAL_BACKBONES:
        raise LiaxError(
            f"There is no perceptual distance '{name}'; choose one of {', '.join(PERCEPTUAL_BACKBONES)}."
        )
    device = torch.device(device)
    if name in _LPIPS:
        network, backbone = _LPIPS[name]
        return PerceptualDistance(f"LPIPS ({backbone})", _open_lpips(network, backbone, device), device)
    return PerceptualDistance("ST-LPIPS (AlexNet)", ShiftTolerantLpips().to(device), device)


def _open_lpips(
    network: Literal["alex", "vgg"], backbone: str, device: torch.device
) -> Callable[[Tensor, Tensor], Tensor]:
    try:
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

        # Its network, for the metric around it keeps every value that it has seen.
        lpips = LearnedPerceptualImagePatchSimilarity(network).net.to(device)
    except (ImportError, OSError, RuntimeError) as error:
        reason = "torchvision is not installed" if isinstance(error, ImportError) else error
        raise LiaxError(
            f"LPIPS needs torchvision's weights of {backbone}, which could not be had ({reason}); "
            "install torchvision and connect, or choose st-lpips, which works offline."
        ) from None
    return lambda a_B3HW, b_B3HW: lpips(a_B3HW, b_B3HW).flatten()
