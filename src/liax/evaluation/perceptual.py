"""How different two pictures look: LPIPS (arXiv 1801.03924) and its shift-tolerant form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from liax.errors import LiaxError

NAMES = ("auto", "st-lpips", "lpips-alex", "lpips-vgg")
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

    name: metric and backbone, to be written beside every number: distances of different names do not compare.
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
    """The distance called `name`, one of `NAMES`.

    "st-lpips": ST-LPIPS, works offline. "auto" is this one, wherever it runs, so that results compare.
    "lpips-alex", "lpips-vgg": LPIPS as papers report it (they often leave open which; it is mostly alex).
    Raises LiaxError when the weights cannot be had.
    """
    if name not in NAMES:
        raise LiaxError(f"There is no perceptual distance '{name}'; choose one of {', '.join(NAMES)}.")
    device = torch.device(device)
    if name in _LPIPS:
        network, backbone = _LPIPS[name]
        return PerceptualDistance(f"LPIPS ({backbone})", _open_lpips(network, backbone, device), device)
    from liax.evaluation.stlpips import ShiftTolerantLpips

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
