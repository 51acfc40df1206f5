"""All trials of an evaluation as one: means with intervals, Fréchet distance, sparsity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from liax.evaluation.bootstrap import interval
from liax.evaluation.definitions import FOLLOWING, METRICS
from liax.evaluation.following import POSE
from liax.evaluation.frechet import Moments, frechet_distance
from liax.evaluation.protocols import Protocol, Trial
from liax.evaluation.trials import Folder
from liax.face.factors import FACTORS
from liax.interpretation.sparsity import sparsity


@dataclass(frozen=True)
class Mean:
    """Of a number over the trials that have it, with a 95 % bootstrap interval by clip; None: not known."""

    mean: float
    low: float | None
    high: float | None
    clips: int


@dataclass(frozen=True)
class Results:
    """What an evaluation found.

    animator: its name. protocol, settings: of the plan, with the animator's key. command: that made it.
    backbones: measure -> what measures, for all that was measured. means: key of `METRICS` -> its mean.
    following: factor -> "correlation", "gain", "beyond_pose" -> mean over the clips that move.
    sparsity: the fields of `liax.interpretation.sparsity.Sparsity`, None without coefficients.
    clips: the trials' records, in their order.
    """

    animator: str
    protocol: Protocol
    settings: dict[str, Any]
    command: str | None
    backbones: dict[str, str]
    means: dict[str, Mean]
    following: dict[str, dict[str, Mean]]
    sparsity: dict[str, Any] | None
    clips: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, loaded: dict[str, Any]) -> Results:
        means = {key: Mean(**mean) for key, mean in loaded.pop("means").items()}
        following = {
            factor: {key: Mean(**mean) for key, mean in row.items()}
            for factor, row in loaded.pop("following").items()
        }
        return cls(means=means, following=following, **loaded)

    @property
    def resolutions(self) -> list[str]:
        """The clips' own sizes, "256x256"."""
        return sorted({"x".join(map(str, clip["resolution"])) for clip in self.clips})

    @property
    def sides(self) -> list[int]:
        """The sides at which frames were compared."""
        return sorted({clip["compared_at"] for clip in self.clips})


def summarise(
    trials: Sequence[Trial],
    folder: Folder,
    animator: str,
    protocol: Protocol,
    settings: dict[str, Any],
    command: str | None,
) -> Results:
    """Mean over a clip's frames, then over clips; following over the clips that move in that factor.

    A measure that some trial lacks counts as not measured.
    """
    records = [folder.record(trial) for trial in trials]
    backbones = {
        name: backbone
        for name, backbone in records[0]["measured"].items()
        if all(record["measured"].get(name) == backbone or name == "drawing" for record in records)
    }
    driving = [trial.driving.name for trial in trials]
    means = {}
    for metric in METRICS:
        if metric.measure in backbones and protocol in metric.protocols:
            mean = _mean([record["numbers"].get(metric.key) for record in records], driving)
            if mean is not None:
                means[metric.key] = mean
    if "distribution" in backbones:
        means["frechet"] = Mean(_frechet(trials, folder), None, None, len(trials))
    following = _following(records, driving) if "faces" in backbones else {}
    return Results(
        animator,
        protocol,
        settings,
        command,
        backbones,
        means,
        following,
        _sparsity(trials, folder),
        records,
    )


def _mean(values: Sequence[float | None], driving: Sequence[str]) -> Mean | None:
    """Over trials; the interval is by driving clip, for pairs that share one are no independent witnesses."""
    known = [(clip, value) for clip, value in zip(driving, values, strict=True) if value is not None]
    if not known:
        return None
    clips: dict[str, list[float]] = {}
    for clip, value in known:
        clips.setdefault(clip, []).append(value)
    ends = interval([np.mean(of_clip) for of_clip in clips.values()], [len(c) for c in clips.values()])
    low, high = (end if math.isfinite(end) else None for end in ends)
    return Mean(float(np.mean([value for _, value in known])), low, high, len(known))


def _following(records: list[dict[str, Any]], driving: Sequence[str]) -> dict[str, dict[str, Mean]]:
    table: dict[str, dict[str, Mean]] = {}
    for factor in FACTORS:
        row = {}
        for key in FOLLOWING:
            if key == "beyond_pose" and factor in POSE:
                continue
            mean = _mean([record["numbers"].get(f"{factor} {key}") for record in records], driving)
            if mean is not None:
                row[key] = mean
        table[factor] = row
    return table


def _frechet(trials: Sequence[Trial], folder: Folder) -> float:
    outputs, reals = Moments(), Moments()
    for trial in trials:
        arrays = folder.arrays(trial)
        outputs.update(torch.from_numpy(arrays["distribution/output"]))
        reals.update(torch.from_numpy(arrays["distribution/real"]))
    return frechet_distance(outputs, reals)


def _sparsity(trials: Sequence[Trial], folder: Folder) -> dict[str, Any] | None:
    """Of the driving coefficients of all frames that were drawn; None for an animator without."""
    clips = [folder.arrays(trial).get("drawing/alpha") for trial in trials]
    alphas = [alpha_TM for alpha_TM in clips if alpha_TM is not None]
    if len(alphas) < len(clips):
        return None
    clip_N = np.repeat(np.arange(len(alphas)), [len(alpha_TM) for alpha_TM in alphas])
    found: dict[str, Any] = _plain(asdict(sparsity(np.concatenate(alphas), clip_N)))
    return found


def _plain(value: Any) -> Any:
    """As JSON has it: arrays as lists, NaN as None."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    return None if isinstance(value, float) and math.isnan(value) else value
