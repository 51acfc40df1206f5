"""An evaluation from beginning to end: trials that are not done yet, then summary, tables and report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from liax.errors import LiaxError
from liax.evaluation.clips import ProtocolName, Trial, select_frames
from liax.evaluation.metrics import TimeAndCoefficients
from liax.evaluation.reenactors import Reenactor
from liax.evaluation.registry import open_metrics
from liax.evaluation.report import write_report
from liax.evaluation.summary import EvaluationResults, summarise_trials
from liax.evaluation.tables import write_tables
from liax.evaluation.trials import TrialFolder, TrialOptions, measure_trial, missing_metrics
from liax.face.landmarks import FaceLandmarker
from liax.files import atomic_file
from liax.report.json_files import lock_settings

# A clip that does not say how long it is counts as so long, for the estimate only.
_ASSUMED_FRAMES = 200


@dataclass(frozen=True)
class EvaluationPlan:
    """What is compared, and how; results of different plans do not compare.

    Args:
        protocol: "self" or "cross", that the trials are of.
        data: The data set, as tables call it.
        frames: Most frames of a clip that are compared, evenly spaced; None for all.
        first: First frames of which motion is measured, without gaps; 0 leaves faces and steadiness out.
        size: The side at which frames are compared, None for the clips' own.
        crop: Whether the face is found and cut out first.
    """

    protocol: ProtocolName = "self"
    data: str = ""
    frames: int | None = 60
    first: int = 150
    size: int | None = None
    crop: bool = False

    def __post_init__(self) -> None:
        if self.frames is not None and self.frames < 1:
            raise LiaxError(f"{self.frames} frames cannot be compared; choose 1 or more, or all.")
        if self.first < 0:
            raise LiaxError(f"The first {self.first} frames cannot be measured; choose 0 or more.")
        if self.size is not None and not 32 <= self.size <= 4096:
            raise LiaxError(f"Frames cannot be compared at {self.size} pixels; choose 32 to 4096.")


def evaluate(
    trials: Sequence[Trial],
    animator: Reenactor,
    out: Path,
    plan: EvaluationPlan,
    *,
    cache: Path | None = None,
    baselines: Sequence[Path] = (),
    perceptual: str = "auto",
    features: str = "auto",
    device: torch.device | str = "cpu",
    batch: int = 8,
    keep_frames: bool = False,
    command: str | None = None,
    progress: Progress | None = None,
) -> EvaluationResults:
    """Measure an animator, and write results.json, results.csv, results.md and report.html to `out`.

    A trial is done once its record lies in `out`; an interrupted run goes on with the same call. What could
    not be measured for want of a package is measured by a later call that has it.

    Args:
        trials: `self_trials`, `cross_trials` or `read_pairs`.
        cache: Folder for faces of driving clips, shared by runs; inside `out` by default.
        baselines: Folders of finished runs of this plan to show beside.
        perceptual, features: Backbones, see `open_metrics`.
        device: Where measuring networks run.
        batch: Frames drawn at a time.
        keep_frames: Keep outputs as pictures in out/frames, about 15 kB each at 256², for measures that this
            machine lacks.
        command: What made the results, for the report.

    Raises:
        LiaxError: For a folder of other results, unfit baselines, or clips that cannot be used.
    """
    if not trials or batch < 1:
        raise LiaxError("There is nothing to evaluate; give at least one clip, and batches of 1 or more.")
    others = [_baseline(path, plan, trials) for path in baselines]
    settings = {**asdict(plan), "animator": animator.key}
    lock_settings(out, _comparable_settings(settings))
    (out / "clips").mkdir(exist_ok=True)
    folder = TrialFolder(out)
    drawing = TimeAndCoefficients(_device_text(device, batch) if animator.timed else "", animator.timed)
    with ExitStack() as stack:
        cropper = stack.enter_context(FaceLandmarker()) if plan.crop else None
        options = TrialOptions(plan.size, cropper, batch, keep_frames, plan.frames)
        measures = stack.enter_context(
            open_metrics(
                plan.protocol == "self",
                plan.frames,
                plan.first,
                cache or out / "faces",
                perceptual=perceptual,
                features=features,
                device=device,
            )
        )
        waiting = [(trial, missing_metrics([*measures, drawing], folder.record(trial))) for trial in trials]
        waiting = [(trial, lacking) for trial, lacking in waiting if lacking]
        expected = [_expected(trial, plan) for trial, _ in waiting]
        begun = 0
        for i, (trial, lacking) in enumerate(waiting):
            before, after = begun, sum(expected[i + 1 :])

            def tick(done: int, total: int, before: int = before, after: int = after) -> None:
                if progress is not None:
                    progress("evaluating", before + done, before + total + after)

            measure_trial(trial, animator, lacking, folder, options, tick)
            begun += expected[i]
    results = summarise_trials(trials, folder, animator.name, plan.protocol, settings, command)
    with atomic_file(out / "results.json") as file:
        file.write(json.dumps(results.to_json(), indent=1).encode())
    write_tables(results, others, out)
    write_report(results, others, out)
    return results


def _comparable_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Without the data set's name, which may be another on another machine."""
    return {key: value for key, value in settings.items() if key != "data"}


def _baseline(folder: Path, plan: EvaluationPlan, trials: Sequence[Trial]) -> EvaluationResults:
    path = folder / "results.json"
    if not path.is_file():
        raise LiaxError(f"{path} does not exist; give --baseline the folder of a finished evaluation.")
    other = EvaluationResults.from_json(json.loads(path.read_text(encoding="utf-8")))
    same = _comparable_settings({**other.settings, "animator": ""}) == _comparable_settings(
        {**asdict(plan), "animator": ""}
    )
    if not same or {clip["clip"] for clip in other.clips} != {trial.name for trial in trials}:
        raise LiaxError(f"{folder} was evaluated on other clips or settings; repeat it with these.")
    return other


def _expected(trial: Trial, plan: EvaluationPlan) -> int:
    count = trial.driving.frames or _ASSUMED_FRAMES
    compared = select_frames(count, plan.frames)
    return min(count, plan.first) + int((compared >= plan.first).sum())


def _device_text(device: torch.device | str, batch: int) -> str:
    device = torch.device(device)
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, batches of {batch}"
    return f"{device.type} (threads: {torch.get_num_threads()}), batches of {batch}"
