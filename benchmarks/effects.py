"""What every motion vector with a meaning does to portraits, as the face landmarker sees it; and calibration.

    python benchmarks/effects.py --weights small --portraits FOLDER --write calibrated.safetensors

For weights trained with `loss.meaning`: each of the first K coefficients is moved to five values on each
portrait, and all K factors are measured in the results. Prints the matrix of effects (rows: vectors moved;
columns: factors, in units of 2.5 usual deviations), what part of each vector's effect goes elsewhere, and how
alike it is among portraits. With --write, controls in measured units go into a copy of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray

from liax.face.factors import FACTORS, measure_factors
from liax.face.landmarks import FaceLandmarker
from liax.portrait import Animator, open_still
from liax.weights import load, set_controls
from liax.weights.controls import Control, Controls

# Values that a coefficient is moved by. Portraits hold together within them.
VALUES = (-1.5, -0.75, 0.0, 0.75, 1.5)
UNITS = np.array([2.5 * factor.usual for factor in FACTORS.values()])
# A vector that moves its own factor by less than this part of what it was trained for is no control.
_LEAST_EFFECT = 0.05
# Head movements are controlled in the factor's own units; expressions, whose measures saturate, in
# coefficients.
_MEASURED_GROUP = "head"


@dataclass
class Options:
    """weights: name or file. portraits: a folder of pictures. count: how many of them, evenly spaced.
    write: where to put the weights with calibrated controls. device: cpu, cuda, cuda:N or mps.
    """

    portraits: Path
    weights: str = "small"
    count: int = 8
    write: Path | None = None
    device: str | None = None


def main(options: Options) -> None:
    animator = Animator(load(options.weights), options.device)
    paths = sorted(path for path in options.portraits.iterdir() if path.suffix in (".jpg", ".png"))
    paths = paths[:: max(1, len(paths) // options.count)][: options.count]
    with FaceLandmarker() as landmarker:
        measured_PKVK = np.stack([effects(animator, landmarker, path) for path in paths])
    change_PKVK = (measured_PKVK - measured_PKVK[:, :, [VALUES.index(0.0)]]) / UNITS
    slopes_PKK = slopes(change_PKVK)
    report(slopes_PKK)
    print(f"{len(slopes_PKK)} of {len(paths)} portraits with a face throughout, values {VALUES}")
    if options.write is not None:
        stored = calibrated(animator.network.config.vectors, slopes_PKK.mean(0).diagonal())
        set_controls(Path(options.weights), options.write, stored)


def effects(animator: Animator, landmarker: FaceLandmarker, path: Path) -> NDArray[np.float64]:
    """Factors measured with vector k moved by value v: (K, V, K); NaN where no face was found."""
    still = open_still(animator, path, crop=False)
    moves_NM = np.zeros((len(FACTORS), len(VALUES), animator.network.config.vectors), np.float32)
    for k in range(len(FACTORS)):
        moves_NM[k, :, k] = VALUES
    alphas = still.alpha_M + moves_NM.reshape(-1, moves_NM.shape[-1])
    rows = []
    for image_RR3 in animator.render(still.encoded, alphas):
        faces = landmarker.detect(image_RR3)
        unknown = np.full(len(FACTORS), np.nan)
        rows.append(measure_factors(faces[0], animator.size) if faces else unknown)
    return np.array(rows, np.float64).reshape(len(FACTORS), len(VALUES), len(FACTORS))


def slopes(change_PKVK: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least-squares slopes of change on value, (P, K, K), of portraits that show a face at every value."""
    known_P = np.isfinite(change_PKVK).all((1, 2, 3))
    return np.einsum("pkvf,v->pkf", change_PKVK[known_P], VALUES) / np.square(VALUES).sum()


def report(slopes_PKK: NDArray[np.float64]) -> None:
    """Mean effects per coefficient; the part that goes to other factors; the spread of the own effect."""
    names = list(FACTORS)
    print("moved    " + " ".join(f"{name:>6}" for name in names) + "  elsewhere  spread")
    for k, name in enumerate(names):
        mean_K = slopes_PKK[:, k].mean(0)
        elsewhere = 1 - abs(mean_K[k]) / np.abs(mean_K).sum()
        spread = slopes_PKK[:, k, k].std() / max(abs(mean_K[k]), 1e-6)
        print(f"{name:9}" + " ".join(f"{x:6.2f}" for x in mean_K) + f"  {elsewhere:8.0%}  {spread:6.0%}")


def calibrated(vectors: int, own_K: NDArray[np.float64]) -> Controls:
    """Controls whose unit is what was measured; vectors that do not move their factor are left out."""
    items = []
    for k, (name, factor) in enumerate(FACTORS.items()):
        if own_K[k] < _LEAST_EFFECT:
            continue
        if factor.group == _MEASURED_GROUP:
            per_coefficient = own_K[k] * UNITS[k]
            reach = _rounded(VALUES[-1] * per_coefficient)
            change, unit = 1 / per_coefficient, factor.unit
        else:
            reach, change, unit = VALUES[-1], 1.0, ""
        items.append(Control(name, factor.group, {k: change}, -reach, reach, unit, factor.meaning))
    return Controls(vectors, tuple(items))


def _rounded(value: float) -> float:
    """Two figures, downwards."""
    digits = 1 - int(np.floor(np.log10(value)))
    return float(np.floor(value * 10**digits) / 10**digits)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
