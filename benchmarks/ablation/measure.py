"""Measures one run of the ablation in several coordinates; table.py makes the table of all runs.

    python benchmarks/ablation/measure.py runs/ablation/dense-0 --data data --out results/ablation

Which basis of the motion space the coefficients are written in changes no picture, so that it can be chosen
after training. Hence every run is measured as it was `trained`, in the `sparsest` coordinates
(liax/training/canonicalize.py), and in those nearest to measured `factors` (`align_to_factors` of
liax/training/factor_supervision.py). Runs with meaning are measured as trained.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liax.data.config import DataConfig
from liax.data.fidelity import fidelity
from liax.data.frames import StreamedFrames, read_item
from liax.data.manifest import Manifest, read_manifest
from liax.data.pairs import PairSampler
from liax.evaluation.clips import select_frames
from liax.evaluation.perceptual import open_perceptual
from liax.interpretation.effects import measure_effects, observed_values
from liax.interpretation.instrument import Instrument, MediaPipe
from liax.interpretation.observe import Observations, observe
from liax.interpretation.path_length import path_length
from liax.model import LIAX
from liax.model.pixels import from_uint8, to_unit
from liax.options import SourceOptions
from liax.portrait import Animator
from liax.portrait.source import open_portrait
from liax.training.canonicalize import canonicalize
from liax.training.factor_supervision import align_to_factors
from liax.weights import load
from liax.weights.controls import CONTROLS_KEY

# Training frames from which coordinates and the coefficients' range are found; they are drawn as in training.
_BATCHES, _BATCH = 96, 64
# Of the 40 vectors those with the widest range are moved, on so many portraits.
_VECTORS, _PORTRAITS = 24, 10


def training_frames(data: Path, network: LIAX, device: torch.device) -> tuple[Tensor, Tensor]:
    """Coefficients (N, M) and measured factors (N, K) of the same N training frames for every run."""
    manifest = read_manifest(data, "train")
    frames = StreamedFrames(manifest, network.config.size, device, workers=8)
    config = DataConfig(regions=data / "regions.npz", still_share=0.2)
    sampler = PairSampler(manifest, config, batch=_BATCH, seed=77)
    alphas, factors = [], []
    for step in range(_BATCHES):
        pairs = sampler.batch(step)
        images = from_uint8(frames.fetch(pairs.driving_B))
        alphas.append(network.encode(images).alpha_BM.cpu())
        factors.append(torch.from_numpy(pairs.factors_BK))
    return torch.cat(alphas), torch.cat(factors)


def coordinates(network: LIAX, alpha_NM: Tensor, factors_NK: Tensor) -> dict[str, LIAX]:
    """Networks that draw the same, with coefficients of other meanings."""
    if CONTROLS_KEY in network.metadata:
        return {"trained": network}
    sparsest, named = copy.deepcopy(network), copy.deepcopy(network)
    canonicalize(sparsest, alpha_NM)
    align_to_factors(named, alpha_NM, factors_NK)
    return {"trained": network, "sparsest": sparsest, "factors": named}


def reenacted(network: LIAX, manifest: Manifest, device: torch.device) -> NDArray[np.float64]:
    """Each clip's mean L1, PSNR and SSIM (C, 3), driven by itself from its first frame."""
    scores = []
    for item in manifest.items:
        if item.kind != "clip":
            continue
        frames_T3RR = read_item(manifest.folder, item, network.config.size)
        frames_T3RR = frames_T3RR[select_frames(len(frames_T3RR), 60)].to(device).float() / 255
        source = network.encode(frames_T3RR[:1] * 2 - 1)
        rows = []
        for target_B3RR in frames_T3RR.split(16):
            alpha_BM = network.encode(target_B3RR * 2 - 1).alpha_BM
            drawn_B3RR = network.decode(network.reenact(source.code_BD, alpha_BM), source.features)
            rows.append(fidelity(to_unit(drawn_B3RR), target_B3RR).cpu())
        scores.append(torch.cat(rows).mean(0).numpy())
    return np.array(scores)


def smoothness(animator: Animator, observed: Observations, portraits: Iterable[Path]) -> tuple[float, float]:
    """Perceptual path length and straightness, over as many paths as clips; no basis changes either."""
    stills = [open_portrait(animator, portrait, SourceOptions(crop=False)) for portrait in portraits]
    _, frames = np.unique(observed.clip_N, return_counts=True)
    paths = int((frames > 1).sum())
    found = path_length(animator, observed, stills, open_perceptual(device=animator.device), paths)
    return found.length, found.straightness


@torch.no_grad()
def measure(run: Path, data: Path, out: Path, device: torch.device, instrument: Instrument) -> None:
    """Writes RUN.npz (fidelity), RUN.path.npz (smoothness), and for each coordinates
    RUN.COORDINATES.observed.npz and .effects.npz."""
    manifest = read_manifest(data, "val")
    stills = [item for item in manifest.items if item.kind == "portrait"]
    stills = stills[:: max(1, len(stills) // _PORTRAITS)][:_PORTRAITS]
    portraits = {item.file: manifest.folder / item.file for item in stills}
    network = load(run / "weights.safetensors").to(device).eval()
    alpha_NM, factors_NK = training_frames(data, network, device)
    np.savez(out / f"{run.name}.npz", scores_C3=reenacted(network, manifest, device))
    for name, other in coordinates(network, alpha_NM, factors_NK).items():
        animator = Animator(other, device)
        own_NM, _ = training_frames(data, other, device)
        values_MV = observed_values(own_NM.numpy(), 3)
        widest = np.sort(np.argsort(values_MV[:, 0] - values_MV[:, -1])[:_VECTORS])
        effects = measure_effects(animator, portraits, values_MV, instrument, vectors=widest.tolist())
        effects.save(out / f"{run.name}.{name}.effects.npz")
        observed = observe(animator, manifest, instrument)
        observed.save(out / f"{run.name}.{name}.observed.npz")
        if name == "trained":
            length, straightness = smoothness(animator, observed, portraits.values())
            np.savez(out / f"{run.name}.path.npz", length=length, straightness=straightness)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="folders that train.py made")
    parser.add_argument("--data", type=Path, required=True, help="manifest.csv's folder, with regions.npz")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--processes", type=int, default=1, help="that measure faces")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with MediaPipe(options.processes) as instrument:
        for run in options.runs:
            measure(run, options.data, options.out, torch.device(options.device), instrument)


if __name__ == "__main__":
    main()
