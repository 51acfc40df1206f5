"""Do outputs look like real frames on the whole? Fréchet distance of features (Heusel et al. 2017)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

NAMES = ("auto", "efficientnet-lite0", "inception")


@dataclass(frozen=True)
class Features:
    """name: of the backbone, to be written beside every distance, as "EfficientNet-Lite0"."""

    name: str
    _features: Callable[[Tensor], Tensor]

    def __call__(self, images_B3HW: Tensor) -> Tensor:
        """Features (B, D), float32 on the CPU, of RGB images in [0, 1] of any size."""
        raise NotImplementedError


def open_features(name: str = "auto", device: torch.device | str = "cpu") -> Features:
    """One of `NAMES`; "auto" is efficientnet-lite0, which needs no download."""
    raise NotImplementedError


class Moments:
    """Mean and covariance of features, from batches, without keeping them. count: features seen."""

    count: int

    def update(self, features_BD: Tensor) -> None:
        raise NotImplementedError

    def merge(self, other: Moments) -> None:
        """Take in what `other` has seen."""
        raise NotImplementedError

    def save(self, path: Path) -> None:
        """As npz; appears whole or not at all."""
        raise NotImplementedError

    @classmethod
    def load(cls, path: Path) -> Moments:
        raise NotImplementedError


def frechet_distance(a: Moments, b: Moments) -> float:
    """|μa - μb|² + tr(Σa + Σb - 2 (Σa Σb)^½) ≥ 0, lower is better."""
    raise NotImplementedError
