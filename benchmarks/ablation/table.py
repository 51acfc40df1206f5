"""The ablation's table, of what measure.py wrote: fidelity, sparsity, disentanglement, leakage and more.

python benchmarks/ablation/table.py results/ablation -o results/ablation.md
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent))
from arms import ARMS
from stability import match_profiles

from liax.evaluation.sparsity import sparsity
from liax.face.factors import FACTORS
from liax.interpretation.disentanglement import disentanglement
from liax.interpretation.effects import Effects, describe_effects
from liax.interpretation.observe import load_observations

COORDINATES = ("trained", "sparsest", "factors")
_HEADS = (
    ("L1", ".4f"),
    ("PSNR", ".2f"),
    ("SSIM", ".3f"),
    ("Hoyer", ".2f"),
    ("used of 40", ".1f"),
    ("D", ".2f"),
    ("C", ".2f"),
    ("I", ".2f"),
    ("MIG", ".2f"),
    ("SAP", ".2f"),
    ("leak", ".0%"),
    ("best", ".0%"),
    ("path", ".1f"),
    ("again", ".2f"),
    ("by chance", ".2f"),
)


def described(folder: Path, run: str, coordinates: str, jobs: int) -> dict[str, Any]:
    """One run's numbers in one coordinates; `profile` (M, F) is what its vectors do, for matching."""
    observed = load_observations(folder / f"{run}.{coordinates}.observed.npz")
    sparse = sparsity(observed.alpha_NM, observed.clip_N).centred
    scores = disentanglement(
        observed.alpha_NM, observed.factors_NF, observed.factors, observed.clip_N, n_jobs=jobs
    )
    l1, psnr, ssim = np.load(folder / f"{run}.npz")["scores_C3"].mean(0)
    travel_MF = travels(Effects.load(folder / f"{run}.{coordinates}.effects.npz"))
    size_MF = np.abs(travel_MF)
    path = folder / f"{run}.path.npz"
    smooth = {"path": float(np.load(path)["length"])} if path.exists() else {}
    return smooth | {
        "L1": l1,
        "PSNR": psnr,
        "SSIM": ssim,
        "Hoyer": sparse.hoyer,
        "used of 40": sparse.used,
        "D": scores.disentanglement,
        "C": scores.completeness,
        "I": scores.informativeness,
        "MIG": scores.mig,
        "SAP": scores.sap,
        # Of all that vectors do, what is not done to their strongest factor.
        "leak": 1 - size_MF.max(1).sum() / size_MF.sum(),
        # Of what each factor's strongest vector does, the factor's share: how pure its best control is.
        "best": float(np.mean([row[f] / row.sum() for f, row in enumerate(size_MF[size_MF.argmax(0)])])),
        "profile": travel_MF,
    }


def travels(effects: Effects) -> NDArray[np.float64]:
    """Change of every factor over a moved vector's observed range (M', F), in usual deviations."""
    known = [effects.factors.index(name) for name in FACTORS]
    effects = replace(effects, factors_PMVF=effects.factors_PMVF[..., known], factors=tuple(FACTORS))
    travel_MF = describe_effects(effects, FACTORS).travel_MF
    return travel_MF[np.isfinite(travel_MF).all(1)]


def rows(folder: Path, jobs: int) -> dict[str, dict[str, Any]]:
    """ "dense, trained" -> means over seeds, and how alike two seeds' vectors are."""
    found: dict[str, dict[str, Any]] = {}
    for arm in ARMS:
        for coordinates in COORDINATES:
            runs = sorted(folder.glob(f"{arm}-*.{coordinates}.effects.npz"))
            if not runs:
                continue
            each = [described(folder, path.name.split(".")[0], coordinates, jobs) for path in runs]
            profiles = [one.pop("profile") for one in each]
            mean = {
                key: float(np.mean([one[key] for one in each if key in one]))
                for key in dict.fromkeys(key for one in each for key in one)
            }
            if len(profiles) > 1:
                match = match_profiles(profiles[0], profiles[1])
                mean |= {"again": match.weighted, "by chance": match.chance}
            found[f"{arm}, {coordinates}"] = mean | {"seeds": each}
            print(f"{arm}, {coordinates}", file=sys.stderr)
    return found


def markdown(table: dict[str, dict[str, Any]]) -> str:
    lines = [
        "| trained with | coordinates | " + " | ".join(name for name, _ in _HEADS) + " |",
        "|---|---|" + "---|" * len(_HEADS),
    ]
    for key, values in table.items():
        arm, coordinates = key.split(", ")
        cells = [format(values[name], kind) if name in values else "-" for name, kind in _HEADS]
        lines.append(f"| {ARMS[arm].about} | {coordinates} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="what measure.py wrote")
    parser.add_argument(
        "-o", "--out", type=Path, required=True, help="a Markdown file; a JSON goes beside it"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processors that score")
    options = parser.parse_args()
    table = rows(options.folder, options.jobs)
    options.out.write_text(markdown(table), encoding="utf-8")
    options.out.with_suffix(".json").write_text(json.dumps(table, indent=1, default=partial(float)))
    print(markdown(table))


if __name__ == "__main__":
    main()
