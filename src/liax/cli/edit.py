"""`liax edit`: a portrait with another pose and expression."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.model_options import Flat, ModelOptions
from liax.cli.output import show_picture
from liax.errors import LiaxError
from liax.options import EditOptions, EditSettings, MarkOptions, to_text

log = logging.getLogger(__name__)


def edit(
    image: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="IMAGE")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    settings: Annotated[EditSettings, tyro.conf.arg(name="set")] = {},  # noqa: B006 - never changed
    sheet: Path | None = None,
    options: Flat[EditOptions] = EditOptions(),  # noqa: B008 - frozen
    model: Flat[ModelOptions] = ModelOptions(),  # noqa: B008
    marking: Flat[MarkOptions] = MarkOptions(),  # noqa: B008
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Change a portrait's pose and expression by the weights' controls; liax controls lists them.

    The network draws the whole square anew: with yaw=0 it shows how well it draws this face. Every control
    goes as far as pictures hold, expressions no further than faces do: a portrait that smiles already can
    smile little more. Within its verified range, if it has one, as much arrives as is asked for.

    Args:
        image: The portrait: a JPEG, PNG or WebP with a face.
        output: Where to write: .png, .jpg or .webp.
        settings: What to change: yaw=15deg, smile=0.5, or 12=0.3 for motion vector 12; may be repeated.
        sheet: Also write before and after, side by side, here.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from functools import partial

    from liax.cli.option_types import check_settings
    from liax.files import check_input, check_output
    from liax.media.images import ALPHA_SUFFIXES, SUFFIXES, write_image
    from liax.portrait.clip import check_quality
    from liax.portrait.edit import edit_image
    from liax.portrait.sheets import draw_sheet
    from liax.portrait.transparency import transparency_lost

    check_settings(settings)
    check_quality(options.quality)
    check_input(image, "portrait")
    outputs = [output] if sheet is None else [output, sheet]
    for path in outputs:
        check_output(path, suffixes=SUFFIXES, overwrite=overwrite, inputs=(image, *model.files))
    if sheet is not None and sheet.resolve() == output.resolve():
        raise LiaxError(f"{sheet} is to be both the output and the sheet; name two files.")
    keeps = output.suffix.lower() in ALPHA_SUFFIXES
    edited = edit_image(model.open(), image, settings, options, transparent=keeps)
    if lost := transparency_lost(edited.portrait, output, keeps):
        log.warning(lost)
    write = partial(write_image, provenance=edited.provenance, mark=marking, overwrite=overwrite)
    write(output, edited.picture_HW3, quality=options.quality)
    if sheet is not None:
        cells = [(edited.before_HW3, "before"), (edited.after_HW3, to_text(settings).replace(",", ", "))]
        write(sheet, draw_sheet([("", cells)], len(edited.after_HW3)))
    show_picture(edited.picture_HW3, *outputs)
