"""`liax edit-video`: a video with another pose and expression throughout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.progress import ProgressDisplay


def edit_video(
    video: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="VIDEO")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    settings: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(name="set", metavar="NAME=VALUE")
    ] = (),
    from_first_frame: tyro.conf.FlagCreatePairsOff[bool] = False,
    no_paste: tyro.conf.FlagCreatePairsOff[bool] = False,
    weights: str = "small",
    device: str | None = None,
    no_crop: tyro.conf.FlagCreatePairsOff[bool] = False,
    face: int | None = None,
    force: tyro.conf.FlagCreatePairsOff[bool] = False,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Change pose and expression throughout a video, keeping its size, frame rate and sound.

    Args:
        video: The video with a face; any format.
        output: Where to write: .mp4, .webm, or .gif (silent).
        settings: What to change: yaw=15deg, smile=0.5, or 12=0.3 for motion vector 12; may be repeated.
        from_first_frame: Edit the first frame only and move it as the video moves.
        no_paste: Write the square around the face, instead of full frames.
        weights: Name or file of the network's weights.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
        no_crop: The video is cropped to the face already: take its frames whole.
        face: Which of several faces, 1 being the largest.
        force: Allow values out of a control's range, and what no face does; faces may fall apart.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.files import check_input, check_output
    from liax.media.writer import SUFFIXES
    from liax.portrait import Animator, write_clip
    from liax.portrait.device import keep_freed_memory
    from liax.portrait.edit import parse_settings
    from liax.portrait.edit_video import edit_video as edited
    from liax.weights import load

    wanted = parse_settings(settings, required=True)
    check_input(video, "video")
    check_output(output, suffixes=SUFFIXES, overwrite=overwrite, inputs=(video,))
    keep_freed_memory()
    animator = Animator(load(weights), device)
    with ProgressDisplay() as progress:
        clip = edited(
            animator,
            video,
            wanted,
            from_first_frame=from_first_frame,
            crop=not no_crop,
            face=face,
            paste=not no_paste,
            force=force,
            progress=progress,
        )
        done = write_clip(
            clip, output, overwrite=overwrite, inputs=(video,), stage="editing", progress=progress
        )
    print(f"{done.path}: {done.frames} frames, {done.seconds:.1f} s, {done.width}x{done.height}")
