"""Draws a run's curves from its log: python benchmarks/curves.py runs/small/log.csv curves.png"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

_PANELS = {
    "validation PSNR, dB": ["val/psnr"],
    "reconstruction": ["train/l1", "train/deep", "train/warp"],
    "perceptual and parts": ["train/perceptual", "train/parts"],
    "Hoyer sparsity": ["train/hoyer", "val/hoyer"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    series: dict[str, list[tuple[int, float]]] = defaultdict(list)
    with options.log.open(newline="") as file:
        for step, name, value in csv.reader(file):
            series[name].append((int(step), float(value)))
    figure, axes = plt.subplots(1, len(_PANELS), figsize=(16, 3.6), layout="constrained")
    for axis, (title, names) in zip(axes, _PANELS.items(), strict=True):
        for name in names:
            steps, values = zip(*series[name], strict=True)
            marker = "o" if name.startswith("val/") else None
            axis.plot(steps, values, label=name, marker=marker, linewidth=1.2)
        axis.set(title=title, xlabel="step")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    figure.savefig(options.picture, dpi=90)


if __name__ == "__main__":
    main()
