"""Perceptual distances by SqueezeNet 1.1 (bundled, BSD-2-Clause) or VGG19 (downloaded)."""

from __future__ import annotations

from importlib.resources import files

import torch
import torch.nn.functional as F
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from liax.errors import LiaxError
from liax.model.pointwise import use_kernels

_SMALLEST = 32  # side in pixels below which the backbones' last maps vanish


class SqueezeNetFeatures(nn.Module):
    """Features after conv1 and fire 3, 5, 7, 9 of SqueezeNet 1.1, converted from the Caffe original."""

    def __init__(self) -> None:
        super().__init__()
        weights = load_safetensors(files("liax.assets").joinpath("squeezenet1_1.safetensors").read_bytes())
        # The network wants BGR · 255 less this mean; ours gets RGB in [-1, 1], so its first layer is adapted.
        mean_bgr = torch.tensor([104.006, 116.669, 122.679])
        first = weights["conv1.weight"]
        weights["conv1.bias"] += (first.sum((2, 3)) * (127.5 - mean_bgr)).sum(1)
        weights["conv1.weight"] = first.flip(1) * 127.5
        for name, tensor in weights.items():
            if not name.startswith("conv10"):
                self.register_buffer(name.replace(".", "_"), tensor, persistent=False)
        self._ready: dict[tuple[str, torch.dtype, torch.device], Tensor] = {}

    def forward(self, image_B3HW: Tensor) -> list[Tensor]:
        """Features of RGB pictures in [-1, 1]."""
        features = [rectify(*self._conv(image_B3HW, "conv1", stride=2))]
        x = features[0]
        for fire in range(8):
            if fire in (0, 2, 4):  # after conv1, fire 3 and fire 5
                features[-1], x = keep_and_pool(x)
            x = rectify(*self._conv(x, f"fire_{fire}_squeeze"))
            x = rectify_both(*self._conv(x, f"fire_{fire}_e1"), *self._conv(x, f"fire_{fire}_e3", padding=1))
            if fire % 2:  # fire 3, 5, 7, 9
                features.append(x)
        return features

    def _conv(self, x: Tensor, name: str, stride: int = 1, padding: int = 0) -> tuple[Tensor, Tensor]:
        """The convolution, and the bias that is still to be added."""
        if x.is_cuda and x.shape[1] == 3:  # cuDNN is slow with three channels
            x = F.pad(x, (0, 0, 0, 0, 0, 5))
        weight = self._weight(name, x)
        return F.conv2d(x, weight, None, stride, padding), self.get_buffer(f"{name}_bias")

    def _weight(self, name: str, x: Tensor) -> Tensor:
        """In x's type, for as many channels; made once, for these weights do not change."""
        key = name, x.dtype, x.device
        if key not in self._ready:
            weight = self.get_buffer(f"{name}_weight").to(x.dtype)
            weight = F.pad(weight, (0, 0, 0, 0, 0, x.shape[1] - weight.shape[1]))
            self._ready[key] = weight.contiguous(memory_format=torch.channels_last)
        return self._ready[key]


def rectify(y_BCHW: Tensor, bias_C: Tensor) -> Tensor:
    """relu(y + bias)."""
    if use_kernels(y_BCHW):
        from liax.kernels.affine import affine

        return affine(y_BCHW, shift=bias_C, slope=0.0)
    return F.relu(y_BCHW + bias_C[:, None, None].to(y_BCHW.dtype))


def rectify_both(a_BCHW: Tensor, bias_C: Tensor, b_BDHW: Tensor, bias_D: Tensor) -> Tensor:
    """relu(a + bias) and relu(b + bias), one after the other along the channels."""
    if use_kernels(a_BCHW):
        from liax.kernels.affine import rectify_both

        return rectify_both(a_BCHW, bias_C, b_BDHW, bias_D)
    both_BCHW = torch.cat([a_BCHW, b_BDHW], 1)
    return F.relu(both_BCHW + torch.cat([bias_C, bias_D])[:, None, None].to(both_BCHW.dtype))


def keep_and_pool(x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
    """The map, for the distance, and the largest values of its 3 × 3 windows, every two places."""
    if use_kernels(x_BCHW):
        from liax.kernels.perceptual import keep_and_pool as kernel

        return kernel(x_BCHW)
    return x_BCHW, F.max_pool2d(x_BCHW, 3, 2, ceil_mode=True)


class Vgg19Features(nn.Module):
    """relu1_1 … relu5_1 of torchvision's VGG19, fetched on first use."""

    _TAPS = (1, 6, 11, 20, 29)

    def __init__(self) -> None:
        super().__init__()
        try:
            from torchvision.models import VGG19_Weights, vgg19

            self.layers = vgg19(weights=VGG19_Weights.IMAGENET1K_V1).features[: self._TAPS[-1] + 1]
        except (ImportError, OSError) as error:
            raise LiaxError(
                f"VGG19's weights cannot be had ({error})",
                'install torchvision and connect, or set loss.backbone to "squeezenet"',
            ) from None
        for layer in self.layers:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        self.register_buffer("mean", mean[:, None, None], persistent=False)
        self.register_buffer("std", std[:, None, None], persistent=False)

    def forward(self, image_B3HW: Tensor) -> list[Tensor]:
        """Features of RGB pictures in [-1, 1]."""
        mean, std = self.get_buffer("mean"), self.get_buffer("std")
        x = ((image_B3HW.float() + 1) / 2 - mean) / std
        features = []
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index in self._TAPS:
                features.append(x)
        return features


class PerceptualLoss(nn.Module):
    """Squared difference of channel-normalised features, summed over channels, averaged over positions.

    Summed over layers and over `scales` (image sides 1, 1/2, 1/4, … by area averaging, down to 32 pixels).
    The weighting of LPIPS without its learned linear layer (arXiv 1801.03924, equation 1 with w = 1).
    """

    def __init__(self, backbone: str) -> None:
        super().__init__()
        self.features = SqueezeNetFeatures() if backbone == "squeezenet" else Vgg19Features()
        self.requires_grad_(False)

    def forward(self, image_B3HW: Tensor, target_B3HW: Tensor, scales: int) -> Tensor:
        """Distance of each image to its target: (B,)."""
        total = image_B3HW.new_zeros(len(image_B3HW), dtype=torch.float32)
        for scale in range(scales):
            if scale and image_B3HW.shape[-1] < 2 * _SMALLEST:
                break
            if scale:
                image_B3HW = F.avg_pool2d(image_B3HW, 2)
                target_B3HW = F.avg_pool2d(target_B3HW, 2)
            with torch.no_grad():
                wanted = self.features(target_B3HW)
            for got, want in zip(self.features(image_B3HW), wanted, strict=True):
                total = total + feature_distance(got, want)
        return total


def feature_distance(a_BCHW: Tensor, b_BCHW: Tensor) -> Tensor:
    """Mean over positions of the squared difference of unit-length feature vectors: (B,), float32."""
    if use_kernels(a_BCHW) and not b_BCHW.requires_grad:
        from liax.kernels import perceptual

        return perceptual.feature_distance(a_BCHW, b_BCHW)
    difference = _normalise(a_BCHW) - _normalise(b_BCHW)
    return difference.square().sum(1).mean((1, 2))


def _normalise(feature_BCHW: Tensor) -> Tensor:
    x = feature_BCHW.float()
    return x * torch.rsqrt(x.square().sum(1, keepdim=True) + 1e-6)
