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
    live_link: tyro.conf.FlagCreatePairsOff[bool] = False,
    model: Flat[ModelOptions] = ModelOptions(),  # noqa: B008
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Keep a video's motion, which drives portraits like the video, but shows nobody.

    A template (.safetensors) holds motion coefficients and their times, no pictures, names or sound: 250 KB a
    minute. A track (.csv, .json) holds the same as a table, to be read and changed in other programs: how
    much of every control, moment by moment. Both work with the weights that they were made with; a track's
    controls work with others, too.

    Args:
        driving: The video whose head and face motion is kept; whatever else can drive will do, and is
            converted.
        output: Where to write: a .safetensors, .csv or .json.
        live_link: Write a CSV as Live Link Face does: ARKit's shapes and the head's rotation, which MediaPipe
            measures in the pictures of a video.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help and wrong arguments do not wait for PyTorch.
    from liax.files import check_input, check_output
    from liax.media.footage import files_of
    from liax.portrait.track_export import OUTPUTS, export_motion

    if not driving.is_dir():
        check_input(driving, "driving video")
    inputs = (*files_of(driving), *model.files)
    suffixes = (".csv",) if live_link else OUTPUTS
    check_output(output, suffixes=suffixes, overwrite=overwrite, inputs=inputs)
    with ProgressDisplay() as progress:
        timing = export_motion(
            model.open, driving, output, options, live_link=live_link, overwrite=overwrite, progress=progress
        )
    size = output.stat().st_size
    show(
        f"{output}: {len(timing)} frames, {timing.length:.1f} s, {size / 1000:,.0f} KB",
        path=output,
        frames=len(timing),
        seconds=timing.length,
        bytes=size,
    )
