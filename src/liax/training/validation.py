"""Validation during training: self-reenactment of held-out clips, each from its first frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liax.data.frames import read_item
from liax.data.manifest import read_manifest
from liax.data.regions import load_regions
from liax.errors import LiaxError
from liax.face.factors import FACTORS
from liax.model import LIAX
from liax.model.network import Encoded
from liax.model.pixels import from_uint8, to_unit
from liax.training.factor_supervision import FACTOR_COUNT, factor_scale, unnamed_mask
from liax.training.losses import centred, hoyer

_FRAMES = 6  # driving frames per clip, evenly spaced


@dataclass(frozen=True)
class Validation:
    """C clips of held-out people.

    Args:
        sources_u8: (C, 3, R, R), the first frame of each clip.
        driving_u8: (C, F, 3, R, R), later frames of each clip.
        factors_NK: The factors of the N = C · F driving faces (`liax.face.factors.FACTORS`), NaN where
            unknown.
    """

    sources_u8: Tensor
    driving_u8: Tensor
    factors_NK: NDArray[np.float32]

    @classmethod
    def read(
        cls, manifest_path: Path, split: str, size: int, device: torch.device, regions: Path | None = None
    ) -> Validation:
        """The clips of a split.

        Args:
            regions: The file that `liax regions` wrote for the manifest.

        Raises:
            LiaxError: If no clip is long enough.
        """
        manifest = read_manifest(manifest_path, split)
        measured = load_regions(regions) if regions else {}
        sources, driving, factors = [], [], []
        for item in manifest.items:
            if item.kind == "clip" and item.frames > _FRAMES:
                frames = read_item(manifest.folder, item, size)
                last = len(frames) - 1
                sources.append(frames[0].clone())  # not a view that keeps the clip in memory
                times = np.linspace(last / _FRAMES, last, _FRAMES).round().astype(int)
                driving.append(frames[times])
                known = item.file in measured and len(measured[item.file].factors_TK) > times.max()
                unknown = np.full((_FRAMES, len(FACTORS)), np.nan, np.float32)
                factors.append(measured[item.file].factors_TK[times] if known else unknown)
        if not sources:
            raise LiaxError(
                f"the split '{split}' of {manifest_path} has no clip of more than {_FRAMES} frames "
                "to validate on",
                "add one, or set data.validation to None",
            )
        return cls(torch.stack(sources).to(device), torch.stack(driving).to(device), np.concatenate(factors))

    @torch.no_grad()
    def score(self, network: LIAX, dtype: torch.dtype) -> tuple[dict[str, float], Tensor]:
        """Scores of a network, and a picture to look at.

        Returns:
            The scores: mean L1 on [0, 1] ("l1"), PSNR in dB ("psnr") and the Hoyer sparsity of the
            coefficients less their mean ("hoyer"). If factors are known, also the PSNR with the named
            coefficients alone ("psnr alone"), and for each factor, within clips, the correlation of its
            coefficient with it ("reads yaw") and the coefficient's share of its change ("gain yaw", 1 for
            all of it).
            The picture (3, rows · R, 3 · R) in [0, 1]: source, driving frame and output for the last driving
            frame of six clips.
        """
        known = np.isfinite(self.factors_NK).any()
        scores: dict[str, list[Tensor]] = {}
        rows, alphas = [], []
        for source_u8, driving_u8 in zip(self.sources_u8, self.driving_u8, strict=True):
            source = network.encode(from_uint8(source_u8[None]).to(dtype))
            wanted = driving_u8.float() / 255
            alpha_FM = network.encode(from_uint8(driving_u8).to(dtype)).alpha_BM
            image = _reenacted(network, source, alpha_FM)
            scores.setdefault("l1", []).append((image - wanted).abs().mean())
            scores.setdefault("psnr", []).append(_psnr(image, wanted))
            if known:
                kept_FM = unnamed_mask(torch.ones_like(alpha_FM[:, 0], dtype=torch.bool), alpha_FM.shape[1])
                alone = _reenacted(network, source, torch.where(kept_FM, source.alpha_BM, alpha_FM))
                scores.setdefault("psnr alone", []).append(_psnr(alone, wanted))
            alphas.append(alpha_FM)
            rows.append(torch.cat([source_u8.float() / 255, wanted[-1], image[-1]], 2))
        means = {name: float(torch.stack(values).mean()) for name, values in scores.items()}
        alpha_NM = torch.cat(alphas)
        means["hoyer"] = float(hoyer(centred(alpha_NM)).mean())
        means |= self._reading(alpha_NM.cpu().numpy())
        return means, torch.cat(rows[:: max(len(rows) // 6, 1)][:6], 1).cpu()

    def _reading(self, alpha_NM: NDArray[np.float32]) -> dict[str, float]:
        wanted_CFK = (self.factors_NK * factor_scale().numpy()).reshape(-1, _FRAMES, FACTOR_COUNT)
        known_C = np.isfinite(wanted_CFK).all((1, 2))
        if not known_C.any() or alpha_NM.shape[1] < FACTOR_COUNT:
            return {}
        read_CFK = alpha_NM.reshape(-1, _FRAMES, alpha_NM.shape[1])[..., :FACTOR_COUNT]
        wanted_NK, read_NK = (
            (x_CFK - x_CFK.mean(1, keepdims=True))[known_C].reshape(-1, FACTOR_COUNT)
            for x_CFK in (wanted_CFK, read_CFK)
        )
        both_K = (wanted_NK * read_NK).sum(0)
        wanted_K, read_K = (wanted_NK**2).sum(0) + 1e-9, (read_NK**2).sum(0) + 1e-9
        reads_K, gain_K = both_K / np.sqrt(wanted_K * read_K), both_K / wanted_K
        scores = {f"reads {name}": float(value) for name, value in zip(FACTORS, reads_K, strict=True)}
        return scores | {f"gain {name}": float(value) for name, value in zip(FACTORS, gain_K, strict=True)}


def _reenacted(network: LIAX, source: Encoded, alpha_FM: Tensor) -> Tensor:
    """One source with each of F coefficients: (F, 3, R, R) in [0, 1]."""
    return to_unit(network.decode(network.reenact(source.code_BD, alpha_FM), source.features))


def _psnr(image_F3RR: Tensor, wanted_F3RR: Tensor) -> Tensor:
    return (-10 * torch.log10((image_F3RR - wanted_F3RR).square().mean((1, 2, 3)))).mean()
