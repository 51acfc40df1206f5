"""`liax edit`: a portrait with another pose and expression."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.errors import LiaxError


def edit(
    image: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="IMAGE")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    settings: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(name="set", metavar="NAME=VALUE")
    ] = (),
    sheet: Path | None = None,
    paste: tyro.conf.FlagCreatePairsOff[bool] = False,
    weights: str = "small",
    device: str | None = None,
    no_crop: tyro.conf.FlagCreatePairsOff[bool] = False,
    face: int | None = None,
    force: tyro.conf.FlagCreatePairsOff[bool] = False,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Change a portrait's pose and expression by the weights' controls; liax controls lists them.

    The network draws the whole square anew: with yaw=0 it shows how well it draws this face. Every control
    goes as far as pictures hold, expressions no further than faces do: who smiles already can smile little
    more. Within its verified range, if it has one, as much arrives as is asked for.

    Args:
        image: The portrait: a JPEG, PNG or WebP with a face.
        output: Where to write: .png, .jpg or .webp.
        settings: What to change: yaw=15deg, smile=0.5, or 12=0.3 for motion vector 12; may be repeated.
        sheet: Also write before and after, side by side, here.
        paste: Put the face back into the full picture, instead of writing the cropped square.
        weights: Name or file of the network's weights.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
        no_crop: The picture is cropped to the face already: take it whole.
        face: Which of several faces, 1 being the largest.
        force: Allow values out of a control's full range, and what no face does; faces may fall apart.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.files import check_input, check_output
    from liax.media.images import SUFFIXES, write_image
    from liax.portrait import Animator
    from liax.portrait.edit import edit_image, parse_settings
    from liax.portrait.sheets import draw_sheet
    from liax.weights import load

    wanted = parse_settings(settings, required=True)
    check_input(image, "portrait")
    outputs = [output] if sheet is None else [output, sheet]
    for path in outputs:
        check_output(path, suffixes=SUFFIXES, overwrite=overwrite, inputs=(image,))
    if sheet is not None and sheet.resolve() == output.resolve():
        raise LiaxError(f"{sheet} is to be both the output and the sheet; name two files.")
    animator = Animator(load(weights), device)
    edited = edit_image(animator, image, wanted, crop=not no_crop, face=face, paste=paste, force=force)
    write_image(output, edited.picture_HW3)
    if sheet is not None:
        cells = [(edited.before_HW3, "before"), (edited.after_HW3, ", ".join(",".join(settings).split(",")))]
        write_image(sheet, draw_sheet([("", cells)], len(edited.after_HW3)))
    height, width = edited.picture_HW3.shape[:2]
    print(f"{', '.join(map(str, outputs))}: {width}x{height}")
