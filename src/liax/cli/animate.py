"""`liax animate`: a portrait and what drives it become a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.model_options import Flat, ModelOptions
from liax.cli.output import show_written
from liax.cli.progress import ProgressDisplay
from liax.options import AnimateOptions


def animate(
    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SOURCE")],
    driving: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DRIVING")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    options: Flat[AnimateOptions] = AnimateOptions(),  # noqa: B008 - frozen
    seconds: float = 10.0,
    model: Flat[ModelOptions] = ModelOptions(),  # noqa: B008
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Move a portrait with the motion of a video, keeping its frame rate and sound.

    liax controls lists what --set, --only, --without and --strength can name: the weights' controls and their
    groups, such as head, mouth, eyes, brows and gaze. --set may be repeated.

    Args:
        source: The portrait: a JPEG, PNG or WebP with a face.
        driving: Whose head and face motion is carried over: a video, a picture, a folder of pictures, a
            motion template (.safetensors) from liax encode, or webcam:0.
        output: Where to write: .mp4, .webm, .gif (silent); or .png, .jpg, .webp if a picture is the driving.
        seconds: How long a webcam is recorded.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from contextlib import ExitStack

    from liax.files import check_input, check_output
    from liax.media.footage import files_of
    from liax.media.webcam import webcam_index, webcam_video
    from liax.portrait.animate import OUTPUTS, animate_file

    camera = webcam_index(driving)
    check_input(source, "source")
    if camera is None and not driving.is_dir():
        check_input(driving, "driving video")
    inputs = (source, *files_of(driving), *model.files)
    check_output(output, suffixes=OUTPUTS, overwrite=overwrite, inputs=inputs)
    animator = model.open()
    with ExitStack() as stack:
        progress = stack.enter_context(ProgressDisplay())
        if camera is not None:
            driving = stack.enter_context(
                webcam_video(camera, seconds, lambda done: progress("recording", done, None))
            )
        done = animate_file(
            animator, source, driving, output, options, overwrite=overwrite, progress=progress
        )
    show_written(done)
