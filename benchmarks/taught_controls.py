"""What the controls do on weights that took them over from their teacher.

    python benchmarks/taught_controls.py DATA -o packages/liax-weights-live/results/controls.json

Moves the head's controls on portraits of people whom nobody trained or chose on (`val2`), and measures with
MediaPipe how far the head moves from where it was. `liax interpret` verifies controls in full.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.data.frames import read_item
from liax.data.manifest import read_manifest
from liax.face.factors import FACTORS
from liax.interpretation.instrument import MediaPipe
from liax.portrait import Animator
from liax.weights import load
from liax.weights.controls import read_controls

AMOUNTS = {
    "yaw": (-25.0, -15.0, 15.0, 25.0),
    "pitch": (-15.0, 15.0),
    "roll": (-15.0, 15.0),
    "x": (-0.1, 0.1),
    "y": (-0.08, 0.08),
    "size": (-0.2, 0.2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="a manifest's folder")
    parser.add_argument("--weights", default="live")
    parser.add_argument("--split", default="val2")
    parser.add_argument("--portraits", type=int, default=30)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    found = measure(options.weights, options.data / "manifest.csv", options.split, options.portraits)
    options.output.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def measure(weights: str, manifest: Path, split: str, portraits: int) -> dict[str, Any]:
    """For each control, what was asked for, and mean and deviation of what the people did."""
    network = load(weights)
    animator = Animator(network, "cpu")
    controls = {each.name: each for each in read_controls(network.metadata, network.config.vectors)}
    asked = [(name, amount) for name, amounts in AMOUNTS.items() for amount in amounts]
    data = read_manifest(manifest, split)
    stills = [item for item in data.items if item.kind != "clip"][:portraits]
    pictures: list[NDArray[np.uint8]] = []
    for still in stills:
        square = read_item(data.folder, still, network.config.size)[0].permute(1, 2, 0).numpy()
        seen = animator.encode([square])
        own_M = seen.alpha_BM[0].cpu().numpy()
        moved = [own_M]
        for name, amount in asked:
            alpha_M = own_M.copy()
            for vector, slope in controls[name].vectors.items():
                alpha_M[vector] += slope * amount
            moved.append(alpha_M)
        pictures += animator.render(seen, moved)
    with MediaPipe() as instrument:
        factors_PAF = instrument.measure(pictures).reshape(len(stills), 1 + len(asked), -1)
    names = list(FACTORS)
    changes_PAF = factors_PAF[:, 1:] - factors_PAF[:, :1]
    rows = []
    for place, (name, amount) in enumerate(asked):
        got_P = changes_PAF[:, place, names.index(name)]
        got_P = got_P[np.isfinite(got_P)]
        rows.append(
            {
                "control": name,
                "asked": amount,
                "mean": float(f"{got_P.mean():.4g}"),
                "deviation": float(f"{got_P.std():.4g}"),
                "people": len(got_P),
            }
        )
    return {"weights": Path(weights).stem, "split": split, "rows": rows}


if __name__ == "__main__":
    main()
