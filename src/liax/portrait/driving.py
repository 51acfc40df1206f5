"""Everything that can drive a portrait, as one stream of motion coefficients, and its motion as a
template.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.errors import OptionError
from liax.face.landmarks import FaceLandmarker
from liax.media.footage import Footage, open_footage
from liax.media.video import Video
from liax.options import DrivingOptions
from liax.portrait.animator import Animator
from liax.portrait.motion import Driving, DrivingFrame
from liax.portrait.shots import Shot, changed_meanwhile, find_shots
from liax.portrait.template import SUFFIX, Template, load_template
from liax.portrait.track_driving import open_track
from liax.progress import Progress, no_progress, with_progress
from liax.tracks.reading import is_track, read_track

__all__ = ["Driving", "DrivingFootage", "DrivingFrame", "encode_motion", "open_driving"]


def open_driving(
    animator: Animator,
    path: Path,
    options: DrivingOptions = DrivingOptions(),  # noqa: B008 - frozen
    *,
    progress: Progress = no_progress,
) -> Driving:
    """What `path` holds, ready to drive a portrait.

    Args:
        path: A video, a still picture (one frame), a folder of pictures in natural order, a motion template
            (.safetensors), or a motion track (.csv, .json) or keyframes (.toml, .json). Pictures are read
            once here, for the shots, and for the face in each.
        options: How the face is found in pictures, one square for each shot, and the rate of a folder or of
            a track that has no times. A template needs neither.

    Raises:
        LiaxError: If nothing there can drive, no face is found, or the template is of other weights.
    """
    path = Path(path)
    if path.suffix.lower() == SUFFIX and not path.is_dir():
        if options.rate is not None:
            raise OptionError(
                {"rate": options.rate},
                f"{path} is a motion template, which has its own frame rate",
                "give no rate",
            )
        template = load_template(path)
        template.check(animator.network, path)
        return template
    if is_track(path):
        return open_track(read_track(path, options.rate), animator, path)
    footage = open_footage(path, "driving video", options.rate)
    stage = "finding the face" if options.crop else "finding cuts"
    with FaceLandmarker() if options.crop else nullcontext() as landmarker:
        shots, total = find_shots(
            landmarker,
            footage,
            animator.size,
            options.driving_face,
            lambda done: progress(stage, done, footage.expected),
        )
    return DrivingFootage(animator, footage, shots, total)


class DrivingFootage:
    """Pictures that drive: a video, a folder of frames, a still. Made by `open_driving`; a `Driving`.

    Args:
        shots: As `find_shots` finds them, at least one.
        total: How many frames there are.
    """

    def __init__(self, animator: Animator, footage: Footage, shots: list[Shot], total: int) -> None:
        self._animator, self._footage, self._shots = animator, footage, shots
        self.rate, self.total = footage.rate, total
        self.sound = footage.path if isinstance(footage, Video) else None
        self.sound_start = footage.start if isinstance(footage, Video) else Fraction(0)

    def width_at(self, height: int) -> int:
        """The even width of its picture when shown `height` pixels high."""
        return self._shots[0].framing.width_at(height)

    def frames(self) -> Iterator[DrivingFrame]:
        """Its frames in order, made a batch at a time; each call decodes anew."""
        views = self.views()
        alpha_M = self._first()
        while chunk := list(islice(views, self._animator.batch_size)):
            for view, seen_M in zip(chunk, self._alphas([v.square_RR3 for v in chunk]), strict=True):
                alpha_M = seen_M if view.shows_face else alpha_M
                yield DrivingFrame(view.time, alpha_M, view.starts_shot, view.square_RR3)

    def _first(self) -> NDArray[np.float32]:
        """Coefficients of the first frame that a shot begins with."""
        for view in self.views(from_beginning=False):
            return self._alphas([view.square_RR3])[0]
        raise changed_meanwhile(self._footage)

    def _alphas(self, squares: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        return self._animator.encode(squares).alpha_BM.float().cpu().numpy()

    def views(self, from_beginning: bool = True) -> Iterator[View]:
        """What the network is to see of each frame, or of those from the first that a shot begins with."""
        shots = iter([*self._shots, None])
        shot, next_shot = next(shots, None), next(shots, None)
        skip = not from_beginning
        for number, frame in enumerate(self._footage):
            if next_shot is not None and number == next_shot.first:
                shot, next_shot = next_shot, next(shots, None)
            assert shot is not None
            starts_shot = number == shot.first_face
            skip = skip and not starts_shot
            if not skip:
                square_RR3 = shot.framing.to_square(frame.rgb(), self._animator.size)
                yield View(frame.time, square_RR3, starts_shot, shot.shows_face(number))


@dataclass(frozen=True)
class View:
    """What the network is to see of a frame, and whether a shot begins there and the face shows."""

    time: Fraction
    square_RR3: NDArray[np.uint8]
    starts_shot: bool
    shows_face: bool


def encode_motion(
    animator: Animator,
    driving: Path,
    options: DrivingOptions = DrivingOptions(),  # noqa: B008 - frozen
    *,
    progress: Progress = no_progress,
) -> Template:
    """The motion of `driving` as a template: coefficients, times and shots; no pixel, sound, name or place.

    All arguments are those of `open_driving`. Memory grows by 169 bytes a frame, for 40 motion vectors.

    Raises:
        LiaxError: If `driving` cannot drive.
    """
    source = open_driving(animator, driving, options, progress=progress)
    frames = with_progress(source.frames(), "encoding", source.total, progress)
    return Template.of(frames, source.rate, animator.network)
