"""Validation during training: self-reenactment of held-out clips, each from its first frame."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from liax.data.fidelity import fidelity
from liax.data.frames import read_item
from liax.data.manifest import Item, read_manifest
from liax.data.regions import load_regions
from liax.errors import LiaxError
from liax.face.factors import FACTORS
from liax.model import LIAX
from liax.model.network import Encoded
from liax.model.pixels import from_uint8, to_unit
from liax.training.factor_supervision import FACTOR_COUNT, factor_scale, unnamed_mask
from liax.training.losses import centred, hoyer

_FRAMES = 6  # driving frames per clip, evenly spaced
_COMPARED = 256  # side at which networks of larger pictures are scored too, so that all compare


@dataclass(frozen=True)
class Validation:
    """C clips of held-out people.

    Args:
        sources_u8: (C, 3, R, R), the first frame of each clip.
        driving_u8: (C, F, 3, R, R), later frames of each clip.
        factors_NK: The factors of the N = C · F driving faces (`liax.face.factors.FACTORS`), NaN where
            unknown.
        compared_u8: (C, F, 3, 256, 256), the driving frames for networks of larger pictures.
    """

    sources_u8: Tensor
    driving_u8: Tensor
    factors_NK: NDArray[np.float32]
    compared_u8: Tensor | None = None

    @classmethod
    def read(
        cls,
        manifest_path: Path,
        split: str,
        size: int,
        device: torch.device,
        regions: Path | None = None,
        workers: int = 1,
    ) -> Validation:
        """The clips of a split.

        Args:
            regions: The file that `liax regions` wrote for the manifest.
            workers: How many clips are decoded at a time.

        Raises:
            LiaxError: If no clip is long enough.
        """
        manifest = read_manifest(manifest_path, split)
        measured = load_regions(regions) if regions else {}
        items = [item for item in manifest.items if item.kind == "clip" and item.frames > _FRAMES]
        if not items:
            raise LiaxError(
                f"the split '{split}' of {manifest_path} has no clip of more than {_FRAMES} frames "
                "to validate on",
                "add one, or set data.validation to None",
            )
        factors = []
        for item in items:
            times = _driving_times(item.frames)
            known = item.file in measured and len(measured[item.file].factors_TK) > times.max()
            unknown = np.full((_FRAMES, len(FACTORS)), np.nan, np.float32)
            factors.append(measured[item.file].factors_TK[times] if known else unknown)

        def frames(side: int) -> Tensor:
            with ThreadPoolExecutor(workers) as pool:
                shown = pool.map(lambda item: _first_and_driving(manifest.folder, item, side), items)
                return torch.stack(list(shown))

        frames_u8 = frames(size).to(device)
        compared_u8 = frames(_COMPARED)[:, 1:].to(device) if size > _COMPARED else None
        return cls(frames_u8[:, 0], frames_u8[:, 1:], np.concatenate(factors), compared_u8)

    @torch.no_grad()
    def score(self, network: LIAX, dtype: torch.dtype) -> tuple[dict[str, float], Tensor]:
        """Scores of a network, and a picture to look at.

        Returns:
            The scores: mean L1 on [0, 1] ("l1"), PSNR in dB ("psnr"), SSIM ("ssim") and the Hoyer sparsity of
            the coefficients less their mean ("hoyer"); for pictures larger than 256x256 the first three also
            of the reduced ones ("psnr 256"). PSNR of the source reenacted as itself ("psnr first"), and the
            outputs' squared differences of neighbouring pixels over the real frames' ("energy"). If factors
            are known, also the PSNR with the named
            coefficients alone ("psnr alone"), and for each factor, within clips, the correlation of its
            coefficient with it ("reads yaw") and the coefficient's share of its change ("gain yaw", 1 for
            all of it).
            The picture (3, rows · R, 3 · R) in [0, 1]: source, driving frame and output for the last driving
            frame of six clips.
        """
        known = np.isfinite(self.factors_NK).any()
        scores: dict[str, list[Tensor]] = {}
        rows, alphas = [], []
        for clip, (source_u8, driving_u8) in enumerate(zip(self.sources_u8, self.driving_u8, strict=True)):
            source = network.encode(from_uint8(source_u8[None]).to(dtype))
            wanted = driving_u8.float() / 255
            alpha_FM = network.encode(from_uint8(driving_u8).to(dtype)).alpha_BM
            image = _reenacted(network, source, alpha_FM)
            own = _reenacted(network, source, source.alpha_BM)
            found = dict(zip(("l1", "psnr", "ssim"), fidelity(image, wanted).mean(0), strict=True))
            found["psnr first"] = fidelity(own, source_u8[None].float() / 255)[0, 1]
            found["energy"] = _energy(image) / _energy(wanted)
            if self.compared_u8 is not None:
                reduced = F.interpolate(image, (_COMPARED, _COMPARED), mode="bilinear", antialias=True)
                small = fidelity(reduced, self.compared_u8[clip].float() / 255).mean(0)
                found |= dict(zip(("l1 256", "psnr 256", "ssim 256"), small, strict=True))
            if known:
                kept_FM = unnamed_mask(torch.ones_like(alpha_FM[:, 0], dtype=torch.bool), alpha_FM.shape[1])
                alone = _reenacted(network, source, torch.where(kept_FM, source.alpha_BM, alpha_FM))
                found["psnr alone"] = fidelity(alone, wanted)[:, 1].mean()
            for name, value in found.items():
                scores.setdefault(name, []).append(value)
            alphas.append(alpha_FM)
            rows.append(torch.cat([source_u8.float() / 255, wanted[-1], image[-1]], 2))
        means = {name: float(torch.stack(values).mean()) for name, values in scores.items()}
        alpha_NM = torch.cat(alphas)
        means["hoyer"] = float(hoyer(centred(alpha_NM)).mean())
        means |= self._reading(alpha_NM.cpu().numpy())
        return means, torch.cat(rows[:: max(len(rows) // 6, 1)][:6], 1).cpu()

    def _reading(self, alpha_NM: NDArray[np.float32]) -> dict[str, float]:
        wanted_CFK = (self.factors_NK * factor_scale().numpy()).reshape(-1, _FRAMES, FACTOR_COUNT)
        known_CK = np.isfinite(wanted_CFK).all(1)
        if not known_CK.any() or alpha_NM.shape[1] < FACTOR_COUNT:
            return {}
        read_CFK = alpha_NM.reshape(-1, _FRAMES, alpha_NM.shape[1])[..., :FACTOR_COUNT]
        wanted_NK, read_NK = (
            np.where(known_CK[:, None], x_CFK - x_CFK.mean(1, keepdims=True), 0.0).reshape(-1, FACTOR_COUNT)
            for x_CFK in (wanted_CFK, read_CFK)
        )
        both_K = (wanted_NK * read_NK).sum(0)
        wanted_K, read_K = (wanted_NK**2).sum(0) + 1e-9, (read_NK**2).sum(0) + 1e-9
        reads_K, gain_K = both_K / np.sqrt(wanted_K * read_K), both_K / wanted_K
        scores = {f"reads {name}": float(value) for name, value in zip(FACTORS, reads_K, strict=True)}
        return scores | {f"gain {name}": float(value) for name, value in zip(FACTORS, gain_K, strict=True)}


def _driving_times(frames: int) -> NDArray[np.int64]:
    """Which frames of a clip are its driving frames."""
    return np.linspace((frames - 1) / _FRAMES, frames - 1, _FRAMES).round().astype(np.int64)


def _first_and_driving(folder: Path, item: Item, size: int) -> Tensor:
    """A clip's first frame and its driving frames: uint8 (1 + F, 3, size, size)."""
    return read_item(folder, item, size)[[0, *_driving_times(item.frames)]]


def _reenacted(network: LIAX, source: Encoded, alpha_FM: Tensor) -> Tensor:
    """One source with each of F coefficients: (F, 3, R, R) in [0, 1]."""
    return to_unit(network.decode(network.reenact(source.code_BD, alpha_FM), source.features))


def _energy(image_F3RR: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels."""
    return image_F3RR.diff(dim=2).square().mean() + image_F3RR.diff(dim=3).square().mean()
