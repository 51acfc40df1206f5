"""`liax evaluate`: how good weights, or another tool's videos, are on clips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.model_options import DEFAULT_DEVICE, DEFAULT_WEIGHTS
from liax.cli.output import show
from liax.cli.progress import ProgressDisplay
from liax.evaluation.options import EvaluateOptions, Precision


def evaluate(
    data: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DATA")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    weights: str | None = None,
    copy: tyro.conf.FlagCreatePairsOff[bool] = False,
    videos: Path | None = None,
    random: str | None = None,
    absolute: tyro.conf.FlagCreatePairsOff[bool] = False,
    drawn_size: int | None = None,
    dtype: Precision = "auto",
    device: str | None = DEFAULT_DEVICE,
    options: Annotated[
        EvaluateOptions, tyro.conf.arg(name=""), tyro.conf.FlagCreatePairsOff, tyro.conf.UseAppendAction
    ] = EvaluateOptions(),  # noqa: B008 - frozen
) -> None:
    """Measure reenactment: fidelity, perception, identity, motion, steadiness, with intervals.

    Writes results.json, results.csv (a line for each clip), results.md and report.html. Interrupted, it goes
    on where it was when it is started again. Each metric's definition is in the results and in
    docs/evaluation.md.

    Args:
        data: A manifest, or its folder, or any folder of videos of single faces.
        output: Folder of the results: a new one, or that of an interrupted run.
        weights: Whose reenactment: name, file or hub name of weights; small if nothing else is given.
        copy: Instead of weights: copy the source, which any reenactor should beat.
        videos: Instead of weights: a folder of what another tool made, with a video for each clip, of its
            name (SOURCE__DRIVING in cross-reenactment).
        random: Instead of weights: an untrained network of this preset, to try the evaluation with.
        absolute: For cross: take over the driving's pose as it is, instead of its change.
        drawn_size: Side of the pictures that the network draws, as --size of liax animate; --size here is the
            side at which they are compared.
        dtype: Precision in which the network draws. auto is what liax animate uses on this device: float16 or
            bfloat16 where it is native, else float32.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
    """
    # Imported here, so that --help does not wait for PyTorch.
    import shlex
    import sys

    from liax.errors import LiaxError
    from liax.evaluation.reenactors import (
        CopySource,
        Reenactor,
        VideoReenactor,
        open_network,
        open_untrained,
    )
    from liax.evaluation.run import evaluate as run
    from liax.portrait.device import choose_device, keep_freed_memory
    from liax.report.json_files import read_json

    if copy + sum(choice is not None for choice in (weights, videos, random)) > 1:
        raise LiaxError("Give only one of --weights, --copy, --videos and --random.")
    if options.protocol == "self" and absolute:
        raise LiaxError("--absolute is for --protocol cross.")
    chosen = choose_device(device)
    keep_freed_memory()
    reenactor: Reenactor
    if copy:
        reenactor = CopySource()
    elif videos is not None:
        reenactor = VideoReenactor(videos)
    elif random is not None:
        reenactor = open_untrained(random, chosen, precision=dtype)
    else:
        reenactor = open_network(
            weights or DEFAULT_WEIGHTS, chosen, precision=dtype, absolute=absolute, size=drawn_size
        )
    with ProgressDisplay() as progress:
        command = shlex.join(["liax", *sys.argv[1:]])
        run(reenactor, data, output, options, device=chosen, command=command, progress=progress)
    tables = (output / "results.md").read_text(encoding="utf-8")
    show(tables, path=output, results=read_json(output / "results.json"))
