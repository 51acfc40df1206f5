"""`liax animate`: a portrait and what drives it become a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.model_options import Flat, ModelOptions
from liax.cli.output import show_written
from liax.cli.progress import ProgressDisplay
from liax.options import AnimateOptions, MarkOptions


def animate(
    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SOURCE")],
    driving: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="DRIVING")] = None,
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    options: Flat[AnimateOptions] = AnimateOptions(),  # noqa: B008 - frozen
    faces: Annotated[
        tuple[str, ...], tyro.conf.arg(metavar="NUMBER=DRIVING"), tyro.conf.UseAppendAction
    ] = (),
    idle: Annotated[str | None, tyro.conf.arg(metavar="SECONDS")] = None,
    seed: int = 0,
    seconds: float = 10.0,
    model: Flat[ModelOptions] = ModelOptions(),  # noqa: B008
    marking: Flat[MarkOptions] = MarkOptions(),  # noqa: B008
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Move a portrait with the motion of a video, keeping its frame rate and sound.

    liax controls lists what --set, --only, --without and --strength can name: the weights' controls and their
    groups, such as head, mouth, eyes, brows and gaze. --set may be repeated.

    Args:
        source: The portrait: a JPEG, PNG or WebP with a face. Or a video, whose face takes over the driving's
            motion, such as --only mouth, and stays as filmed elsewhere.
        driving: Whose head and face motion is carried over: a video, a picture, a folder of pictures, a
            motion template (.safetensors) or track (.csv, .json) from liax encode, keyframes (.toml), a CSV
            of Live Link Face or OpenFace, JSON of MediaPipe, or webcam:0.
        output: Where to write: .mp4, .webm, .mov (ProRes), .gif or .webp (both silent), numbered pictures,
            such as out_%04d.png; or .png, .jpg, .webp if a picture is the driving.
        faces: Instead of a driving, one for each of several faces, 1 being the largest: --faces 1=a.mp4
            --faces 2=b.mp4; --face is the same. They are put back into the full picture.
        idle: Instead of a driving, so much idle life, such as 10s: blinks, small sways and breaths. It loops.
        seed: Which of many idle lives.
        seconds: How long a webcam is recorded.
        overwrite: Replace the output if it exists.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from contextlib import ExitStack

    from liax.cli.option_types import face_and_driving
    from liax.errors import LiaxError, OptionError
    from liax.files import check_input, check_output
    from liax.media.footage import files_of
    from liax.media.webcam import webcam_index, webcam_video
    from liax.options import parse_seconds
    from liax.portrait.animate import OUTPUTS, animate_file
    from liax.portrait.clip import clip_suffixes
    from liax.portrait.motion import Driving
    from liax.portrait.reenact_video import reenact_file
    from liax.portrait.track_driving import open_track
    from liax.tracks import idle_track

    check_input(source, "source")
    idle_life = None if idle is None else idle_track(parse_seconds(idle), seed)
    if (driving is not None) + (idle_life is not None) + bool(faces) != 1:
        raise OptionError(
            {"idle": idle, "faces": faces},
            "A portrait is moved by a driving, by idle life, or each of its faces by its own driving",
            "give one of them",
        )
    drivings: dict[int | None, Path] = {}
    for text in faces:
        face, path = face_and_driving(text)
        if face in drivings:
            raise LiaxError(f"Face {face} is given two drivings; give it one.")
        check_input(path, "driving video")
        drivings[face] = path
    camera = None if driving is None else webcam_index(driving)
    if driving is not None and camera is None and not driving.is_dir():
        check_input(driving, "driving video")
    inputs = (source, *(files_of(driving) if driving else ()), *drivings.values(), *model.files)
    suffixes = clip_suffixes(output) if drivings else OUTPUTS
    check_output(output, suffixes=suffixes, overwrite=overwrite, inputs=inputs)
    animator = model.open()
    with ExitStack() as stack:
        progress = stack.enter_context(ProgressDisplay())
        if drivings:
            done = reenact_file(
                animator,
                source,
                drivings,
                output,
                options,
                mark=marking,
                overwrite=overwrite,
                progress=progress,
            )
            show_written(done)
            return
        if idle_life is not None:
            moved_by: Path | Driving = open_track(idle_life, animator, "idle life")
        elif camera is not None:
            moved_by = stack.enter_context(
                webcam_video(camera, seconds, lambda done: progress("recording", done, None))
            )
        else:
            assert driving is not None
            moved_by = driving
        done = animate_file(
            animator,
            source,
            moved_by,
            output,
            options,
            mark=marking,
            overwrite=overwrite,
            progress=progress,
        )
    show_written(done)
