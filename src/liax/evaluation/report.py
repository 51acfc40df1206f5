"""The results as a page to read: what stands out, tables, best and worst clips, definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from liax.evaluation.definitions import METRICS, MOTION_DEFINITIONS, Metric
from liax.evaluation.summary import EvaluationResults
from liax.evaluation.tables import (
    SPARSITY_COLUMNS,
    backbone_of,
    describe_evaluation,
    metrics_of,
    motion_text,
    sparsity_rows,
    sparsity_text,
    threshold_text,
    value_of,
)
from liax.media.images import read_image
from liax.report import picture_uri, render

# What decides which clips are worst and best: the first of these that was measured.
_RANKING_METRICS = ("l1", "identity_distance", "warping")
# Of the numbers that stand at the top.
_HEADLINE_METRICS = {
    "self": ("l1", "psnr", "ssim", "perceptual", "frechet", "identity_cosine", "akd", "pose"),
    "cross": ("identity_cosine", "identity_distance", "frechet", "warping"),
}
_EXTREMES = 3


@dataclass(frozen=True)
class ExampleClip:
    """A clip that is shown: its name, its numbers in words, its contact sheet as a data URI."""

    name: str
    text: str
    uri: str


def write_report(results: EvaluationResults, baselines: Sequence[EvaluationResults], out: Path) -> None:
    """report.html in the folder `out`, with the contact sheets of the worst and the best clips."""
    all_of = [*baselines, results]
    deciding = next((key for key in _RANKING_METRICS if key in results.means), None)
    worst, best = _extremes(results, deciding, out) if deciding else ([], [])
    title = {"self": "Self-reenactment", "cross": "Cross-reenactment"}[results.protocol]
    sections = [("summary", "Summary")]
    sections += [("following", "Following")] if results.following else []
    sections += [("sparsity", "Sparsity")] if results.sparsity else []
    sections += [("cases", "Worst and best")] if worst else []
    sections += [("clips", "Clips"), ("definitions", "Definitions")]
    command = {"command": results.command} if results.command else {}
    render(
        "evaluation/report.html",
        out / "report.html",
        title=results.animator,
        kicker=title,
        subtitle=describe_evaluation(results),
        sections=sections,
        facts=_facts(results, baselines),
        names=[each.animator for each in all_of],
        metrics=[_metric_row(metric, all_of) for metric in metrics_of(all_of)],
        factors=_factor_rows(all_of) if results.following else [],
        sparsity=_sparsity(results),
        worst=worst,
        best=best,
        deciding=next((m.label for m in METRICS if m.key == deciding), ""),
        clips=_clip_rows(results),
        courses=_correlations_by_clip(results),
        definitions=[(m.label, m.range, m.definition) for m in metrics_of(all_of)],
        following=MOTION_DEFINITIONS,
        **command,
    )


def _facts(results: EvaluationResults, baselines: Sequence[EvaluationResults]) -> list[tuple[str, str, str]]:
    """Value, label and note of the numbers that matter."""
    facts = []
    for metric in METRICS:
        if metric.key not in _HEADLINE_METRICS[results.protocol] or metric.key not in results.means:
            continue
        value = f"{results.means[metric.key].mean:.{metric.digits}f}"
        notes = [each for each in (_interval(results, metric), backbone_of(metric, [results])) if each]
        notes += [
            f"{other.animator}: {other.means[metric.key].mean:.{metric.digits}f}"
            for other in baselines
            if metric.key in other.means
        ]
        facts.append((value, f"{metric.label} {metric.arrow}", " · ".join(notes)))
    return facts


def _interval(results: EvaluationResults, metric: Metric) -> str:
    return value_of(results, metric).partition("[")[2].rstrip("]").replace(", ", "…")


def _metric_row(metric: Metric, all_of: Sequence[EvaluationResults]) -> tuple[str, str, str, list[str]]:
    values = [value_of(each, metric) for each in all_of]
    return f"{metric.label} {metric.arrow}", metric.range, backbone_of(metric, all_of), values


def _factor_rows(all_of: Sequence[EvaluationResults]) -> list[list[str]]:
    rows = []
    for factor, row in all_of[-1].following.items():
        clips = row["correlation"].clips if "correlation" in row else 0
        cells = [motion_text(each.following.get(factor, {})) for each in all_of]
        rows.append([factor, threshold_text(factor), str(clips), *cells])
    return rows


def _extremes(results: EvaluationResults, key: str, out: Path) -> tuple[list[ExampleClip], list[ExampleClip]]:
    """The worst and the best clips by a number that is better when lower; none twice."""
    known = [clip for clip in results.clips if clip["numbers"].get(key) is not None]
    ranked = sorted(known, key=lambda clip: -clip["numbers"][key])
    count = min(_EXTREMES, max(1, len(ranked) // 2))
    worst, best = ranked[:count], ranked[count:][::-1][:count]
    return [_case(clip, results, out) for clip in worst], [_case(clip, results, out) for clip in best]


def _case(clip: dict[str, Any], results: EvaluationResults, out: Path) -> ExampleClip:
    shown = [
        f"{metric.label} {clip['numbers'][metric.key]:.{metric.digits}f}"
        for metric in METRICS
        if metric.key in _HEADLINE_METRICS[results.protocol] and clip["numbers"].get(metric.key) is not None
    ]
    sheet_HW3 = read_image(out / "clips" / f"{clip['clip']}.jpg")
    return ExampleClip(clip["clip"], " · ".join(shown), picture_uri(sheet_HW3))


def _clip_rows(results: EvaluationResults) -> tuple[list[str], list[list[str]]]:
    """Column names, and a row of texts for each clip."""
    metrics = [
        m for m in METRICS if m.key in results.means and not m.key.endswith("_later") and m.key != "frechet"
    ]
    columns = ["clip", "frames", *(f"{m.label} {m.arrow}" for m in metrics)]
    rows = []
    for clip in results.clips:
        numbers = clip["numbers"]
        cells = [_text(numbers.get(m.key), m.digits) for m in metrics]
        rows.append([clip["clip"], str(clip["frames"]), *cells])
    return columns, rows


def _sparsity(results: EvaluationResults) -> tuple[str, tuple[str, ...], list[list[str]]] | None:
    """Words, column names and rows; None without coefficients."""
    if results.sparsity is None:
        return None
    return sparsity_text(results.sparsity), SPARSITY_COLUMNS, sparsity_rows(results.sparsity)


def _correlations_by_clip(
    results: EvaluationResults,
) -> tuple[list[str], list[str], list[list[float | None]]]:
    """Clips, factors, and the correlation of each factor in each clip, None where it does not move."""
    factors = [factor for factor, row in results.following.items() if row]
    values = [[clip["numbers"].get(f"{factor} correlation") for factor in factors] for clip in results.clips]
    return [clip["clip"] for clip in results.clips], factors, values


def _text(value: float | None, digits: int) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.{digits}f}"
