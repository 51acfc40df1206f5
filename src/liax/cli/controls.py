"""`liax controls`: the controls of a set of weights, as a list and drawn on a portrait."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from liax.bounded import printable
from liax.cli.model_options import DEFAULT_DEVICE, DEFAULT_WEIGHTS, Flat
from liax.cli.output import show
from liax.options import ManipulateOptions, MarkOptions, SourceOptions

if TYPE_CHECKING:
    from liax.weights.controls import Controls

_PORTRAIT = "demo_portrait.jpg"
_DRAWN = 8  # motion vectors drawn of weights that name no controls
_LISTED = 4  # vectors listed of a control that moves many


def controls(
    weights: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="WEIGHTS")] = DEFAULT_WEIGHTS,
    *,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    portrait: Path | None = None,
    options: Flat[SourceOptions] = SourceOptions(),  # noqa: B008 - frozen
    device: str | None = DEFAULT_DEVICE,
    marking: Flat[MarkOptions] = MarkOptions(),  # noqa: B008
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """List the controls of weights; with -o, draw each at five values on a portrait.

    Pictures stay intact within a control's range. The verified range below it, if there is one, is where the
    control changes the face by the amount requested, within the tolerance. It was measured on people on whom
    the control was not calibrated.

    Args:
        weights: Name or file of the network's weights.
        output: Where to draw them: .png, .jpg or .webp.
        portrait: The picture to draw them on, by default the demo's.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.files import check_output
    from liax.media.images import SUFFIXES, write_image
    from liax.portrait import Animator
    from liax.portrait.manipulate import sweep_sheet
    from liax.portrait.provenance import provenance_of
    from liax.weights.controls import read_controls
    from liax.weights.files import build
    from liax.weights.loading import open_weights

    if output is not None:
        inputs = (Path(weights),) if portrait is None else (Path(weights), portrait)
        check_output(output, suffixes=SUFFIXES, overwrite=overwrite, inputs=inputs)
    stored = open_weights(weights)
    known = read_controls(stored.metadata, stored.config.vectors)
    if output is not None:
        names = [control.name for control in known] or [f"#{i}" for i in range(min(_DRAWN, known.count))]
        animator = Animator(build(stored), device)
        with as_file(files("liax.assets") / _PORTRAIT) as demo:
            sheet_HW3 = sweep_sheet(
                animator, portrait or demo, names, ManipulateOptions(crop=options.crop, face=options.face)
            )
            made = provenance_of(animator, "controls", source=portrait or demo)
        write_image(output, sheet_HW3, provenance=made, mark=marking, overwrite=overwrite)

    def listed() -> None:
        _print_list(weights, known)
        if output is not None:
            print(f"{output}: {sheet_HW3.shape[1]}x{sheet_HW3.shape[0]}")

    show(listed, weights=weights, vectors=known.count, controls=known.items, path=output)


def _print_list(weights: str, known: Controls) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from liax.portrait.edit_vector import LARGEST_EDIT
    from liax.weights.controls import GROUPS

    if not len(known):
        print(
            f"{weights} names no controls. Its {known.count} motion vectors go by number, #0 to "
            f"#{known.count - 1}, within -{LARGEST_EDIT:g} to {LARGEST_EDIT:g}: "
            "liax edit IMAGE --set 3=0.5 -o edited.png"
        )
        return
    table = Table("group", "control", "range, verified", "vectors", "meaning", box=None, pad_edge=False)
    for control in sorted(known, key=lambda control: GROUPS.index(control.group)):
        ranges = "\n".join(filter(None, (control.range, control.verified_text)))
        meaning = Text(printable(control.meaning))  # not as markup
        table.add_row(control.group, control.name, ranges, _vectors(control.vectors), meaning)
    Console().print(table)


def _vectors(vectors: Mapping[int, float]) -> str:
    """The vectors, strongest first, as text: "#3 #5"."""
    strongest = sorted(vectors, key=lambda index: -abs(vectors[index]))
    listed = " ".join(f"#{index}" for index in strongest[:_LISTED])
    more = len(strongest) - _LISTED
    return f"{listed} and {more} more" if more > 0 else listed
