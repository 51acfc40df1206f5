"""`liax encode`: a driving video becomes a motion template."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.progress import ProgressDisplay


def encode(
    driving: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DRIVING")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    weights: str = "small",
    device: str | None = None,
    no_crop: tyro.conf.FlagCreatePairsOff[bool] = False,
    driving_face: int | None = None,
    rate: float | None = None,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Keep a video's motion as a template that drives portraits like the video, but shows nobody.

    The file holds motion coefficients and their times, no pictures, names or sound: 250 KB a minute. It works
    with the weights that it was made with.

    Args:
        driving: The video whose head and face motion is kept; a folder of frames or a picture will do.
        output: Where to write: a .safetensors.
        weights: Name or file of the network's weights.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
        no_crop: The video is cropped to the face already: take its pictures whole.
        driving_face: Which of several faces, 1 being the largest.
        rate: Frames a second of a folder of frames, 25 by default.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help and wrong arguments do not wait for PyTorch.
    from liax.files import check_input, check_output
    from liax.portrait import Animator
    from liax.portrait.device import keep_freed_memory
    from liax.portrait.driving import encode_motion
    from liax.portrait.template import SUFFIX, save_template
    from liax.weights import load

    if not driving.is_dir():
        check_input(driving, "driving video")
    check_output(output, suffixes=(SUFFIX,), overwrite=overwrite, inputs=(driving,))
    keep_freed_memory()
    animator = Animator(load(weights), device)
    with ProgressDisplay() as progress:
        template = encode_motion(
            animator,
            driving,
            crop=not no_crop,
            face=driving_face,
            rate=None if rate is None else Fraction(rate).limit_denominator(1001),
            progress=progress,
        )
    save_template(template, output)
    size = output.stat().st_size / 1000
    print(f"{output}: {template.total} frames, {template.seconds:.1f} s, {size:,.0f} KB")
