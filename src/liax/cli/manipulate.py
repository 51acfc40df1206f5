"""`liax manipulate`: a still portrait moved by its controls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.model_options import Flat, ModelOptions
from liax.cli.output import show_picture, show_written
from liax.cli.progress import ProgressDisplay
from liax.errors import LiaxError
from liax.options import ManipulateOptions, MarkOptions, Names


def manipulate(
    image: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="IMAGE")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    sweep: Names = (),
    orbit: tyro.conf.FlagCreatePairsOff[bool] = False,
    options: Flat[ManipulateOptions] = ManipulateOptions(),  # noqa: B008 - frozen
    model: Flat[ModelOptions] = ModelOptions(),  # noqa: B008
    marking: Flat[MarkOptions] = MarkOptions(),  # noqa: B008
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Sweep a portrait's controls one after another, or turn its head in a circle; as a video or a grid.

    Args:
        image: The portrait: a JPEG, PNG or WebP with a face.
        output: Where to write: .mp4, .webm or .gif for a video, .png, .jpg or .webp for a grid of pictures.
        sweep: Controls to move to both ends of their ranges and back, such as yaw,pitch,roll, or motion
            vectors by number; liax controls lists them.
        orbit: Turn the head in a circle, by the controls yaw and pitch.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.files import check_input, check_output
    from liax.media import images, writer
    from liax.portrait import manipulate as manipulation
    from liax.portrait import write_clip
    from liax.portrait.provenance import provenance_of
    from liax.portrait.source import open_portrait

    if bool(sweep) == orbit:
        raise LiaxError("Say what to do: either --sweep with controls, such as yaw,pitch,roll, or --orbit.")
    check_input(image, "portrait")
    suffixes = tuple(dict.fromkeys(writer.SUFFIXES + images.SUFFIXES))
    check_output(output, suffixes=suffixes, overwrite=overwrite, inputs=(image, *model.files))
    animator = model.open()
    portrait = open_portrait(animator, image, options)
    if output.suffix.lower() in images.SUFFIXES:
        if orbit:
            sheet_HW3 = manipulation.orbit_sheet(animator, portrait, options)
        else:
            sheet_HW3 = manipulation.sweep_sheet(animator, portrait, sweep, options)
        made = provenance_of(animator, "manipulate", source=portrait)
        images.write_image(
            output,
            sheet_HW3,
            provenance=made,
            mark=marking,
            overwrite=overwrite,
            quality=options.quality,
        )
        show_picture(sheet_HW3, output)
        return
    if orbit:
        clip = manipulation.orbit(animator, portrait, options)
    else:
        clip = manipulation.sweep(animator, portrait, sweep, options)
    with ProgressDisplay() as progress:
        done = write_clip(
            clip,
            output,
            mark=marking,
            overwrite=overwrite,
            stage="manipulating",
            quality=options.quality,
            progress=progress,
        )
    show_written(done)
