"""`liax edit-video`: a video with another pose and expression throughout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.model_options import Flat, ModelOptions
from liax.cli.output import show_written
from liax.cli.progress import ProgressDisplay
from liax.options import EditSettings, EditVideoOptions, MarkOptions


def edit_video(
    video: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="VIDEO")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    settings: Annotated[EditSettings, tyro.conf.arg(name="set")] = {},  # noqa: B006 - never changed
    options: Flat[EditVideoOptions] = EditVideoOptions(),  # noqa: B008 - frozen
    model: Flat[ModelOptions] = ModelOptions(),  # noqa: B008
    marking: Flat[MarkOptions] = MarkOptions(),  # noqa: B008
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Change pose and expression throughout a video, keeping its size, frame rate and sound.

    Args:
        video: The video with a face; any format.
        output: Where to write: .mp4, .webm, .mov (ProRes), .gif or .webp (both silent), or numbered pictures,
            such as out_%04d.png.
        settings: What to change: yaw=15deg, smile=0.5, or 12=0.3 for motion vector 12; may be repeated.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.cli.option_types import check_settings
    from liax.files import check_input, check_output
    from liax.portrait import write_clip
    from liax.portrait.clip import clip_suffixes
    from liax.portrait.edit_video import edit_video as edited

    check_settings(settings)
    check_input(video, "video")
    check_output(output, suffixes=clip_suffixes(output), overwrite=overwrite, inputs=(video, *model.files))
    animator = model.open()
    with ProgressDisplay() as progress:
        clip = edited(animator, video, settings, options, progress=progress)
        done = write_clip(
            clip,
            output,
            mark=marking,
            overwrite=overwrite,
            inputs=(video,),
            stage="editing",
            quality=options.quality,
            progress=progress,
        )
    show_written(done)
