"""Trains every arm of the ablation with every seed, side by side on the GPUs of one machine.

    python benchmarks/ablation/train.py configs/ablation.toml --out runs/ablation --gpus 2 --minutes 17

All runs of a GPU share it evenly, so they get the same GPU minutes. Interrupted runs resume. The last line
of each run's log, and whether it ended well, is printed at the end.

With --start they continue from trained weights, turned to coordinates in which nothing is sparse: its motion
vectors are rotated at random within their span, differently for each seed, which changes no picture.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arms import ARMS

from liax.data.frames import ResidentFrames
from liax.data.manifest import read_manifest
from liax.model import PRESETS
from liax.training.canonicalize import rotate
from liax.training.config import TrainConfig, load_config, to_dict
from liax.weights import load, save


def configurations(
    base: TrainConfig, out: Path, minutes: float, starts: list[str | None]
) -> dict[str, TrainConfig]:
    """Run's name ("dense-0") -> its configuration.

    Args:
        starts: For each seed, the weights to continue from.
    """
    return {
        f"{name}-{seed}": replace(
            base,
            out=out / f"{name}-{seed}",
            seed=seed,
            init=start,
            max_minutes=minutes,
            loss=replace(base.loss, **arm.loss),
        )
        for seed, start in enumerate(starts)
        for name, arm in ARMS.items()
    }


def turned(weights: str, seed: int, path: Path) -> str:
    """Writes weights whose vectors are another, random orthonormal basis of the same span."""
    network = load(weights)
    count = network.config.vectors
    square_MM = torch.randn(count, count, generator=torch.Generator().manual_seed(seed))
    rotate(network, torch.linalg.qr(square_MM).Q)
    save(network, path)
    return str(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("base", type=Path, help="configuration that all runs share")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="of each run")
    parser.add_argument("--gpus", type=int, default=torch.cuda.device_count())
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--start", help="name or file of weights to continue from")
    options = parser.parse_args()
    base = load_config(options.base)
    options.out.mkdir(parents=True, exist_ok=True)
    if base.data.frame_cache:  # once for all runs, not once for each
        items = read_manifest(base.data.manifest, base.data.split)
        size = PRESETS[base.preset].size
        ResidentFrames(items, size, torch.device("cpu"), os.cpu_count() or 1, cache=base.data.frame_cache)
    starts: list[str | None] = [
        turned(options.start, seed, options.out / f"start-{seed}.safetensors") if options.start else None
        for seed in range(options.seeds)
    ]
    configs = configurations(base, options.out, options.minutes, starts)
    per_gpu = -(-len(configs) // max(options.gpus, 1))
    runs = {}
    for i, (name, config) in enumerate(configs.items()):
        path = options.out / f"{name}.json"
        path.write_text(json.dumps(to_dict(config), indent=1))
        gpu = {"CUDA_VISIBLE_DEVICES": str(i // per_gpu)}
        with (options.out / f"{name}.log").open("ab") as log:
            runs[name] = subprocess.Popen(
                [sys.executable, "-m", "liax.training", str(path)],
                env=os.environ | (gpu if options.gpus else {}),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
    codes = {name: run.wait() for name, run in runs.items()}
    for name, code in codes.items():
        last = (options.out / f"{name}.log").read_text().rstrip().rpartition("\n")[2]
        print(f"{name}: exit {code}, {last}")
    return max(codes.values())


if __name__ == "__main__":
    sys.exit(main())
