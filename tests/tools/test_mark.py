"""The training of the invisible mark: its attacks are what encoders do, and its loss teaches."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from liax.marking.pixel_mark import MarkNetworks
from tools.mark import attacks
from tools.mark.train import TrainConfig, train


@pytest.fixture
def lumas_B1HW(portrait_HW3: np.ndarray) -> Tensor:
    picture = Image.fromarray(portrait_HW3).convert("L").resize((96, 96))
    upright = torch.from_numpy(np.array(picture)).float()
    return torch.stack([upright, upright.flip(1)])[:, None]


def psnr(a: Tensor, b: Tensor) -> float:
    return float(10 * (255**2 / (a - b).square().mean()).log10())


@pytest.mark.parametrize("quality", [30, 50, 90])
def test_jpeg_is_that_of_pillow(lumas_B1HW: Tensor, quality: int) -> None:
    encoded = io.BytesIO()
    Image.fromarray(lumas_B1HW[0, 0].byte().numpy()).save(encoded, "JPEG", quality=quality)
    real = torch.from_numpy(np.array(Image.open(encoded))).float()
    simulated = attacks.jpeg(lumas_B1HW, torch.full((2,), float(quality)))[0, 0]
    near = psnr(simulated.round().clamp(0, 255), real)
    assert near > 42  # numbers between two steps are rounded either way
    assert near > psnr(lumas_B1HW[0, 0], real) + 6


def test_video_with_larger_steps_or_deadzones_is_worse(lumas_B1HW: Tensor) -> None:
    def left(step: float, deadzone: float) -> float:
        coded = attacks.video(lumas_B1HW, torch.full((2,), step), torch.full((2,), deadzone))
        return psnr(coded, lumas_B1HW)

    assert left(4, 0.33) > left(12, 0.33) > left(12, 0.1)
    assert left(0.01, 0.5) > 60


def test_pictures_need_not_be_whole_blocks(lumas_B1HW: Tensor) -> None:
    odd = lumas_B1HW[..., :90, :53]
    coded = attacks.jpeg(odd, torch.full((2,), 95.0))
    assert coded.shape == odd.shape
    assert psnr(coded, odd) > 38


def test_cropping_keeps_what_it_says(lumas_B1HW: Tensor) -> None:
    kept_B2 = torch.tensor([[0.5, 0.75], [1.0, 1.0]])
    corner_B2 = torch.tensor([[1.0, 0.0], [0.3, 0.3]])
    found = attacks.cropped(lumas_B1HW, kept_B2, corner_B2)
    part = lumas_B1HW[
        :1, :, :72, 48:
    ]  # three quarters of the height from the top, the right half of the width
    wanted = torch.nn.functional.interpolate(part, (96, 96), mode="bilinear", align_corners=False)
    assert psnr(found[:1, :, 4:-4, 4:-4], wanted[:, :, 4:-4, 4:-4]) > 50
    assert torch.allclose(found[1], lumas_B1HW[1], atol=1e-2)


def test_without_severity_pictures_are_only_rounded(lumas_B1HW: Tensor) -> None:
    attacked, kept_B2 = attacks.random_attacks(lumas_B1HW + 0.3, 0.0)
    assert torch.allclose(attacked, lumas_B1HW, atol=1e-2)
    assert kept_B2.tolist() == [[1, 1], [1, 1]]


def test_gradients_reach_what_was_attacked(lumas_B1HW: Tensor) -> None:
    torch.manual_seed(0)
    marked = lumas_B1HW.clone().requires_grad_()
    attacks.random_attacks(marked, 1.0)[0].square().mean().backward()
    assert marked.grad is not None
    assert float(marked.grad.abs().mean()) > 0


def test_training_learns_and_writes_half_precision(lumas_B1HW: Tensor, tmp_path: Path) -> None:
    pictures = torch.nn.functional.interpolate(lumas_B1HW, (256, 256)).byte()
    said: list[str] = []
    config = TrainConfig(minutes=0.05, batch=2, report_seconds=1000)
    train(pictures, pictures, config, tmp_path / "mark.safetensors", said.append)
    tensors = load_file(tmp_path / "mark.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert tensors.keys() == MarkNetworks().state_dict().keys()
    assert (tmp_path / "mark.safetensors").stat().st_size < 4e6
    assert any("held out, 42.6 dB" in line for line in said)
    torch.manual_seed(config.seed)
    start = MarkNetworks().state_dict()
    assert any(not torch.equal(start[name].half(), tensor) for name, tensor in tensors.items())
