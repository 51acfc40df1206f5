"""Read a video as a stream of upright RGB frames with their times, one in memory at a time."""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import av
import av.stream
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.files import check_input
from liax.media.colour import to_rgb
from liax.media.container import open_media

log = logging.getLogger(__name__)

_DEFAULT_RATE = Fraction(25)
# Frames a second; what a file says beyond is taken for damage.
SLOWEST, FASTEST = Fraction(1, 1000), Fraction(1000)
# Largest denominator of a rate: enough for 30000/1001; averages of variable rates are rounded to it.
_MAX_DENOMINATOR = 1001
_MATRIX_BYTES = 36


class Orientation(NamedTuple):
    """How decoded frames are turned to stand upright, one of eight ways.

    Args:
        transposed: Whether rows become columns, first of all.
        mirrored: Whether left and right are then exchanged.
        flipped: Whether top and bottom are then exchanged.
    """

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    @staticmethod
    def of(decoded: av.VideoFrame) -> Orientation:
        """As the frame's display matrix says, taken to the nearest quarter turn."""
        data: Any = decoded.side_data.get("DISPLAYMATRIX")
        if data is None or len(bytes(data)) < _MATRIX_BYTES:
            return Orientation()
        # A pixel at (x, y) is shown at (a x + c y, b x + d y), apart from a shift.
        a, b, _, c, d = struct.unpack_from("=5i", bytes(data))
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return Orientation(False, a < 0, d < 0)
        return Orientation(True, c < 0, b < 0)

    def upright(self, image_HW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture as it is to be shown."""
        if self.transposed:
            image_HW3 = image_HW3.swapaxes(0, 1)
        rows, columns = -1 if self.flipped else 1, -1 if self.mirrored else 1
        return np.ascontiguousarray(image_HW3[::rows, ::columns])


@dataclass(frozen=True)
class Frame:
    """One decoded frame, converted to RGB only when asked.

    Args:
        time: Exact seconds since the first frame of the video.
        width, height: Size in square pixels, upright.
    """

    time: Fraction
    width: int
    height: int
    _decoded: av.VideoFrame
    _orientation: Orientation

    def rgb(self, longest: int | None = None) -> NDArray[np.uint8]:
        """The frame as RGB uint8 (H, W, 3), scaled down so that no side exceeds `longest`."""
        scale = min(1.0, longest / max(self.width, self.height)) if longest else 1.0
        width, height = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        if self._orientation.transposed:
            width, height = height, width
        return self._orientation.upright(to_rgb(self._decoded, width, height))


class Video:
    """A video file, which can be iterated over any number of times; each iteration decodes it again.

    Damaged parts are skipped. The first iteration that reaches the end logs a warning if there were any.

    Args:
        path: Any file that FFmpeg decodes.
        role: What the video is to the user, such as "driving"; it appears in messages.
        threads: Of the decoder; 0 lets it choose.

    Attributes:
        rate: Nominal frames a second.
        expected: Approximate number of frames; None if the file does not say.
        width, height: Size of every frame in square pixels, upright.
        start: Time of the first frame on the file's own clock, in seconds.
        damaged: Number of packets that did not decode in the last iteration.

    Raises:
        LiaxError: If the file is missing or no frame of it can be decoded. A file that is cut off within its
            first frame may be noticed only when iterating.
    """

    def __init__(self, path: Path, role: str = "video", threads: int = 0) -> None:
        self.path = Path(path)
        self.role = role
        self.damaged = 0
        self._threads = threads
        self._warned = False
        check_input(self.path, role)
        with self._open() as container:
            stream = self._stream(container)
            self.rate = _nominal_rate(stream)
            self._seconds = _declared_seconds(container, stream)
            self.expected = stream.frames or (round(self._seconds * self.rate) if self._seconds else None)
            first = next(filter(None, _decode(container, stream)), None)
            if first is None:
                raise LiaxError(f"{self.path} has no frame that can be decoded", f"give another {self.role}")
            clock = _seconds(first, stream)
            self._clocked = clock is not None
            self.start = clock or Fraction(0)
            self._orientation = Orientation.of(first)
            self.width, self.height = _square_pixels(first, stream, self._orientation)

    def __iter__(self) -> Iterator[Frame]:
        count, last = 0, Fraction(-1)
        for frame in self.between(Fraction(0)):
            count, last = count + 1, frame.time
            yield frame
        if not count:
            raise LiaxError(
                f"{self.path} is damaged or cut off within its first frame",
                f"give another {self.role}",
            )
        self._report(last + 1 / self.rate, count)

    def between(self, since: Fraction, until: Fraction | None = None) -> Iterator[Frame]:
        """The frames from `since` seconds on and before `until` seconds; None is the video's end.

        Decoding starts at the last key frame that is a second or more before, if the file's index allows it.
        """
        frames = self._read(since - 1) if since > 1 and self._clocked else self._read(None)
        first = next(frames, None)
        if first is None or first.time > since > 0:  # the index is wrong
            frames, first = self._read(None), None
        for frame in chain([first] if first else [], frames):
            if until is not None and frame.time >= until:
                return
            if frame.time >= since:
                yield frame

    def count_seconds(self) -> Fraction:
        """The video's length in seconds, from the times of all packets; decodes nothing."""
        count, last = 0, Fraction(0)
        with self._open() as container:
            stream = self._stream(container)
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets, None)
                except (av.FFmpegError, OSError):  # cut off
                    break
                if packet is None:
                    break
                count += packet.size > 0
                if packet.pts is not None and packet.time_base is not None:
                    last = max(last, packet.pts * packet.time_base - self.start)
        return (last if self._clocked else max(0, count - 1) / self.rate) + 1 / self.rate

    def _read(self, since: Fraction | None) -> Iterator[Frame]:
        """All frames, or those from the last key frame before `since` seconds on."""
        with self._open() as container:
            stream = self._stream(container)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = self._threads
            self.damaged, count, last = 0, 0, Fraction(-1)
            if since is not None and stream.time_base:
                try:
                    container.seek(math.floor((since + self.start) / stream.time_base), stream=stream)
                except (av.FFmpegError, OSError):
                    return
            for decoded in _decode(container, stream):
                if decoded is None:
                    self.damaged += 1
                    continue
                first = count == 0 and since is None
                last = Fraction(0) if first else self._time(decoded, stream, last)
                count += 1
                yield Frame(last, self.width, self.height, decoded, self._orientation)

    def _open(self) -> InputContainer:
        try:
            return open_media(self.path)
        except (av.FFmpegError, OSError) as error:
            raise LiaxError(
                f"{self.path} is not a video that can be decoded, or it is cut off",
                f"give another {self.role}",
            ) from error

    def _stream(self, container: InputContainer) -> VideoStream:
        pictures = av.stream.Disposition.attached_pic  # such as the cover of a song
        streams = [s for s in container.streams.video if not s.disposition & pictures]
        if not streams:
            raise LiaxError(f"{self.path} has no video in it", f"give a video as {self.role}")
        best = container.streams.best("video")
        return best if isinstance(best, VideoStream) and best in streams else streams[0]

    def _time(self, decoded: av.VideoFrame, stream: VideoStream, last: Fraction) -> Fraction:
        seconds = _seconds(decoded, stream)
        time = last + 1 / self.rate if seconds is None else seconds - self.start
        tick = stream.time_base or Fraction(1, 1000)
        exact = round(time * self.rate) / self.rate  # undo a coarse clock's rounding (Matroska: milliseconds)
        if abs(exact - time) <= tick:
            time = exact
        return time if time > last else last + min(tick, 1 / self.rate)

    def _report(self, seconds: Fraction, count: int) -> None:
        if self._warned:
            return
        missing = self._seconds is not None and self._seconds - seconds > max(Fraction(1, 2), 5 / self.rate)
        if missing or self.damaged:
            self._warned = True
            whole = f" of {float(self._seconds):.1f}" if self._seconds else ""
            log.warning(
                f"{self.path} is damaged or cut off; using the {count} frames "
                f"({float(seconds):.1f}{whole} seconds) that can be decoded."
            )


def _decode(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame | None]:
    """Decoded frames, and None for each packet that does not decode."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError):
            yield None
            packet = None
        try:
            frames = stream.decode(packet)
        except EOFError:
            return
        except av.FFmpegError:
            frames = []
            yield None
        yield from (None if frame.is_corrupt else frame for frame in frames)
        if packet is None or (packet.dts is None and packet.size == 0):
            return


def _nominal_rate(stream: VideoStream) -> Fraction:
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and SLOWEST <= rate <= FASTEST:
            return Fraction(rate).limit_denominator(_MAX_DENOMINATOR)
    return _DEFAULT_RATE


def _declared_seconds(container: InputContainer, stream: VideoStream) -> Fraction | None:
    if stream.duration and stream.time_base:
        return stream.duration * stream.time_base
    return Fraction(container.duration, av.time_base) if container.duration else None


def _seconds(decoded: av.VideoFrame, stream: VideoStream) -> Fraction | None:
    base = decoded.time_base or stream.time_base
    return None if decoded.pts is None or base is None else decoded.pts * base


def _square_pixels(decoded: av.VideoFrame, stream: VideoStream, orientation: Orientation) -> tuple[int, int]:
    """Width and height of the frame, upright and with square pixels."""
    shape = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, 8) <= shape <= 8:
        shape = Fraction(1)
    width, height = max(1, round(decoded.width * shape)), decoded.height
    return (height, width) if orientation.transposed else (width, height)
