"""L1, PSNR and SSIM of frames in [0, 1], for validation during training and for evaluation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

# Smaller mean squared errors count as this one, so that a perfect frame has 60 dB.
LEAST_MSE = 1e-6
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


def fidelity(output_B3HW: Tensor, target_B3HW: Tensor) -> Tensor:
    """(B, 3): L1, PSNR in dB and SSIM of each frame; images are float32 in [0, 1], not quantised."""
    difference = output_B3HW - target_B3HW
    mse = difference.square().mean((1, 2, 3)).clamp_min(LEAST_MSE)
    return torch.stack(
        [difference.abs().mean((1, 2, 3)), -10 * mse.log10(), ssim(output_B3HW, target_B3HW)], dim=1
    )


def ssim(x_BCHW: Tensor, y_BCHW: Tensor) -> Tensor:
    """Structural similarity of Wang et al. 2004, the mean over channels and windows: (B,).

    (2 μx μy + C1)(2 σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2)) with an 11×11 Gaussian of σ = 1.5, over
    windows wholly inside the image as in the authors' own program. torchmetrics' mean also takes windows over
    a mirrored border, which reads about .015 higher here.
    """
    x, y = x_BCHW, y_BCHW
    blurred = _blur(torch.cat([x, y, x * x, y * y, x * y]))
    mean_x, mean_y, square_x, square_y, product = blurred.chunk(5)
    both, squares = mean_x * mean_y, mean_x.square() + mean_y.square()
    contrast = (2 * (product - both) + _C2) / (square_x + square_y - squares + _C2)
    return ((2 * both + _C1) / (squares + _C1) * contrast).mean((1, 2, 3))


def _blur(images_BCHW: Tensor) -> Tensor:
    """Gaussian window, separable, without padding."""
    steps = torch.arange(_WINDOW, device=images_BCHW.device) - _WINDOW // 2
    taps = torch.exp(-(steps**2) / (2 * _SIGMA**2)).to(images_BCHW)
    taps = taps / taps.sum()
    flat = images_BCHW.flatten(0, 1)[:, None]
    flat = F.conv2d(F.conv2d(flat, taps.view(1, 1, 1, -1)), taps.view(1, 1, -1, 1))
    return flat[:, 0].unflatten(0, images_BCHW.shape[:2])
