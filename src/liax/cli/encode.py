"""`liax encode`: a driving video becomes a motion template."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.model_options import Flat, ModelOptions
from liax.cli.output import show
from liax.cli.progress import ProgressDisplay
from liax.options import DrivingOptions


def encode(
    driving: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DRIVING")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    options: Flat[DrivingOptions] = DrivingOptions(),  # noqa: B008 - frozen
    model: Flat[ModelOptions] = ModelOptions(),  # noqa: B008
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Keep a video's motion as a template that drives portraits like the video, but shows nobody.

    The file holds motion coefficients and their times, no pictures, names or sound: 250 KB a minute. It works
    with the weights that it was made with.

    Args:
        driving: The video whose head and face motion is kept; a folder of frames or a picture will do.
        output: Where to write: a .safetensors.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help and wrong arguments do not wait for PyTorch.
    from liax.files import check_input, check_output
    from liax.media.footage import files_of
    from liax.portrait.driving import encode_motion
    from liax.portrait.template import SUFFIX, save_template

    if not driving.is_dir():
        check_input(driving, "driving video")
    inputs = (*files_of(driving), *model.files)
    check_output(output, suffixes=(SUFFIX,), overwrite=overwrite, inputs=inputs)
    animator = model.open()
    with ProgressDisplay() as progress:
        template = encode_motion(animator, driving, options, progress=progress)
    save_template(template, output, overwrite=overwrite)
    size = output.stat().st_size
    show(
        f"{output}: {template.total} frames, {template.seconds:.1f} s, {size / 1000:,.0f} KB",
        path=output,
        frames=template.total,
        seconds=template.seconds,
        bytes=size,
    )
