"""How different two pictures look: LPIPS (arXiv 1801.03924) and its shift-tolerant form (arXiv 2207.13686)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

NAMES = ("auto", "st-lpips", "lpips-alex", "lpips-vgg")


@dataclass(frozen=True)
class PerceptualDistance:
    """name: to be written beside every number, with the backbone, as "ST-LPIPS (AlexNet)"."""

    name: str
    _distance: Callable[[Tensor, Tensor], Tensor]
    _device: torch.device

    def __call__(self, a_B3HW: Tensor, b_B3HW: Tensor) -> Tensor:
        """Distance (B,) ≥ 0 of each pair, lower is better; RGB in [0, 1], on any device; float32 on the CPU."""
        raise NotImplementedError


def open_perceptual(name: str = "auto", device: torch.device | str = "cpu") -> PerceptualDistance:
    """One of `NAMES`; "auto" is st-lpips, which needs no download."""
    raise NotImplementedError
