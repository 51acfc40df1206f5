"""A driving's motion as a file: a template, a track, or a CSV of Live Link Face."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from liax.errors import NoFaceError
from liax.face.landmarks import Face, FaceLandmarker
from liax.options import DrivingOptions
from liax.portrait.animator import Animator
from liax.portrait.driving import DrivingFootage, encode_motion, open_driving
from liax.portrait.template import SUFFIX, save_template
from liax.portrait.track_driving import track_of_template
from liax.progress import Progress, no_progress
from liax.tracks.live_link import write_live_link
from liax.tracks.reading import is_track, read_track
from liax.tracks.shapes import SHAPES, ShapeTrack, shapes_of
from liax.tracks.timing import Timing
from liax.tracks.track_file import write_track

# Endings of what can be written.
OUTPUTS = (SUFFIX, ".csv", ".json")


def export_motion(
    open_animator: Callable[[], Animator],
    driving: Path,
    output: Path,
    options: DrivingOptions = DrivingOptions(),  # noqa: B008 - frozen
    *,
    live_link: bool = False,
    overwrite: bool = True,
    progress: Progress = no_progress,
) -> Timing:
    """Write the motion of `driving` to `output`, complete or not at all, and give its times.

    Args:
        open_animator: Called if weights are needed: not to convert one track into another.
        driving: As for `open_driving`.
        output: Ends in .safetensors (a template), .csv or .json (a track).
        live_link: Write a CSV of Live Link Face: what MediaPipe measures in the pictures of a video, or what
            a template or track says by its controls.

    Raises:
        LiaxError: If `driving` cannot drive, or the output cannot be written.
    """
    if is_track(driving) and output.suffix.lower() != SUFFIX:
        track = read_track(driving, options.rate)
    else:
        animator = open_animator()
        if output.suffix.lower() == SUFFIX:
            template = encode_motion(animator, driving, options, progress=progress)
            save_template(template, output, overwrite=overwrite)
            return template.timing
        if live_link:
            opened = open_driving(animator, driving, options, progress=progress)
            if isinstance(opened, DrivingFootage):
                face = measure_face(opened, driving, progress)
                write_live_link(face, output, overwrite=overwrite)
                return face.timing
        template = encode_motion(animator, driving, options, progress=progress)
        track = track_of_template(template, animator.controls)
    if live_link:
        write_live_link(shapes_of(track), output, overwrite=overwrite)
    else:
        write_track(track, output, overwrite=overwrite)
    return track.timing


def measure_face(footage: DrivingFootage, path: Path, progress: Progress = no_progress) -> ShapeTrack:
    """What MediaPipe measures of the face in the network's square of every frame.

    Where it sees none, the last one's values stay.

    Args:
        path: Of the footage, for messages.

    Raises:
        NoFaceError: If no frame shows a face.
    """
    times: list[Fraction] = []
    starts: list[bool] = []
    faces: list[Face | None] = []
    with FaceLandmarker() as landmarker:
        for number, view in enumerate(footage.views(), 1):
            times.append(view.time)
            starts.append(view.starts_shot)
            faces.append(next(iter(landmarker.detect(view.square_RR3)), None) if view.shows_face else None)
            progress("measuring the face", number, footage.total)
    current = next((face for face in faces if face is not None), None)
    if current is None:
        raise NoFaceError(path)
    kept: list[Face] = []
    for face in faces:
        current = face or current
        kept.append(current)
    known = [name for name in SHAPES if name in kept[0].blendshapes]
    shapes = {name: np.array([face.blendshapes[name] for face in kept], np.float64) for name in known}
    head_T3 = np.array([face.yaw_pitch_roll for face in kept], np.float64)
    return ShapeTrack(Timing.of_times(times, starts, footage.rate), shapes, head_T3)
