"""`liax evaluate`: how good weights, or another tool's videos, are on clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from liax.cli.progress import ProgressDisplay


def evaluate(
    data: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DATA")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    weights: str | None = None,
    copy: tyro.conf.FlagCreatePairsOff[bool] = False,
    videos: Path | None = None,
    random: str | None = None,
    protocol: Literal["self", "cross"] = "self",
    pairs: Path | None = None,
    sources: int = 1,
    seed: int = 0,
    absolute: tyro.conf.FlagCreatePairsOff[bool] = False,
    split: str = "val",
    limit: int | None = None,
    frames: int | Literal["all"] = 60,
    first: int = 150,
    size: int | None = None,
    crop: tyro.conf.FlagCreatePairsOff[bool] = False,
    baseline: Annotated[tyro.conf.UseAppendAction[tuple[Path, ...]], tyro.conf.arg(metavar="FOLDER")] = (),
    perceptual: Literal["auto", "st-lpips", "lpips-alex", "lpips-vgg"] = "auto",
    features: Literal["auto", "efficientnet-lite0", "inception"] = "auto",
    cache: Path | None = None,
    keep_frames: tyro.conf.FlagCreatePairsOff[bool] = False,
    batch: int = 8,
    device: str | None = None,
) -> None:
    """Measure reenactment: fidelity, perception, identity, motion, steadiness, with intervals.

    Writes results.json, results.csv (a line for each clip), results.md and report.html. Interrupted, it goes
    on where it was when it is started again. Each metric's definition is in the results and in
    docs/evaluation.md.

    Args:
        data: A manifest, or its folder, or any folder of videos of single faces.
        output: Folder of the results: a new one, or that of an interrupted run.
        weights: Whose reenactment: name, file or hub name of weights; small if nothing else is given.
        copy: In place of weights: copy the source, which any animator should beat.
        videos: In place of weights: a folder of what another tool made, with a video for each clip, of its
            name (SOURCE__DRIVING in cross-reenactment).
        random: In place of weights: an untrained network of this preset, to try the evaluation with.
        protocol: self: the first frame of a clip is the source and the clip drives it, so that each output
            has a ground truth. cross: the clip drives other people's portraits.
        pairs: For cross: a CSV with the columns source and driving, each the name of a clip or still of the
            data, or a file by its path from the CSV. Otherwise pairs are drawn: stills of other people, or,
            without stills, the first frames of their clips.
        sources: For cross: how many people each clip drives.
        seed: For cross: of the draw.
        absolute: For cross: take over the driving's pose as it is, instead of its change.
        split: Which split of a manifest.
        limit: Only so many clips, from the beginning.
        frames: Most frames of a clip that are compared, evenly spaced; or all.
        first: First frames of a clip of which faces and steadiness are measured; 0 leaves them out.
        size: Side at which frames are compared, in pixels; by default the clips' own, and 256 with --crop.
        crop: Find the face in each clip and cut it out first; otherwise clips are cropped already.
        baseline: Results of another run on the same clips, to show beside; may be repeated.
        perceptual: Backbone of the perceptual distance; auto works offline.
        features: Backbone of the Fréchet distance; auto works offline.
        cache: Folder that keeps the driving faces' measures for other runs; by default in the output.
        keep_frames: Keep the outputs as pictures, about 15 kB each, for measures that this machine lacks.
        batch: Frames drawn at a time.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
    """
    # Imported here, so that --help does not wait for PyTorch.
    import shlex
    import sys

    from liax.data.manifest import manifest_in
    from liax.errors import LiaxError
    from liax.evaluation.clips import cross_trials, list_clips, read_pairs, self_trials
    from liax.evaluation.reenactors import (
        CopySource,
        Reenactor,
        VideoReenactor,
        open_network,
        open_untrained,
    )
    from liax.evaluation.run import EvaluationPlan
    from liax.evaluation.run import evaluate as run
    from liax.portrait.device import choose_device, keep_freed_memory

    if copy + sum(choice is not None for choice in (weights, videos, random)) > 1:
        raise LiaxError("Give only one of --weights, --copy, --videos and --random.")
    if protocol == "self" and (pairs is not None or absolute):
        raise LiaxError("--pairs and --absolute are for --protocol cross.")
    if limit is not None and limit < 1:
        raise LiaxError("--limit must be at least 1.")
    chosen = choose_device(device)
    keep_freed_memory()
    listed = data.is_file() or manifest_in(data) is not None
    plan = EvaluationPlan(
        protocol=protocol,
        data=f"{data.resolve().name} ({split})" if listed else data.resolve().name,
        frames=None if frames == "all" else frames,
        first=first,
        size=size,
        crop=crop,
    )
    clips = list_clips(data, split, limit)
    if protocol == "self":
        trials = self_trials(clips)
    else:
        stills = list_clips(data, split, kind="portrait")
        trials = read_pairs(pairs, [*clips, *stills]) if pairs else cross_trials(clips, stills, sources, seed)
    animator: Reenactor
    if copy:
        animator = CopySource()
    elif videos is not None:
        animator = VideoReenactor(videos)
    elif random is not None:
        animator = open_untrained(random, chosen)
    else:
        animator = open_network(weights or "small", chosen, absolute)
    with ProgressDisplay() as progress:
        run(
            trials,
            animator,
            output,
            plan,
            cache=cache,
            baselines=baseline,
            perceptual=perceptual,
            features=features,
            device=chosen,
            batch=batch,
            keep_frames=keep_frames,
            command=shlex.join(["liax", *sys.argv[1:]]),
            progress=progress,
        )
    print((output / "results.md").read_text(encoding="utf-8"))
