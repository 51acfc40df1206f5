"""`liax animate`: a portrait and what drives it become a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from liax.cli.progress import ProgressDisplay

Names = Annotated[str | None, tyro.conf.arg(metavar="NAME,NAME,…")]


def animate(
    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SOURCE")],
    driving: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DRIVING")],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    *,
    absolute: tyro.conf.FlagCreatePairsOff[bool] = False,
    best_frame: tyro.conf.FlagCreatePairsOff[bool] = False,
    align: Literal["pose", "expression", "all"] | None = None,
    only: Names = None,
    without: Names = None,
    strength: Annotated[str, tyro.conf.arg(metavar="FACTOR|NAME=FACTOR,…")] = "1",
    smooth: tyro.conf.FlagCreatePairsOff[bool] = False,
    settings: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(name="set", metavar="NAME=VALUE")
    ] = (),
    force: tyro.conf.FlagCreatePairsOff[bool] = False,
    paste: tyro.conf.FlagCreatePairsOff[bool] = False,
    compare: tyro.conf.FlagCreatePairsOff[bool] = False,
    no_crop: tyro.conf.FlagCreatePairsOff[bool] = False,
    face: int | None = None,
    driving_face: int | None = None,
    rate: float | None = None,
    seconds: float = 10.0,
    weights: str = "small",
    device: str | None = None,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Move a portrait with the motion of a video, keeping its frame rate and sound.

    liax controls lists what --set, --only, --without and --strength can name: the weights' controls and their
    groups, such as head, mouth, eyes, brows and gaze.

    Args:
        source: The portrait: a JPEG, PNG or WebP with a face.
        driving: Whose head and face motion is carried over: a video, a picture, a folder of pictures, a
            motion template (.safetensors) from liax encode, or webcam:0.
        output: Where to write: .mp4, .webm, .gif (silent); or .png, .jpg, .webp if a picture is the driving.
        absolute: Take over the driving's pose as it is, instead of its change since the first frame.
        best_frame: Count the change since the driving frame most like the source, instead of the first.
        align: First give the source the first driving frame's pose, expression or both.
        only: Carry over only these groups or controls, such as mouth,eyes.
        without: Carry over everything but these groups or controls, such as head.
        strength: How strongly: 1.3 for all motion, head=0.8,mouth=1.5 for some, or 1.2,mouth=1.5.
        smooth: Take the jitter out of the driving's motion.
        settings: Change the source throughout: yaw=15deg, smile=0.5, or 12=0.3 for motion vector 12; may be
            repeated.
        force: Allow values out of a control's range, and what no face does; faces may fall apart.
        paste: Put the moving face back into the full picture, instead of writing the cropped square.
        compare: Write source, driving and result side by side.
        no_crop: Both are cropped to the face already: take the pictures whole.
        face: Which of several faces in the source, 1 being the largest.
        driving_face: Which of several faces in the driving, 1 being the largest.
        rate: Frames a second of a folder of pictures; 25 if not given.
        seconds: How long a webcam is recorded.
        weights: Name or file of the network's weights.
        device: cpu, cuda, cuda:N or mps; by default the fastest there is.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from contextlib import ExitStack
    from fractions import Fraction

    from liax.files import check_input, check_output
    from liax.media.webcam import webcam_index, webcam_video
    from liax.portrait import Animator
    from liax.portrait.animate import OUTPUTS, animate_file
    from liax.portrait.device import keep_freed_memory
    from liax.portrait.edit import parse_settings
    from liax.portrait.motion import parse_names, parse_strength
    from liax.weights import load

    options = {
        "relative": not absolute,
        "best_frame": best_frame,
        "align": align,
        "only": parse_names(only or ""),
        "without": parse_names(without or ""),
        "strength": parse_strength(strength),
        "smooth": smooth,
        "edit": parse_settings(settings),
        "force": force,
        "paste": paste,
        "compare": compare,
        "crop": not no_crop,
        "face": face,
        "driving_face": driving_face,
        "rate": None if rate is None else Fraction(rate).limit_denominator(1001),
    }
    camera = webcam_index(driving)
    check_input(source, "source")
    if camera is None and not driving.is_dir():
        check_input(driving, "driving video")
    check_output(output, suffixes=OUTPUTS, overwrite=overwrite, inputs=(source, driving))
    keep_freed_memory()
    animator = Animator(load(weights), device)
    with ExitStack() as stack:
        progress = stack.enter_context(ProgressDisplay())
        if camera is not None:
            driving = stack.enter_context(
                webcam_video(camera, seconds, lambda done: progress("recording", done, None))
            )
        done = animate_file(
            animator, source, driving, output, overwrite=overwrite, progress=progress, **options
        )
    print(f"{done.path}: {done.frames} frames, {done.seconds:.1f} s, {done.width}x{done.height}")
