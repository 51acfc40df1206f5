"""What coefficient limits, 8 bits and bfloat16 change of the pictures that `liax evaluate` measures.

    python benchmarks/shipped.py DATA [--weights small] [--out benchmarks/results/shipped.json]

Draws the evaluation's own trials three ways:

- `float32`: without limits and unrounded, as the evaluation drew before it went through `Animator`.
- `limited`: in float32, with the limits of the weights, rounded to 8 bits.
- `shipped`: what `liax animate` writes on this machine, in the precision that it chooses.

Measures the fidelity of each in self-reenactment; and in both protocols how many frames and coefficients the
limits change, and how far the pictures move, in levels of 256. Prints the tables of benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from liax.data.fidelity import fidelity
from liax.evaluation.clip_scan import read_source, scan_clip
from liax.evaluation.clips import Trial, cross_trials, list_clips, read_frames, select_frames, self_trials
from liax.evaluation.reenactors import NetworkReenactor, unit_pictures
from liax.model.pixels import to_uint8, to_unit, unit_from_uint8
from liax.portrait.animator import Animator
from liax.portrait.device import keep_freed_memory
from liax.portrait.motion import Transfer
from liax.weights import fingerprint, load

WAYS = {
    "float32": "float32, without limits, unrounded",
    "limited": "float32, with limits, 8 bits",
    "shipped": "what `liax animate` writes: {precision}, with limits, 8 bits",
}
# What changes -> the pictures with the change, and those without.
CHANGES = {"limits": ("limited", "free"), "precision": ("shipped", "limited")}
# Coefficients count as changed when they are further apart than by rounding.
_APART = 1e-5
_BATCH = 4


def batches(trial: Trial, size: int, most: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Numbers and frames (B, R, R, 3) of the trial's driving clip that are compared."""
    scan = scan_clip(trial.driving.path, size, None)
    wanted = select_frames(scan.count, most)
    frames = [scan.framing.cut(f) for n, f in enumerate(read_frames(trial.driving.path)) if n in wanted]
    for start in range(0, len(frames), _BATCH):
        yield wanted[start : start + _BATCH], np.stack(frames[start : start + _BATCH])


@torch.inference_mode()
def compare(trial: Trial, exact: Animator, shipped: Animator, most: int) -> dict[str, Any]:
    """One trial's numbers, means over its frames.

    Args:
        exact: Draws in float32.
        shipped: Draws as users get it.
        most: How many frames are compared at most.
    """
    source_RR3 = read_source(trial.source.path, exact.size, None)
    source, relative = exact.encode([source_RR3]), trial.source != trial.driving
    free, limited = Transfer(relative), Transfer(relative, limits=exact.controls.limits)
    draw = NetworkReenactor(shipped, "", "").prepare(trial, source_RR3, 0)
    source_M, first_M = source.alpha_BM[0].cpu().numpy(), None
    rows: dict[str, list[Tensor]] = {name: [] for name in (*WAYS, *CHANGES)}
    changed: list[NDArray[np.bool_]] = []
    for numbers_B, driving_BRR3 in batches(trial, exact.size, most):
        alphas_BM = exact.encode(driving_BRR3).alpha_BM.cpu().numpy()
        first_M = alphas_BM[0] if first_M is None else first_M
        free_BM, limited_BM = (
            np.stack([transfer.moved(source_M, alpha_M, first_M) for alpha_M in alphas_BM])
            for transfer in (free, limited)
        )
        changed.append(np.abs(free_BM - limited_BM) > _APART)
        code_BD = exact.network.reenact(source.code_BD, torch.from_numpy(free_BM).to(exact.device))
        raw_B3RR = exact.network.decode(code_BD, source.features)
        free_B3RR = unit_from_uint8(to_uint8(raw_B3RR).cpu())
        pictures = {"float32": to_unit(raw_B3RR).cpu(), "free": free_B3RR, "limited": free_B3RR}
        if changed[-1].any():
            drawn_BRR3 = np.stack(list(exact.render(source, limited_BM, len(limited_BM))))
            pictures["limited"] = unit_pictures(drawn_BRR3)
        pictures["shipped"], _ = draw(numbers_B, driving_BRR3)
        if not relative:
            target_B3RR = unit_pictures(driving_BRR3)
            for way in WAYS:
                rows[way].append(fidelity(pictures[way], target_B3RR))
        for change, (after, before) in CHANGES.items():
            difference_B3RR = pictures[after] - pictures[before]
            rows[change].append(difference_B3RR.abs().mean((1, 2, 3))[:, None] * 255)
    changed_TM = np.concatenate(changed)
    scores = {way: torch.cat(rows[way]).double().mean(0).tolist() for way in WAYS if rows[way]}
    return {
        "clip": trial.name,
        "frames": len(changed_TM),
        "frames_limited": float(changed_TM.any(1).mean()),
        "coefficients_limited": float(changed_TM.mean()),
        **{way: dict(zip(("l1", "psnr", "ssim"), values, strict=True)) for way, values in scores.items()},
        **{f"{name}_levels": float(torch.cat(rows[name]).double().mean()) for name in CHANGES},
    }


def means(trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Over trials."""
    found: dict[str, Any] = {"clips": len(trials), "frames": sum(trial["frames"] for trial in trials)}
    for key, value in trials[0].items():
        if isinstance(value, dict):
            found[key] = {each: float(np.mean([trial[key][each] for trial in trials])) for each in value}
        elif key not in ("clip", "frames"):
            found[key] = float(np.mean([trial[key] for trial in trials]))
    return found


def tables(found: dict[str, Any]) -> str:
    """The Markdown of benchmarks/README.md."""
    lines = ["| drawn in | L1 ↓ | PSNR ↑ | SSIM ↑ |", "|---|---|---|---|"]
    for way, name in WAYS.items():
        row, name = found["self"]["mean"][way], name.format(precision=found["precision"])
        lines.append(f"| {name} | {row['l1']:.4f} | {row['psnr']:.2f} | {row['ssim']:.3f} |")
    lines += [
        "",
        "| | frames compared | frames that limits change | coefficients | mean change by limits | by "
        f"{found['precision']} |",
        "|---|---|---|---|---|---|",
    ]
    for protocol in ("self", "cross"):
        mean = found[protocol]["mean"]
        shares = [f"{mean[key]:.0%}" for key in ("frames_limited", "coefficients_limited")]
        levels = [f"{mean[f'{change}_levels']:.2f} levels" for change in CHANGES]
        lines.append(f"| {protocol}-reenactment | {mean['frames']:,} | {' | '.join((*shares, *levels))} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of manifest.csv")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "shipped.json")
    parser.add_argument("--weights", default="small")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--frames", type=int, default=60, help="of a clip in self-reenactment")
    parser.add_argument("--cross-frames", type=int, default=12, help="of a clip in cross-reenactment")
    options = parser.parse_args()
    keep_freed_memory()
    exact = Animator(load(options.weights), options.device, torch.float32)
    shipped = Animator(load(options.weights), options.device)
    clips, stills = list_clips(options.data, "val"), list_clips(options.data, "val", kind="portrait")
    found: dict[str, Any] = {
        "weights": options.weights,
        "fingerprint": fingerprint(exact.network),
        "device": f"{exact.device.type}, {platform.machine()}",
        "precision": str(shipped.dtype).removeprefix("torch."),
        "torch": torch.__version__,
    }
    chosen = {"self": self_trials(clips), "cross": cross_trials(clips, stills, sources=1, seed=0)}
    for protocol, trials in chosen.items():
        most = options.frames if protocol == "self" else options.cross_frames
        rows = []
        for trial in trials:
            rows.append(compare(trial, exact, shipped, most))
            print(json.dumps(rows[-1]), flush=True)
        found[protocol] = {"mean": means(rows), "trials": rows}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(tables(found))


if __name__ == "__main__":
    main()
