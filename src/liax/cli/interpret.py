"""`liax interpret`: what weights have learned, in numbers and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from liax.cli.progress import ProgressDisplay


def interpret(
    weights: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="WEIGHTS")],
    *,
    data: Path,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    portraits: Path | None = None,
    split: str = "val",
    frames: int = 60,
    values: int = 5,
    count: int = 30,
    heads: int | Path | None = None,
    instrument: tuple[Literal["mediapipe", "dlib"], ...] = ("mediapipe", "dlib"),
    processes: int = 1,
    device: str | None = None,
    write: Path | None = None,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Measure how sparse and how disentangled the motion vectors of weights are, name and calibrate them.

    Writes report.html, results.md and results.json into a folder. Interrupted, it goes on where it was when
    it is started again; what is measured already is not measured anew. docs/interpretation.md says what every
    number means. It needs the extra liax[evaluate]; what a missing package would measure is left out.

    Args:
        weights: Name or file of the network's weights.
        data: Clips and stills, cropped around the face as for training: a manifest, or a folder of them.
        output: The folder to write into; created if need be.
        portraits: A folder of pictures of faces, a person each, to move vectors on, instead of the stills and
            first frames of the data.
        split: Which split of the manifest; without a manifest everything.
        frames: How many frames of each clip are looked at.
        values: At how many values each vector is tried.
        count: On how many portraits vectors are tried; half as many other people verify the controls.
        heads: Rendered heads whose pose and expression are known: a folder of them, or how many to render
            (with the package anny).
        instrument: What measures faces. Controls are calibrated by the first.
        processes: How many processes measure faces.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
        write: Where to put a copy of the weights that has the named, calibrated controls: .safetensors.
        overwrite: Replace what `write` names if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    import shlex
    import sys

    from liax.files import check_output
    from liax.interpretation import run
    from liax.portrait import Animator
    from liax.portrait.device import keep_freed_memory
    from liax.weights import load, set_controls

    if write is not None:
        check_output(write, suffixes=(".safetensors",), overwrite=overwrite, inputs=(Path(weights),))
    settings = run.InterpretationSettings(data, split, portraits, frames, values, count, heads, instrument)
    keep_freed_memory()
    animator = Animator(load(weights), device)
    command = shlex.join(["liax", *sys.argv[1:]])
    with ProgressDisplay() as progress:
        found = run.interpret(
            animator, settings, output, name=weights, command=command, processes=processes, progress=progress
        )
    print(f"{output / 'report.html'}: {len(found.controls)} controls")
    if write is not None:
        set_controls(weights, write, found.controls)
        print(f"{write}: {len(found.controls)} controls")
