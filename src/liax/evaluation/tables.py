"""The results as CSV, a line for each clip, and as Markdown with every number's definition."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from liax.evaluation.definitions import METRICS, MOTION_DEFINITIONS, Metric
from liax.evaluation.motion_metrics import MOTION_THRESHOLDS
from liax.evaluation.summary import EvaluationResults, MeanWithInterval
from liax.face.factors import FACTORS
from liax.files import atomic_file
from liax.report import number, whole

NOT_MEASURED = "not measured"
SPARSITY_COLUMNS = ("coefficients", "Hoyer", "Gini", "used per frame", "used at all")


def write_tables(results: EvaluationResults, baselines: Sequence[EvaluationResults], out: Path) -> None:
    """results.csv and results.md in the folder `out`."""
    with atomic_file(out / "results.csv") as file:
        file.write(clips_csv(results).encode())
    with atomic_file(out / "results.md") as file:
        file.write(markdown(results, baselines).encode())


def clips_csv(results: EvaluationResults) -> str:
    """A line for each clip, a column for each number; empty where there is nothing to measure."""
    keys = [m.key for m in METRICS if m.key in results.means and m.key != "frechet"]
    keys += [f"{factor} {key}" for factor, row in results.following.items() for key in row]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["clip", "source", "driving", "frames", "width", "height", "compared_at", *keys])
    for clip in results.clips:
        facts = [clip["clip"], clip["source"], clip["driving"], clip["frames"], *clip["resolution"]]
        numbers = [_exact(clip["numbers"].get(key)) for key in keys]
        writer.writerow([*facts, clip["compared_at"], *numbers])
    return text.getvalue()


def markdown(results: EvaluationResults, baselines: Sequence[EvaluationResults]) -> str:
    """Protocol, means with intervals, following, sparsity, every clip, definitions."""
    all_of = [*baselines, results]
    title = {"self": "Self-reenactment", "cross": "Cross-reenactment"}[results.protocol]
    lines = [f"# {title}: {results.animator}", "", describe_evaluation(results), ""]
    lines += means_lines(all_of)
    if any(each.following for each in all_of):
        lines += ["", "## Following", "", *following_lines(all_of)]
    if results.sparsity:
        lines += ["", "## Sparsity", "", *_sparsity(results.sparsity)]
    lines += ["", "## Clips", "", *clips_lines(results)]
    lines += ["", "## Definitions", ""]
    lines += [f"- **{metric.label}**: {metric.definition}" for metric in metrics_of(all_of)]
    lines += [f"- **{key.replace('_', ' ')}**: {text}" for key, text in MOTION_DEFINITIONS.items()]
    if results.command:
        lines += ["", "Made by", "", "```sh", results.command, "```"]
    return "\n".join(lines) + "\n"


def means_lines(all_of: Sequence[EvaluationResults]) -> list[str]:
    """The table of means with intervals: a row for each metric, a column for each of the results."""
    lines = [_row("", "", *(each.animator for each in all_of)), "|" + "---|" * (2 + len(all_of))]
    for metric in metrics_of(all_of):
        label = f"{metric.label} ({metric.range}){_backbone_suffix(metric, all_of)}"
        lines.append(_row(label, metric.arrow, *(value_of(each, metric) for each in all_of)))
    return lines


def describe_evaluation(results: EvaluationResults) -> str:
    """What was compared, in a few sentences."""
    settings = results.settings
    people = len({clip["driving"] for clip in results.clips})
    trials = len(results.clips)
    frames = (
        "All frames" if settings["frames"] is None else f"Up to {settings['frames']} evenly spaced frames"
    )
    crop = "cut around the face here" if settings["crop"] else "already cropped around the face"
    sides = " and ".join(f"{side}×{side}" for side in results.sides)
    if results.protocol == "self":
        what = "clip" if trials == 1 else "clips"
        source = "the first frame of each is its source, and is among those compared"
    else:
        what = "pair, driven by a clip" if trials == 1 else "pairs, driven by clips"
        source = "each drives another person's portrait, so there is no ground truth"
    first = (
        f" The first {settings['first']} frames without gaps for faces and steadiness."
        if settings["first"]
        else ""
    )
    return (
        f"{trials} {what} of {people} {'person' if people == 1 else 'people'}"
        f"{' from ' + settings['data'] if settings['data'] else ''}; {source}. "
        f"{frames} of each.{first} Clips of {', '.join(results.resolutions)} pixels, {crop}, compared at "
        f"{sides}. Mean over a clip's frames, then over clips; in brackets 95\N{NO-BREAK SPACE}% "
        "intervals by bootstrap over driving clips." + _drawing_sentence(results)
    )


def _drawing_sentence(results: EvaluationResults) -> str:
    """Where and in what precision outputs were drawn; "" if no network drew them."""
    if results.drawing is None:
        return ""
    limits = "with" if results.drawing["limits"] else "without"
    return (
        f" Drawn on {results.drawing['device']} in {results.drawing['precision']}, {limits} coefficient "
        "limits, rounded to 8 bits."
    )


def metrics_of(results: Sequence[EvaluationResults]) -> list[Metric]:
    """The metrics of the protocol, measured or not."""
    return [metric for metric in METRICS if results[-1].protocol in metric.protocols]


def value_of(results: EvaluationResults, metric: Metric) -> str:
    """A mean with its interval, as tables show it."""
    mean = results.means.get(metric.key)
    if mean is None:
        return "–" if metric.measure in results.backbones else NOT_MEASURED
    text = f"{mean.mean:.{metric.digits}f}"
    return (
        text if mean.low is None else f"{text} [{mean.low:.{metric.digits}f}, {mean.high:.{metric.digits}f}]"
    )


def backbone_of(metric: Metric, results: Sequence[EvaluationResults]) -> str:
    """What measures it; where runs differ, all names."""
    if metric.measure == "drawing":
        return ""
    names = {each.backbones.get(metric.measure, "") for each in results} - {""}
    # Steadiness is two backbones in one: the flow for warping, the distance for t-LPIPS.
    part = 1 if metric.key == "t_lpips" else 0
    if metric.measure == "steadiness":
        names = {name.split("; ")[min(part, name.count("; "))] for name in names}
    return " / ".join(sorted(names))


def threshold_text(factor: str) -> str:
    """The spread beyond which a clip counts for a factor."""
    threshold = MOTION_THRESHOLDS[factor]
    return f"{threshold.spread} > {threshold.least:g}{'°' if FACTORS[factor].unit == 'deg' else ''}"


def motion_text(row: dict[str, MeanWithInterval]) -> str:
    """Correlation, gain in brackets, correlation beyond the pose after a semicolon."""
    if "correlation" not in row:
        return "–"
    beyond = f"; {number(row['beyond_pose'].mean)}" if "beyond_pose" in row else ""
    return f"{number(row['correlation'].mean)} ({number(row['gain'].mean)}){beyond}"


def _backbone_suffix(metric: Metric, results: Sequence[EvaluationResults]) -> str:
    backbone = backbone_of(metric, results)
    return f", {backbone}" if backbone else ""


def following_lines(all_of: Sequence[EvaluationResults]) -> list[str]:
    """What following is, and its table: a row for each factor, a column for each of the results."""
    lines = [
        "Correlation of the driving and the output face's measures, mean over the clips whose driving face "
        "moves; in brackets the gain; after the semicolon the correlation beyond the head's pose.",
        "",
        _row("factor", "moves when", "clips", *(each.animator for each in all_of)),
        "|" + "---|" * (3 + len(all_of)),
    ]
    for factor, row in all_of[-1].following.items():
        clips = row["correlation"].clips if "correlation" in row else 0
        cells = [motion_text(each.following.get(factor, {})) for each in all_of]
        lines.append(_row(factor, threshold_text(factor), clips, *cells))
    return lines


def sparsity_rows(found: dict[str, Any]) -> list[list[str]]:
    """Of a, of a without its mean, and of its change within clips: SPARSITY_COLUMNS."""
    names = {"plain": "a", "centred": "a − mean", "change": "a_t − a_1"}
    return [
        [
            name,
            number(cell["hoyer"], 3),
            number(cell["gini"], 3),
            number(cell["used"], 1),
            whole(cell["used_ever"]),
        ]
        for key, name in names.items()
        if (cell := found[key]) is not None
    ]


def sparsity_text(found: dict[str, Any]) -> str:
    """What the rows are of, and how many vectors vary."""
    return (
        f"{found['vectors']} vectors, {found['frames']} driving frames. Used: above 5 % of the frame's "
        "largest. Vectors that vary (standard deviation above 5 % of the largest): "
        f"{found['varying']}; effective rank {found['effective_rank']:.1f} (Roy & Vetterli 2007)."
    )


def _sparsity(found: dict[str, Any]) -> list[str]:
    return [
        sparsity_text(found),
        "",
        _row(*SPARSITY_COLUMNS),
        "|" + "---|" * len(SPARSITY_COLUMNS),
        *(_row(*cells) for cells in sparsity_rows(found)),
    ]


def clips_lines(results: EvaluationResults) -> list[str]:
    """Every clip, following only where that clip moves."""
    metrics = [
        m
        for m in METRICS
        if m.key in results.means
        and not m.key.endswith("_later")
        and m.key not in ("frechet", "milliseconds")
    ]
    factors = [factor for factor, row in results.following.items() if row]
    lines = [
        _row("clip", "frames", *(m.label for m in metrics), *factors),
        "|" + "---|" * (2 + len(metrics) + len(factors)),
    ]
    for clip in results.clips:
        numbers = clip["numbers"]
        cells = [_short(numbers.get(m.key), m.digits) for m in metrics]
        cells += [_short(numbers.get(f"{factor} correlation"), 2) for factor in factors]
        lines.append(_row(clip["clip"], clip["frames"], *cells))
    return lines


def _exact(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _short(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
