"""`liax animate`: a portrait and a driving video become a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.progress import ProgressDisplay
from liax.errors import LiaxError


def animate(
    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SOURCE")],
    driving: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DRIVING")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    weights: str = "small",
    device: str | None = None,
    absolute: tyro.conf.FlagCreatePairsOff[bool] = False,
    edit: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    no_crop: tyro.conf.FlagCreatePairsOff[bool] = False,
    face: int | None = None,
    driving_face: int | None = None,
    compare: tyro.conf.FlagCreatePairsOff[bool] = False,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Move a portrait with the motion of a video, keeping its frame rate and sound.

    Args:
        source: The portrait: a JPEG, PNG or WebP with a face.
        driving: The video whose head and face motion is carried over; any format, or a still picture.
        output: Where to write: .mp4, .webm, or .gif (silent).
        weights: Name or file of the network's weights.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
        absolute: Take over the driving's pose as it is, instead of its change since the first frame.
        edit: N=X adds X to motion vector N throughout, such as 12=0.3; may be repeated.
        no_crop: Both are cropped to the face already: take the pictures whole.
        face: Which of several faces in the source, 1 being the largest.
        driving_face: Which of several faces in the driving video, 1 being the largest.
        compare: Write source, driving and result side by side.
        overwrite: Replace the output if it exists.
    """
    edits = parse_edits(edit)
    # Imported here, so that --help and wrong arguments do not wait for PyTorch.
    from liax.media.paths import check_input, check_output
    from liax.media.writer import SUFFIXES
    from liax.portrait import Animator, animate_file
    from liax.portrait.device import keep_freed_memory
    from liax.weights import load

    check_input(source, "source")
    check_input(driving, "driving video")
    check_output(output, suffixes=SUFFIXES, overwrite=overwrite, inputs=(source, driving))
    keep_freed_memory()
    animator = Animator(load(weights), device)
    with ProgressDisplay() as progress:
        done = animate_file(
            animator,
            source,
            driving,
            output,
            relative=not absolute,
            edit=edits,
            crop=not no_crop,
            face=face,
            driving_face=driving_face,
            compare=compare,
            overwrite=overwrite,
            progress=progress,
        )
    print(f"{done.path}: {done.frames} frames, {done.seconds:.1f} s, {done.width}x{done.height}")


def parse_edits(texts: tuple[str, ...]) -> dict[int, float]:
    """{"12=0.3"} -> {12: 0.3}; the same vector twice adds up. Raises LiaxError for anything else."""
    edits: dict[int, float] = {}
    for text in texts:
        index, _, amount = text.partition("=")
        try:
            edits[int(index)] = edits.get(int(index), 0.0) + float(amount)
        except ValueError as error:
            raise LiaxError(
                f"{text!r} is no edit; write a motion vector's number and an amount, such as 12=0.3."
            ) from error
    return edits
