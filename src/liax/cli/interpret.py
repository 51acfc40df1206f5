"""`liax interpret`: what weights have learned, in numbers and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.model_options import DEFAULT_DEVICE, Flat
from liax.cli.output import show
from liax.cli.progress import ProgressDisplay
from liax.evaluation.options import Precision
from liax.interpretation.options import InterpretOptions


def interpret(
    weights: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="WEIGHTS")],
    *,
    data: Path,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    options: Flat[InterpretOptions] = InterpretOptions(),  # noqa: B008 - frozen
    dtype: Precision = "auto",
    device: str | None = DEFAULT_DEVICE,
    write: Path | None = None,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Measure how sparse and how disentangled the motion vectors of weights are, name and calibrate them.

    Writes report.html, results.md and results.json into a folder. Interrupted, it goes on where it was when
    it is started again. docs/interpretation.md says what every number means. It needs the
    extra evaluate; what a missing package would measure is left out.

    Args:
        weights: Name or file of the network's weights.
        data: Clips and stills, cropped around the face as for training: a manifest, or a folder of them.
        output: The folder to write into; created if need be.
        dtype: Precision in which the network draws. auto is what liax animate uses on this device: float16 or
            bfloat16 where it is native, else float32. The path length is always measured in float32.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
        write: Where to put a copy of the weights that has the named, calibrated controls: .safetensors.
        overwrite: Replace what --write names if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    import shlex
    import sys

    from liax.evaluation.reenactors import DTYPES
    from liax.files import check_output
    from liax.interpretation.run import interpret as run
    from liax.portrait import Animator
    from liax.portrait.device import keep_freed_memory
    from liax.weights import load, set_controls

    if write is not None:
        check_output(write, suffixes=(".safetensors",), overwrite=overwrite, inputs=(Path(weights), data))
    keep_freed_memory()
    animator = Animator(load(weights), device, DTYPES[dtype])
    command = shlex.join(["liax", *sys.argv[1:]])
    with ProgressDisplay() as progress:
        found = run(animator, data, output, options, name=weights, command=command, progress=progress)
    written = [output / "report.html"]
    if write is not None:
        set_controls(weights, write, found.controls)
        written.append(write)
    count = len(found.controls)
    show(
        "\n".join(f"{path}: {count} controls" for path in written),
        paths=written,
        controls=found.controls,
    )
