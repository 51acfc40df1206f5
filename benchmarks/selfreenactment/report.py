"""Means over clips, and the tables that show them."""

from __future__ import annotations

from typing import Any

import numpy as np

from selfreenactment.drawing import Protocol
from selfreenactment.evaluate import METRICS
from selfreenactment.following import FACTORS, POSE


def summarise(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over clips of their means over frames; following over the clips that move in that factor."""
    mean = {m: float(np.mean([r[m] for r in records])) for m in METRICS}
    others = [r["without_source"] for r in records if r["without_source"]]
    summary: dict[str, Any] = {"clips": len(records), "frames": sum(r["frames"] for r in records), **mean}
    if others:
        summary["without_source"] = {m: float(np.mean([o[m] for o in others])) for m in METRICS}
    if any("following" in r for r in records):
        summary["following"] = _following(records)
        summary["followed_frames"] = sum(r["followed_frames"] for r in records)
        summary["frames_without_output_face"] = sum(r["frames_without_output_face"] for r in records)
    return summary


def _following(records: list[dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    table: dict[str, dict[str, float | None]] = {}
    for name in FACTORS:
        moving = [r["following"][name] for r in records if name in r.get("following", {})]
        measures = ("correlation", "gain") if name in POSE else ("correlation", "gain", "beyond_pose")
        table[name] = {"clips": len(moving)}
        table[name] |= {m: float(np.mean([c[m] for c in moving])) if moving else None for m in measures}
    return table


def markdown(results: dict[str, Any], baseline: dict[str, Any] | None) -> str:
    """results.md: protocol, the means (with a baseline's, when given), following, sparsity, every clip."""
    subjects = [results] if baseline is None else [baseline, results]
    protocol = Protocol(results["settings"]["frames"], results["settings"]["follow"])
    frames = "all frames" if protocol.frames is None else f"up to {protocol.frames} evenly spaced frames"
    lines = [
        f"# Self-reenactment: {results['subject']}",
        "",
        f"{results['summary']['clips']} `{results['settings']['split']}` clips, {frames} of each, the source "
        "(frame 0) among them; mean over a clip's frames, then over clips. L1 and SSIM on [0, 1].",
        "",
        "| | L1 ↓ | PSNR ↑ | SSIM ↑ | without frame 0: L1 | PSNR | SSIM |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in subjects:
        rest = each["summary"].get("without_source")
        numbers = _fidelity(each["summary"]) + (_fidelity(rest) if rest else ["-"] * 3)
        lines.append(_row(each["subject"], *numbers))
    if "following" in results["summary"]:
        lines += ["", *_following_table(subjects, protocol.follow)]
    if results.get("sparsity"):
        lines += ["", *_sparsity_table(results["sparsity"])]
    return "\n".join([*lines, "", *_clip_table(results["clips"])]) + "\n"


def _following_table(subjects: list[dict[str, Any]], follow: int) -> list[str]:
    lines = [
        "## Following",
        "",
        f"Correlation of the driving and the output face's measures over the first {follow} frames, mean "
        "over the clips whose driving face moves; in brackets the gain (slope of output on driving); after "
        "the semicolon the correlation of what the head's yaw, pitch and roll do not explain.",
        "",
        _row("factor", "moves when", "clips", *(s["subject"] for s in subjects)),
        "|" + "---|" * (3 + len(subjects)),
    ]
    for name, factor in FACTORS.items():
        numbers = [_followed(s["summary"].get("following", {}).get(name)) for s in subjects]
        clips = subjects[-1]["summary"]["following"][name]["clips"]
        lines.append(_row(name, f"{factor.spread} > {factor.least:g}{factor.unit}", clips, *numbers))
    lost = subjects[-1]["summary"]
    lines += [
        "",
        f"Outputs without a face: {lost['frames_without_output_face']} of {lost['followed_frames']}.",
    ]
    return lines


def _followed(cell: dict[str, Any] | None) -> str:
    if not cell or not cell["clips"]:
        return "-"
    beyond = f"; {cell['beyond_pose']:.2f}" if "beyond_pose" in cell else ""
    return f"{cell['correlation']:.2f} ({cell['gain']:.2f}){beyond}"


def _sparsity_table(sparsity: dict[str, Any]) -> list[str]:
    lines = [
        "## Sparsity",
        "",
        f"{sparsity['vectors']} vectors, {sparsity['frames']} frames. Used: above 5 % of the frame's "
        f"largest. Vectors that vary (standard deviation above 5 % of the largest): {sparsity['varying']}.",
        "",
        "| coefficients | Hoyer | used per frame | used at all |",
        "|---|---|---|---|",
    ]
    names = {"plain": "a", "centred": "a - mean", "change": "a_t - a_1"}
    for key, name in names.items():
        cell = sparsity[key]
        lines.append(_row(name, f"{cell['hoyer']:.3f}", f"{cell['used_per_frame']:.1f}", cell["used_at_all"]))
    return lines


def _clip_table(clips: list[dict[str, Any]]) -> list[str]:
    """Every clip, following only where that clip moves."""
    followed = any("following" in c for c in clips)
    factors = list(FACTORS) if followed else []
    lines = ["## Clips", "", _row("clip", "frames", "L1", "PSNR", "SSIM", *factors)]
    lines.append("|" + "---|" * (5 + len(factors)))
    for clip in clips:
        moved = clip.get("following", {})
        cells = [f"{moved[f]['correlation']:.2f}" if f in moved else "" for f in factors]
        lines.append(_row(clip["clip"], clip["frames"], *_fidelity(clip), *cells))
    mean = [float(np.mean([c[m] for c in clips])) for m in METRICS]
    table = _following(clips) if followed else {}
    cells = [f"{table[f]['correlation']:.2f}" if table[f]["clips"] else "-" for f in factors]
    numbers = _fidelity(dict(zip(METRICS, mean, strict=True)))
    return [*lines, _row("**mean**", sum(c["frames"] for c in clips), *numbers, *cells)]


def _fidelity(values: dict[str, float]) -> list[str]:
    return [f"{values['l1']:.4f}", f"{values['psnr']:.2f}", f"{values['ssim']:.3f}"]


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
