"""`liax manipulate`: a still portrait moved by its controls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.progress import ProgressDisplay
from liax.errors import LiaxError


def manipulate(
    image: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="IMAGE")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    sweep: Annotated[str | None, tyro.conf.arg(metavar="NAME,NAME,…")] = None,
    orbit: tyro.conf.FlagCreatePairsOff[bool] = False,
    extent: float | None = None,
    turns: int = 1,
    seconds: float = 4.0,
    label: tyro.conf.FlagCreatePairsOff[bool] = False,
    weights: str = "small",
    device: str | None = None,
    no_crop: tyro.conf.FlagCreatePairsOff[bool] = False,
    face: int | None = None,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Sweep a portrait's controls one after another, or turn its head in a circle; as a video or a grid.

    Args:
        image: The portrait: a JPEG, PNG or WebP with a face.
        output: Where to write: .mp4, .webm or .gif for a video, .png, .jpg or .webp for a grid of pictures.
        sweep: Controls to move to both ends of their ranges and back, such as yaw,pitch,roll, or motion
            vectors by number; liax controls lists them.
        orbit: Turn the head in a circle, by the controls yaw and pitch.
        extent: How much of the controls' ranges to use, 0 to 1; by default all in a sweep, 0.8 in an orbit.
        turns: How many rounds an orbit makes.
        seconds: How long a round of an orbit takes.
        label: Write the control's name into a video's frames.
        weights: Name or file of the network's weights.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
        no_crop: The picture is cropped to the face already: take it whole.
        face: Which of several faces, 1 being the largest.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.files import check_input, check_output
    from liax.media import images, writer
    from liax.portrait import Animator, write_clip
    from liax.portrait import manipulate as ways
    from liax.portrait.device import keep_freed_memory
    from liax.portrait.source import open_portrait
    from liax.weights import load

    if (sweep is None) != orbit:
        raise LiaxError("Say what to do: either --sweep with controls, such as yaw,pitch,roll, or --orbit.")
    check_input(image, "portrait")
    suffixes = writer.SUFFIXES + images.SUFFIXES
    check_output(output, suffixes=suffixes, overwrite=overwrite, inputs=(image,))
    keep_freed_memory()
    animator = Animator(load(weights), device)
    portrait = open_portrait(animator, image, crop=not no_crop, face=face)
    names = [] if sweep is None else sweep.split(",")
    if extent is None:
        extent = ways.ORBIT_EXTENT if orbit else 1.0
    if output.suffix.lower() in images.SUFFIXES:
        if orbit:
            sheet_HW3 = ways.orbit_sheet(animator, portrait, extent=extent)
        else:
            sheet_HW3 = ways.sweep_sheet(animator, portrait, names, extent=extent)
        images.write_image(output, sheet_HW3)
        print(f"{output}: {sheet_HW3.shape[1]}x{sheet_HW3.shape[0]}")
        return
    if orbit:
        clip = ways.orbit(animator, portrait, extent=extent, turns=turns, seconds=seconds, label=label)
    else:
        clip = ways.sweep(animator, portrait, names, extent=extent, label=label)
    with ProgressDisplay() as progress:
        done = write_clip(clip, output, overwrite=overwrite, stage="manipulating", progress=progress)
    print(f"{done.path}: {done.frames} frames, {done.seconds:.1f} s, {done.width}x{done.height}")
