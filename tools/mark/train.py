"""Train both networks against attacks, by the clock."""

from __future__ import annotations

import copy
import io
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from liax.marking.carriers import BITS
from liax.marking.mark_network import DRAWN, equalised, seen
from liax.marking.pixel_mark import MarkNetworks, rms_of
from tools.mark import attacks

_EASY_PSNR = 37.0  # of the first marks, in dB
_WEAKER = 3.0  # dB by which marks are weaker than asked for, at most


@dataclass(frozen=True)
class TrainConfig:
    """How the networks are trained."""

    minutes: float = 9.0
    """Of training, after the pictures are read."""

    batch: int = 128
    """Pictures a step."""

    psnr: float = 42.6
    """Of the strongest marks in the end, in dB."""

    lr: float = 2e-3
    """The highest learning rate of AdamW."""

    visibility: float = 0.2
    """Weight of the loss that keeps the mark out of smooth places."""

    steadiness: float = 0.1
    """Weight of the loss that keeps the mark still while a picture moves a little."""

    average: float = 0.998
    """How slowly the averaged weights, which are kept, follow."""

    report_seconds: float = 60
    """Between two files of weights, with the accuracies of held-out pictures."""

    seed: int = 0
    """Of waves, weights and batches."""


def train(
    pictures_N1HW: Tensor, held_out_N1HW: Tensor, config: TrainConfig, path: Path, say: Callable[[str], None]
) -> None:
    """Write trained weights to `path`, and on the way, too.

    Args:
        pictures_N1HW: uint8 lumas of the side DRAWN on the device that trains.
        held_out_N1HW: The same, of other people.
        say: Gets lines about how it goes.
    """
    device = pictures_N1HW.device
    torch.manual_seed(config.seed)
    torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    networks = MarkNetworks().to(device)
    averaged = copy.deepcopy(networks)
    parameters = list(networks.parameters())
    say(f"{sum(parameter.numel() for parameter in parameters)} parameters")
    optimizer = torch.optim.AdamW(parameters, lr=config.lr, betas=(0.9, 0.98), weight_decay=1e-3)
    seconds = 60 * config.minutes
    started = reported = time.monotonic()
    step, means = 0, torch.zeros(4, device=device)
    while (done := (time.monotonic() - started) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = config.lr * min(1, done / 0.02) * (0.02 + 0.98 * math.cos(math.pi / 2 * done) ** 2)
        host = _batch(pictures_N1HW, config.batch)
        losses = _losses(networks, host, _psnr(config, done), severity=min(1, done / 0.15))
        optimizer.zero_grad(set_to_none=True)
        (losses[0] + config.visibility * losses[1] + config.steadiness * losses[2]).backward()
        for parameter in parameters:  # a picture that overflows costs its step, not the run
            if parameter.grad is not None:
                parameter.grad.nan_to_num_(0, 0, 0)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        with torch.no_grad():
            moving = 1 - min(config.average, step / (step + 1))
            for mean, now in zip(averaged.parameters(), parameters, strict=True):
                mean.lerp_(now, moving)
            means.lerp_(losses.detach(), 0.02 if step else 1.0)
        step += 1
        if time.monotonic() - reported > config.report_seconds:
            reported = time.monotonic()
            save(averaged, path)
            say(f"{(reported - started) / 60:.1f} min, step {step}")
            say(_report(means, averaged, held_out_N1HW, config))
    save(averaged, path)
    say(f"end, step {step}")
    say(_report(means, averaged, held_out_N1HW, config))


def _psnr(config: TrainConfig, done: float) -> float:
    """Of a step's marks, in dB: strong at first, then of the wanted strength or up to 3 dB weaker."""
    ease = max(0.0, 1 - done / 0.3)
    return config.psnr + random.uniform(0, _WEAKER) * (1 - ease) + (_EASY_PSNR - config.psnr) * ease


def _losses(networks: MarkNetworks, host: Tensor, psnr: float, severity: float) -> Tensor:
    """Cross-entropy of the bits, the mark's visibility and unrest, and the share of bits that are right."""
    bits_BK = torch.randint(0, 2, (len(host), BITS), device=host.device).float()
    mark = networks.embedder(host, bits_BK, rms_of(psnr))
    attacked, kept_B2 = attacks.random_attacks(host + mark, severity)
    logits_BK = networks.reader(attacked, kept_B2)
    wrong = F.binary_cross_entropy_with_logits(logits_BK, bits_BK)
    right = ((logits_BK > 0) == (bits_BK > 0.5)).float().mean()
    next_mark = networks.embedder(_moved(host), bits_BK, rms_of(psnr))
    unrest = (next_mark - mark).square().mean() / rms_of(psnr) ** 2
    return torch.stack([wrong, _visibility(host, mark), unrest, right])


def _moved(host: Tensor) -> Tensor:
    """The pictures a few pixels further, a little larger and noisier: as in the next frame of a video."""
    corner_B2 = torch.rand(len(host), 2, device=host.device)
    kept_B2 = 1 - 0.02 * torch.rand_like(corner_B2)
    return attacks.cropped(host, kept_B2, corner_B2) + torch.randn_like(host)


def _batch(pictures_N1HW: Tensor, batch: int) -> Tensor:
    """Random parts of random pictures, turned around or not, brighter or darker; whole levels."""
    device = pictures_N1HW.device
    chosen = torch.randint(len(pictures_N1HW), (batch,), device=device)
    x = pictures_N1HW[chosen].float()
    kept_B2 = torch.empty(batch, 1, device=device).uniform_(0.55, 1.3).clamp(max=1).expand(-1, 2)
    x = attacks.cropped(x, kept_B2, torch.rand(batch, 2, device=device))
    x = torch.where(torch.rand(batch, 1, 1, 1, device=device) < 0.5, x.flip(3), x)
    contrast = torch.empty(batch, 1, 1, 1, device=device).uniform_(0.7, 1.2)
    return ((x - 128) * contrast + 128 + 40 * (torch.rand_like(contrast) - 0.5)).round().clamp(0, 255)


def _visibility(host: Tensor, mark: Tensor) -> Tensor:
    """The mark's power where the picture has little detail to hide it."""
    _, strength = equalised(seen(host))
    hidden = F.interpolate(strength, (DRAWN, DRAWN), mode="bilinear", align_corners=False) + 2
    return (mark / hidden).square().mean()


def _report(means: Tensor, networks: MarkNetworks, held_out: Tensor, config: TrainConfig) -> str:
    wrong, visible, unrest, right = means.tolist()
    lines = [f"loss {wrong:.4f}, visible {visible:.4f}, unrest {unrest:.3f}, right {right:.4f}"]
    for psnr in (config.psnr, config.psnr + _WEAKER):
        found = ", ".join(f"{name} {value:.4f}" for name, value in measure(networks, held_out, psnr).items())
        lines.append(f"    held out, {psnr:.1f} dB: {found}")
    return "\n".join(lines)


@torch.no_grad()
def measure(networks: MarkNetworks, pictures_N1HW: Tensor, psnr: float) -> dict[str, float]:
    """The share of right bits after each attack, and the PSNR of marked pictures in dB."""
    device = pictures_N1HW.device
    generator = torch.Generator().manual_seed(1)
    host = pictures_N1HW.float()
    bits_BK = torch.randint(0, 2, (len(host), BITS), generator=generator).to(device)
    mark = networks.embedder(host, bits_BK, rms_of(psnr))
    marked = (host + mark).round().clamp(0, 255)
    ones = torch.ones(len(host), device=device)
    kept_B2 = ones[:, None].expand(-1, 2) * 0.9
    corner_B2 = torch.rand(len(host), 2, generator=generator).to(device)
    ends = {
        "none": (marked, None),
        "jpeg 50": (_real_jpeg(marked, 50), None),
        "video": (attacks.video(marked, ones * 17, ones * 0.17).round().clamp(0, 255), None),
        "crop": (attacks.cropped(marked, kept_B2, corner_B2), kept_B2),
        "half": (attacks.scaled(marked, 0.5).round(), None),
        "double": (attacks.scaled(marked, 2).round(), None),
        "half, jpeg 50": (_real_jpeg(attacks.scaled(marked, 0.5).round(), 50), None),
    }
    found = {}
    for name, (picture, kept) in ends.items():
        right_BK = (networks.reader(picture, kept) > 0) == (bits_BK > 0)
        found[name] = float(right_BK.float().mean())
    found["unmarked"] = float(((networks.reader(host) > 0) == (bits_BK > 0)).float().mean())
    error = (marked - host).square().mean((1, 2, 3))
    found["PSNR"] = float((10 * (255**2 / error).log10()).mean())
    found["largest"] = float((marked - host).abs().amax())
    return found


def _real_jpeg(luma_B1HW: Tensor, quality: int) -> Tensor:
    pictures = []
    for luma_HW in luma_B1HW[:, 0].clamp(0, 255).to(torch.uint8).cpu().numpy():
        encoded = io.BytesIO()
        Image.fromarray(luma_HW).save(encoded, "JPEG", quality=quality)
        pictures.append(torch.from_numpy(np.array(Image.open(encoded))))
    return torch.stack(pictures)[:, None].float().to(luma_B1HW.device)


def save(networks: MarkNetworks, path: Path) -> None:
    """Write the weights in half precision."""
    tensors = {name: tensor.half().cpu().contiguous() for name, tensor in networks.state_dict().items()}
    save_file(tensors, path)
