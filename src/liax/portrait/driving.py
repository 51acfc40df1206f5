"""Everything that can drive a portrait, as one stream of motion coefficients, and its motion as a
template.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from liax.errors import OptionError
from liax.face.landmarks import FaceLandmarker
from liax.media.footage import Excerpt, Footage, open_footage, sound_of
from liax.options import DrivingOptions, PartOptions
from liax.pipeline import ahead, mapped
from liax.portrait.animator import Animator
from liax.portrait.motion import Driving, DrivingFrame
from liax.portrait.shots import Shot, ShotFrame, changed_meanwhile, find_shots, in_shots
from liax.portrait.template import SUFFIX, Template, load_template
from liax.portrait.track_driving import open_track
from liax.progress import Progress, no_progress, with_progress
from liax.tracks.reading import is_track, read_track
from liax.tracks.track import Track

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
            a track that has no times. A template needs neither. Of all, only the part from `since` to `until`
            is used, and its times start at 0.

    Raises:
        LiaxError: If nothing there can drive, no face is found, or the template is of other weights.
    """
    path = Path(path)
    check_part(options)
    if path.suffix.lower() == SUFFIX and not path.is_dir():
        if options.rate is not None:
            raise OptionError(
                {"rate": options.rate},
                f"{path} is a motion template, which has its own frame rate",
                "give no rate",
            )
        template = load_template(path)
        template.check(animator.network, path)
        return _part_of(template, path, options)
    if is_track(path):
        return open_track(_part_of(read_track(path, options.rate), path, options), animator, path)
    footage = part_of_footage(open_footage(path, "driving video", options.rate), options)
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


_Part = TypeVar("_Part", Template, Track)


def _part_of(whole: _Part, path: Path, options: DrivingOptions) -> _Part:
    if options.since is None and options.until is None:
        return whole
    try:
        return whole.between(options.since, options.until)
    except ValueError as error:
        given = {name: getattr(options, name) for name in ("since", "until")}
        given = {name: value for name, value in given.items() if value is not None}
        raise OptionError(
            given, f"{path} cannot be cut there ({error})", "choose a part that it has"
        ) from None


def part_of_footage(footage: Footage, options: PartOptions) -> Footage:
    """The part of footage that the options ask for: all of it by default.

    Raises:
        LiaxError: If there is no frame in it.
    """
    if options.since is None and options.until is None:
        return footage
    return Excerpt(footage, options.since, options.until)


def check_part(options: PartOptions) -> None:
    """Raise OptionError for a part that ends before it begins."""
    if options.since is not None and options.until is not None and options.until <= options.since:
        raise OptionError(
            {"since": options.since, "until": options.until},
            "The part to use ends before it begins",
            "give an end that comes later",
        )


class DrivingFootage:
    """Pictures that drive: a video, a folder of frames, a still. Made by `open_driving`; a `Driving`.

    Args:
        shots: As `find_shots` finds them, at least one.
        total: How many frames there are.
    """

    def __init__(self, animator: Animator, footage: Footage, shots: list[Shot], total: int) -> None:
        self._animator, self._footage, self._shots = animator, footage, shots
        self.rate, self.total = footage.rate, total
        self.sound, self.sound_start = sound_of(footage)

    def width_at(self, height: int) -> int:
        """The even width of its picture when shown `height` pixels high."""
        return self._shots[0].framing.width_at(height)

    def frames(self) -> Generator[DrivingFrame]:
        """Its frames in order, made a batch at a time; each call decodes anew.

        Decoding and cropping run ahead in threads. A GPU reads the next batch while this one is used.
        """
        batches = self._batches()
        if self._animator.device.type == "cuda":
            batches = ahead(batches, 1)
        with closing(batches):
            for batch in batches:
                yield from batch

    def _batches(self) -> Generator[list[DrivingFrame]]:
        alpha_M: NDArray[np.float32] | None = None
        with closing(self.views()) as views:
            count = 1  # whoever needs only the first frame waits for no batch
            while chunk := list(islice(views, count)):
                count = self._animator.batch_size
                batch = []
                seen_BM = self._animator.coefficients(view.square_RR3 for view in chunk)
                for view, seen_M in zip(chunk, seen_BM, strict=True):
                    if view.shows_face:
                        alpha_M = seen_M
                    elif alpha_M is None:
                        alpha_M = self._first()
                    batch.append(DrivingFrame(view.time, alpha_M, view.starts_shot, view.square_RR3))
                yield batch

    def views(self) -> Generator[View]:
        """What the network is to see of each frame."""
        return mapped(self._view, ahead(in_shots(self._footage, self._shots)))

    def _first(self) -> NDArray[np.float32]:
        """Coefficients of the first frame that a shot begins with."""
        for each in in_shots(self._footage, self._shots):
            if each.number == each.shot.first_face:
                return self._animator.coefficients([self._view(each).square_RR3])[0]
        raise changed_meanwhile(self._footage)

    def _view(self, each: ShotFrame) -> View:
        number, frame, shot = each
        square_RR3 = shot.framing.to_square(frame.rgb(), self._animator.seen_size)
        return View(frame.time, square_RR3, number == shot.first_face, shot.shows_face(number))


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
