"""A moving result while it is made, and how it becomes a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError, OptionError
from liax.files import check_output
from liax.marking import Provenance
from liax.media import images
from liax.media.sequence import SequenceWriter, create_sequence, is_sequence
from liax.media.writer import SUFFIXES, VideoWriter, create_video
from liax.options import MarkOptions
from liax.pipeline import ahead, mapped, usable_cores
from liax.progress import Progress, no_progress

_MARKING_THREADS = 8
_Prepared = tuple[Fraction, Callable[[], Any]]


@dataclass(frozen=True)
class RenderedClip:
    """Frames as they are made, and what is known of them beforehand.

    Args:
        frames: A generator of (seconds since the first frame, RGB uint8 (height, width, 3)); it can be read
            once. With transparency, frames are RGBA (height, width, 4).
        rate: Nominal frames a second.
        total: How many frames there will be, None when that is unknown.
        sound: A video whose sound belongs to the frames.
        sound_start: Seconds on its clock of the first frame.
        provenance: How it is made, which its file will say.
    """

    frames: Iterator[tuple[Fraction, NDArray[np.uint8]]]
    rate: Fraction
    width: int
    height: int
    total: int | None = None
    sound: Path | None = None
    sound_start: Fraction = Fraction(0)
    provenance: Provenance = Provenance()  # noqa: RUF009 - frozen


@dataclass(frozen=True)
class WrittenFile:
    """What was written.

    Args:
        frames: How many frames it has; a GIF leaves out what is too fast for it.
        seconds: Its length.
        width, height: Its size in pixels.
    """

    path: Path
    frames: int
    seconds: float
    width: int
    height: int


def clip_suffixes(output: Path) -> tuple[str, ...]:
    """The endings that a clip's output may have: a video's or, of numbered pictures, a picture's."""
    return images.SUFFIXES if is_sequence(output) else SUFFIXES


def _create(
    clip: RenderedClip, output: Path, mark: MarkOptions, overwrite: bool, quality: int | None
) -> AbstractContextManager[VideoWriter | SequenceWriter]:
    if is_sequence(output):
        return create_sequence(
            output, provenance=clip.provenance, mark=mark, overwrite=overwrite, quality=quality
        )
    return create_video(
        output,
        clip.rate,
        clip.sound,
        clip.sound_start,
        provenance=clip.provenance,
        mark=mark,
        overwrite=overwrite,
        quality=quality,
    )


def _prepared(clip: RenderedClip, writer: VideoWriter | SequenceWriter) -> Iterator[_Prepared]:
    """Each frame's time and what gives the frame as the writer takes it, while the next ones are drawn."""
    with closing(ahead(clip.frames)) as frames:
        for time, picture_HWC in frames:
            yield time, writer.prepare(picture_HWC, time)


def _computed(prepared: _Prepared) -> tuple[Fraction, Any]:
    time, frame = prepared
    return time, frame()


def check_quality(quality: int | None) -> None:
    """Raise OptionError for a quality that there is not."""
    if quality is not None and not 1 <= quality <= 100:
        raise OptionError({"quality": quality}, f"There is no quality {quality}", "choose 1 to 100")


def write_clip(
    clip: RenderedClip,
    output: Path,
    *,
    mark: MarkOptions = MarkOptions(),  # noqa: B008 - frozen
    overwrite: bool = False,
    inputs: tuple[Path, ...] = (),
    stage: str = "animating",
    quality: int | None = None,
    progress: Progress = no_progress,
) -> WrittenFile:
    """Write a clip to `output`, complete or not at all.

    A name with a number in it, such as talk_%04d.png, becomes a sequence of pictures.

    Args:
        mark: How the file says that it is synthetic.
        overwrite: Whether `output` may exist already.
        inputs: Files that it must not replace, besides the one with the sound.
        quality: As in `liax.options.OutputOptions`.

    Raises:
        LiaxError: For an output that cannot be written, and whatever making the frames raises.
    """
    inputs += (clip.sound,) if clip.sound is not None else ()
    check_output(output, suffixes=clip_suffixes(output), overwrite=overwrite, inputs=inputs)
    check_quality(quality)
    count, end = 0, Fraction(0)
    with _create(clip, output, mark, overwrite, quality) as writer:
        threads = min(_MARKING_THREADS, usable_cores())
        with closing(mapped(_computed, _prepared(clip, writer), threads, depth=threads)) as frames:
            for count, (time, frame) in enumerate(frames, 1):
                writer.encode(frame)
                end = time + 1 / clip.rate
                progress(stage, count, clip.total)
        written = writer.frames
        if not count:
            raise LiaxError(f"{output} would have no frame", "check what is read for it")
    return WrittenFile(output, written, float(end), clip.width, clip.height)
