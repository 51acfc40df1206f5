"""An evaluation from beginning to end: trials that are not done yet, then summary, tables and report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import torch

from liax.bounded import read_json, short
from liax.data.manifest import manifest_in
from liax.errors import LiaxError, WrongFileError
from liax.evaluation.clips import Trial, cross_trials, list_clips, read_pairs, select_frames, self_trials
from liax.evaluation.metrics import TimeAndCoefficients
from liax.evaluation.options import EvaluateOptions
from liax.evaluation.reenactors import Reenactor
from liax.evaluation.registry import open_metrics
from liax.evaluation.report import write_report
from liax.evaluation.summary import EvaluationResults, summarise_trials
from liax.evaluation.tables import write_tables
from liax.evaluation.trials import TrialFolder, measure_trial, missing_metrics
from liax.face.landmarks import FaceLandmarker
from liax.files import atomic_file
from liax.progress import Progress, no_progress
from liax.report.json_files import lock_settings

# How many frames a clip is estimated to have if the data set does not say.
_ASSUMED_FRAMES = 200


def evaluate(
    reenactor: Reenactor,
    data: Path,
    out: Path,
    options: EvaluateOptions | None = None,
    *,
    device: torch.device | str = "cpu",
    command: str | None = None,
    progress: Progress = no_progress,
) -> EvaluationResults:
    """Measure a reenactor, and write results.json, results.csv, results.md and report.html into the folder
    `out`.

    An interrupted run goes on with the same call, because a trial is done once its record is in `out`. What
    could not be measured without a package is measured by a later call that has it.

    Args:
        reenactor: `open_network("small")`, say.
        data: A manifest, a folder with one, or a folder of videos of single faces.
        out: A new folder, or that of an interrupted run.
        device: Where the networks that measure run.
        command: What the report says it was made with.

    Raises:
        LiaxError: If `out` holds other results, a baseline does not fit, or a clip cannot be used.
    """
    options = options or EvaluateOptions()
    listed = data.is_file() or manifest_in(data) is not None
    name = f"{data.resolve().name} ({options.split})" if listed else data.resolve().name
    trials = choose_trials(data, options)
    return evaluate_trials(
        reenactor, trials, out, options, data=name, device=device, command=command, progress=progress
    )


def choose_trials(data: Path, options: EvaluateOptions) -> list[Trial]:
    """The trials of a data set, by the options' protocol.

    Raises:
        LiaxError: If there is no clip, or there are too few people.
    """
    clips = list_clips(data, options.split, options.limit)
    if options.protocol == "self":
        return self_trials(clips)
    stills = list_clips(data, options.split, kind="portrait")
    if options.pairs is not None:
        return read_pairs(options.pairs, [*clips, *stills])
    return cross_trials(clips, stills, options.sources, options.seed)


def evaluate_trials(
    reenactor: Reenactor,
    trials: Sequence[Trial],
    out: Path,
    options: EvaluateOptions | None = None,
    *,
    data: str = "",
    device: torch.device | str = "cpu",
    command: str | None = None,
    progress: Progress = no_progress,
) -> EvaluationResults:
    """`evaluate` of trials that are chosen already.

    Args:
        trials: Of the options' protocol.
        data: What tables call the data set.
    """
    options = options or EvaluateOptions()
    if not trials:
        raise LiaxError("There is nothing to evaluate; give at least one clip.")
    for path in options.baseline:
        if path.resolve() == out.resolve():
            raise LiaxError(f"{out} is also a baseline", "write the results to another folder")
    baselines = [_baseline(path, options, trials) for path in options.baseline]
    compared = {**options.compared, "animator": reenactor.key}
    lock_settings(out, compared)
    (out / "clips").mkdir(exist_ok=True)
    folder = TrialFolder(out)
    with ExitStack() as stack:
        cropper = stack.enter_context(FaceLandmarker()) if options.crop else None
        families = stack.enter_context(open_metrics(options, options.cache or out / "faces", device))
        families.append(_drawing(reenactor, options.batch))
        waiting = [(trial, missing_metrics(families, folder.record(trial))) for trial in trials]
        waiting = [(trial, lacking) for trial, lacking in waiting if lacking]
        expected = [_expected_frames(trial, options) for trial, _ in waiting]
        begun = 0
        for i, (trial, lacking) in enumerate(waiting):
            before, after = begun, sum(expected[i + 1 :])

            def tick(done: int, total: int, before: int = before, after: int = after) -> None:
                progress("evaluating", before + done, before + total + after)

            measure_trial(trial, reenactor, lacking, folder, options, cropper, tick)
            begun += expected[i]
    results = summarise_trials(
        trials,
        folder,
        animator=reenactor.name,
        drawing=asdict(reenactor.facts) if reenactor.facts else None,
        protocol=options.protocol,
        settings={**compared, "data": data},
        command=command,
    )
    with atomic_file(out / "results.json") as file:
        file.write(json.dumps(results.to_json(), indent=1).encode())
    write_tables(results, baselines, out)
    write_report(results, baselines, out)
    return results


def _baseline(folder: Path, options: EvaluateOptions, trials: Sequence[Trial]) -> EvaluationResults:
    path = folder / "results.json"
    if not path.is_file():
        raise WrongFileError(folder, "other", "results")
    try:
        other = EvaluationResults.from_json(read_json(path, 256 << 20))
        clips = {clip["clip"] for clip in other.clips}
        settings = dict(other.settings)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WrongFileError(folder, "other", "results", short(error)) from None
    same = {key: settings.get(key) for key in options.compared} == options.compared
    if not same or clips != {trial.name for trial in trials}:
        raise LiaxError(f"{folder} was evaluated on other clips or options; repeat it with these.")
    return other


def _drawing(reenactor: Reenactor, batch: int) -> TimeAndCoefficients:
    facts = reenactor.facts
    if facts is None:
        return TimeAndCoefficients("", timed=False)
    return TimeAndCoefficients(f"{facts.device}, batches of {batch}", timed=True)


def _expected_frames(trial: Trial, options: EvaluateOptions) -> int:
    count = trial.driving.frames or _ASSUMED_FRAMES
    compared = select_frames(count, options.most_frames)
    return min(count, options.first) + int((compared >= options.first).sum())
