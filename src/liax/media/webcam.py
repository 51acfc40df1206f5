"""Record a camera, named as `webcam:0`, into a temporary video file."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from time import monotonic, sleep

import av
import numpy as np
from av.container import InputContainer

from liax.errors import LiaxError
from liax.marking import NOT_SYNTHETIC
from liax.media.writer import create_video

PREFIX = "webcam:"
_MAX_SECONDS = 3600
_RATE = Fraction(30)
# Seconds without a frame after which a camera is given up.
_TIMEOUT_S = 10.0


def webcam_index(path: Path) -> int | None:
    """The camera's number, such as 0 of `webcam:0`; None if `path` is not of that form.

    Raises:
        LiaxError: If what follows the colon is no number.
    """
    text = str(path)
    if not text.startswith(PREFIX):
        return None
    number = text.removeprefix(PREFIX)
    if not (number.isascii() and number.isdigit()):
        raise LiaxError(f"{text} names no camera", f"write {PREFIX}0 for the first, {PREFIX}1 for the second")
    return int(number)


@contextmanager
def webcam_video(
    index: int, seconds: float, progress: Callable[[int], None] = lambda done: None
) -> Iterator[Path]:
    """Record a camera into a video file that is deleted when the block ends.

    Args:
        index: Number of the camera, from 0.
        seconds: Length of the recording.
        progress: Called with the number of frames so far.

    Raises:
        LiaxError: As `record_webcam` does.
    """
    with tempfile.TemporaryDirectory(prefix="liax-") as folder:
        path = Path(folder) / f"webcam{index}.mp4"
        record_webcam(index, seconds, path, progress)
        yield path


def record_webcam(
    index: int, seconds: float, path: Path, progress: Callable[[int], None] = lambda done: None
) -> int:
    """Record a camera's frames with its own times, without sound.

    Args:
        index: Number of the camera, from 0.
        seconds: Length of the recording, up to an hour.
        path: The video to write.
        progress: Called with the number of frames so far.

    Returns:
        The number of frames.

    Raises:
        LiaxError: If there is no such camera, or it sends no frames.
    """
    if not 0 < seconds <= _MAX_SECONDS:
        raise LiaxError(f"A camera records more than 0 and up to {_MAX_SECONDS} seconds, not {seconds:g}.")
    count = 0
    with _open(index) as container:
        rate = Fraction(container.streams.video[0].average_rate or _RATE)
        with create_video(path, rate, provenance=NOT_SYNTHETIC) as writer:
            for time, frame in _frames(container, index, rate):
                if time >= seconds:
                    break
                even = frame.reformat(frame.width // 2 * 2, frame.height // 2 * 2, "rgb24")
                writer.write(np.asarray(even.to_ndarray(), np.uint8), time)
                count += 1
                progress(count)
    return count


def _open(index: int) -> InputContainer:
    try:
        file, kind, options = _device(index)
        container = av.open(file, format=kind, options=options)
    except (av.FFmpegError, OSError, ValueError, LookupError, AttributeError) as error:
        raise LiaxError(
            f"Camera {index} cannot be opened ({error})",
            "check that it is connected, that this program may use it and that no other one does",
        ) from error
    if not container.streams.video:
        container.close()
        raise LiaxError(f"Camera {index} has no pictures", "choose another number")
    return container


def _device(index: int) -> tuple[str, str, dict[str, str]]:
    """FFmpeg's file, format and options for a camera; on Windows, cameras have names instead of numbers."""
    if sys.platform == "darwin":
        return str(index), "avfoundation", {"framerate": str(_RATE)}
    if sys.platform == "win32":
        cameras = [d.name for d in av.enumerate_input_devices("dshow") if "video" in d.media_types]
        return f"video={cameras[index]}", "dshow", {}
    return f"/dev/video{index}", "v4l2", {}


def _frames(
    container: InputContainer, index: int, rate: Fraction
) -> Iterator[tuple[Fraction, av.VideoFrame]]:
    """Frames as the camera sends them, each with its time in seconds since the first."""
    first: Fraction | None = None
    last: Fraction | None = None
    received = monotonic()
    while monotonic() - received < _TIMEOUT_S:
        try:
            for frame in container.decode(video=0):
                received = monotonic()
                time = Fraction(0) if last is None else last + 1 / rate
                if frame.pts is not None and frame.time_base is not None:
                    first = frame.pts * frame.time_base if first is None else first
                    time = frame.pts * frame.time_base - first
                if last is None or time > last:
                    last = time
                    yield time, frame
            break  # a camera that ends
        except BlockingIOError:  # macOS: no frame yet
            sleep(0.005)
        except (av.FFmpegError, OSError) as error:
            raise LiaxError(f"Camera {index} stopped ({error})", "connect it again") from error
    if last is None:
        raise LiaxError(f"Camera {index} sends no pictures", "check that no other program uses it")
