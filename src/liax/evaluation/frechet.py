"""Do outputs look like real frames on the whole? Fréchet distance of features (Heusel et al. 2017)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liax.errors import LiaxError
from liax.files import replacing

NAMES = ("auto", "efficientnet-lite0", "inception")
_BATCH = 16


@dataclass(frozen=True)
class Features:
    """What a picture shows, as numbers; made by `open_features`.

    name: the backbone, to be written beside every distance: those of different backbones do not compare.
    """

    name: str
    _features: Callable[[Tensor], Tensor]
    _device: torch.device

    @torch.no_grad()
    def __call__(self, images_B3HW: Tensor) -> Tensor:
        """Features (B, D), float32 on the CPU, of RGB images in [0, 1] of any size, on any device."""
        parts = images_B3HW.split(_BATCH)
        return torch.cat([self._features(part.to(self._device, torch.float32)).cpu() for part in parts])


def open_features(name: str = "auto", device: torch.device | str = "cpu") -> Features:
    """The backbone called `name`, one of `NAMES`.

    "efficientnet-lite0": works offline. "auto" is this one, wherever it runs, so that results compare.
    "inception": the Inception-v3 of published FIDs, with the original's resizing.
    Raises LiaxError when the weights cannot be had.
    """
    if name not in NAMES:
        raise LiaxError(f"There is no feature network '{name}'; choose one of {', '.join(NAMES)}.")
    device = torch.device(device)
    if name == "inception":
        return Features("Inception-v3 (FID)", _open_inception(device), device)
    from liax.evaluation.efficientnet import EfficientNetLite0

    return Features("EfficientNet-Lite0", EfficientNetLite0().to(device), device)


def _open_inception(device: torch.device) -> Callable[[Tensor], Tensor]:
    try:
        from torchmetrics.image.fid import NoTrainInceptionV3

        inception = NoTrainInceptionV3("inception-v3-compat", ["2048"], antialias=False).to(device)
    except (ImportError, OSError, RuntimeError) as error:
        reason = "torch-fidelity is not installed" if isinstance(error, ImportError) else error
        raise LiaxError(
            f"FID needs torch-fidelity's weights of Inception-v3, which could not be had ({reason}); "
            "install torch-fidelity and connect, or choose efficientnet-lite0, which works offline."
        ) from None
    return lambda images_B3HW: inception((images_B3HW * 255).round().byte())


class Moments:
    """Mean and covariance of features, taken in batch by batch without keeping them (Chan et al. 1983).

    count: features so far. mean_D, scatter_DD: their mean and summed products of deviations, float64; empty
    before the first.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean_D: NDArray[np.float64] = np.zeros(0)
        self.scatter_DD: NDArray[np.float64] = np.zeros((0, 0))

    @property
    def covariance_DD(self) -> NDArray[np.float64]:
        """Unbiased; needs two features."""
        return self.scatter_DD / (self.count - 1)

    def update(self, features_BD: Tensor) -> None:
        """Take in a batch."""
        values_BD = features_BD.detach().cpu().double().numpy()
        batch = Moments()
        batch.count = len(values_BD)
        if batch.count:
            batch.mean_D = values_BD.mean(0)
            deviations_BD = values_BD - batch.mean_D
            batch.scatter_DD = deviations_BD.T @ deviations_BD
            self.merge(batch)

    def merge(self, other: Moments) -> None:
        """Take in all that `other` has seen."""
        if not self.count or not other.count:
            source = other if other.count else self
            self.count, self.mean_D, self.scatter_DD = source.count, source.mean_D, source.scatter_DD
            return
        count = self.count + other.count
        step_D = other.mean_D - self.mean_D
        between_DD = np.outer(step_D, step_D) * (self.count * other.count / count)
        self.scatter_DD = self.scatter_DD + other.scatter_DD + between_DD
        self.mean_D = self.mean_D + step_D * (other.count / count)
        self.count = count

    def save(self, path: Path) -> None:
        """As npz, 13 MB for 1,280 features; appears whole or not at all."""
        with replacing(path) as file:
            np.savez(file, count=self.count, mean=self.mean_D, scatter=self.scatter_DD)

    @classmethod
    def load(cls, path: Path) -> Moments:
        """Inverse of `save`."""
        moments = cls()
        with np.load(path) as kept:
            moments.count, moments.mean_D, moments.scatter_DD = (
                int(kept["count"]),
                kept["mean"],
                kept["scatter"],
            )
        return moments


def frechet_distance(a: Moments, b: Moments) -> float:
    """|μa - μb|² + tr(Σa + Σb - 2 (Σa Σb)^½) of two sets of features; ≥ 0, lower is better.

    Give thousands of pictures on both sides, and compare distances of equally many only: of few pictures the
    distance is too large, the more so the fewer (Chong & Forsyth 2020, arXiv 1911.07023). Two are the least.
    """
    if min(a.count, b.count) < 2 or len(a.mean_D) != len(b.mean_D):
        raise ValueError("a Fréchet distance needs two pictures or more on both sides, and one backbone")
    # The trace of (Σa Σb)^½ is the sum of Σa^½ Σb^½'s singular values, which stay real whatever the rounding.
    shared = np.linalg.svd(_root(a.covariance_DD) @ _root(b.covariance_DD), compute_uv=False).sum()
    traces = np.trace(a.covariance_DD) + np.trace(b.covariance_DD) - 2 * shared
    return max(0.0, float(np.square(a.mean_D - b.mean_D).sum() + traces))


def _root(symmetric_DD: NDArray[np.float64]) -> NDArray[np.float64]:
    values_D, vectors_DD = np.linalg.eigh(symmetric_DD)
    # Where there are fewer pictures than features most eigenvalues are 0; what rounding left of them is not.
    values_D[values_D < len(values_D) * np.finfo(np.float64).eps * values_D[-1]] = 0
    return (vectors_DD * np.sqrt(values_D)) @ vectors_DD.T
