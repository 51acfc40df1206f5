"""Write frames with their times as an MP4, MOV, WebM, WebP or GIF, completely or not at all."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from liax.marking.output import PictureMarker, marked_file, picture_marker, tags, unmarked
from liax.marking.provenance import Provenance
from liax.media.colour import converted
from liax.media.sound import Sound
from liax.options import MarkOptions

# File name suffix -> container, encoder, pixel format, encoder options.
_FORMATS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    # About as large and as near to the frames as with "medium" and a crf of 17, in 0.4 of the time.
    ".mp4": ("mp4", "libx264", "yuv420p", {"crf": "16", "preset": "veryfast"}),
    ".webm": (
        "webm",
        "libvpx-vp9",
        "yuv420p",
        {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
    ),
    ".mov": ("mov", "prores_ks", "yuv444p10le", {"profile": "4444", "vendor": "apl0"}),
    ".webp": ("webp", "libwebp_anim", "bgra", {"quality": "90"}),
    ".gif": ("gif", "gif", "pal8", {}),
}
SUFFIXES = tuple(_FORMATS)
# The pixel format of frames with transparency, where they can be written.
_WITH_ALPHA = {".mov": "yuva444p10le", ".webm": "yuva420p", ".webp": "bgra"}
ALPHA_SUFFIXES = tuple(_WITH_ALPHA)
_SILENT = (".webp", ".gif")
# A GIF's times are hundredths of a second, and browsers slow down frames shorter than two of these.
_GIF_TICK = Fraction(1, 100)
_GIF_SHORTEST = 2
_CLOCK = 90_000
# Pixels of a frame from which on each of the encoder's threads has a frame of its own.
_FRAME_A_THREAD = 1280 * 720
# The encoders' own measure, at a quality of 0: it falls to the one in _FORMATS at 75, and evenly on.
_WORST_CRF = {".mp4": 50, ".webm": 63}


def _crf(suffix: str, quality: int) -> int:
    """The encoder's constant rate factor for a quality of 1 to 100; the lower, the better."""
    worst, usual = _WORST_CRF[suffix], int(_FORMATS[suffix][3]["crf"])
    return round(worst - (worst - usual) * quality / 75)


@contextmanager
def create_video(
    path: Path,
    rate: Fraction,
    sound_of: Path | None = None,
    sound_start: Fraction = Fraction(0),
    *,
    provenance: Provenance = Provenance(),  # noqa: B008 - frozen
    mark: MarkOptions = MarkOptions(),  # noqa: B008
    overwrite: bool = True,
    quality: int | None = None,
) -> Iterator[VideoWriter]:
    """Open a video for writing; the file appears at `path` when the block ends without an exception.

    After an exception, Ctrl-C included, no part of it is left, and a file that was at `path` stays.

    Args:
        path: The video; its suffix is one of SUFFIXES, and its folder exists.
        rate: Nominal frames a second; every frame is written with its own time.
        sound_of: A video whose sound is copied. GIF and WebP stay silent.
        sound_start: Time of the first frame written on that video's clock, in seconds.
        provenance: How it was made, which the file says if it is synthetic, as all is by default.
        mark: How it says so.
        overwrite: Whether a file that is at `path` when the block ends is replaced.
        quality: 1 to 100, of MP4, WebM (75 by default) and WebP (90).

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        LiaxError: If the disk is full, or the user's certificate cannot sign.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    told, mark_picture = tags(suffix, provenance, mark), picture_marker(path, provenance, mark)
    with marked_file(path, provenance, mark, overwrite=overwrite) as file:
        writer = VideoWriter(
            file,
            suffix,
            rate,
            sound_of,
            sound_start,
            quality=quality,
            mark_picture=mark_picture,
            tags=told,
        )
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


class VideoWriter:
    """Writes RGB frames into an open binary file; `create_video` makes one for a path.

    Args:
        file: It stays open.
        suffix: One of SUFFIXES, which chooses the format.
        rate, sound_of, sound_start, quality: As for `create_video`.
        threads: Of the encoder; 0 lets it choose. The encoded bytes depend on their number.
        fast_start: Whether an MP4's table of contents comes first, so that it plays while it is loaded. Then
            the file has a name, by which it is read again at the end.
        mark_picture: What every frame passes first; by default, it stays as it is.
        tags: What the container says of itself, name to text.

    Attributes:
        frames: How many frames are written so far.
    """

    def __init__(
        self,
        file: IO[bytes],
        suffix: str,
        rate: Fraction,
        sound_of: Path | None = None,
        sound_start: Fraction = Fraction(0),
        *,
        quality: int | None = None,
        threads: int = 0,
        fast_start: bool = True,
        mark_picture: PictureMarker = unmarked,
        tags: Mapping[str, str] = {},
    ) -> None:
        self._container_name, self._codec, self._pixels, self._options = _FORMATS[suffix]
        self._pixels_with_alpha = _WITH_ALPHA.get(suffix)
        if quality is not None and suffix in _WORST_CRF:
            self._options = self._options | {"crf": str(_crf(suffix, quality))}
        elif quality is not None and "quality" in self._options:
            self._options = self._options | {"quality": str(quality)}
        self._threads = threads
        self._rate = rate
        # Fine enough for any clock, and a whole number of ticks a frame at a constant rate.
        self._tick = Fraction(1, rate.numerator * math.ceil(_CLOCK / rate.numerator))
        if self._codec == "gif":
            self._tick = _GIF_TICK
        if suffix == ".webp":
            self._tick = Fraction(1, 1000)
        sound_of = None if suffix in _SILENT else sound_of
        self._sound_of, self._sound_start = sound_of, sound_start
        self._output, self._failing = open_output(file, self._container_name, fast_start)
        self._output.metadata.update(tags)
        self._mark_picture = mark_picture
        self._stream: VideoStream | None = None
        self._sound: Sound | None = None
        self._last: int | None = None
        self.frames = 0

    def write(self, frame_HW3: NDArray[np.uint8], time: Fraction) -> None:
        """Append a frame.

        Args:
            frame_HW3: RGB uint8 with even sides, of the same size as the first frame; RGBA (H, W, 4), as all
                frames then, for one of ALPHA_SUFFIXES.
            time: Seconds from which the frame is shown, later than those of the frame before. A GIF leaves
                out frames that follow each other too closely.
        """
        self.encode(self.prepare(frame_HW3, time)())

    def prepare(self, frame_HW3: NDArray[np.uint8], time: Fraction) -> Callable[[], av.VideoFrame | None]:
        """The first part of `write`, in the order of the frames.

        Returns:
            What marks and converts the frame, in any thread and any order, for `encode`, which takes frames
            in their order; it gives None for one that is left out.
        """
        height, width = frame_HW3.shape[:2]
        if self._stream is None:
            if frame_HW3.shape[2] == 4 and self._pixels_with_alpha is not None:
                self._pixels = self._pixels_with_alpha
            self._stream = self._begin(width, height)
        stream = self._stream
        if (stream.width, stream.height) != (width, height):
            raise ValueError(f"frame of {width}x{height} in a video of {stream.width}x{stream.height}")
        pts = round(time / self._tick)
        shortest = _GIF_SHORTEST if self._codec == "gif" else 1
        if self._last is not None and pts - self._last < shortest:
            return lambda: None
        self._last = pts
        return partial(self._marked, self._mark_picture(frame_HW3), pts)

    def encode(self, frame: av.VideoFrame | None) -> None:
        """The last part of `write`."""
        if frame is None or self._stream is None:
            return
        self.frames += 1
        # The encoder may change it.
        end = (frame.pts or 0) * self._tick + 1 / self._rate
        self._mux(self._stream.encode(frame))
        if self._sound is not None:
            self._sound.write_until(end)

    def finish(self) -> None:
        """Write the frames that the encoder still holds, and the container's end."""
        if self._stream is not None:
            self._mux(self._stream.encode(None))
        try:
            self._output.close()
        finally:
            if self._failing is not None and self._failing.error is not None:
                raise self._failing.error

    def close(self) -> None:
        """Release all resources, whether the video is finished or not."""
        if self._sound is not None:
            self._sound.close()
        with suppress(Exception):  # an unfinished container cannot always be closed; its file is deleted
            self._output.close()

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            packet.duration = max(1, round(1 / self._rate / self._tick))  # counts for the last one
            self._output.mux(packet)

    def _begin(self, width: int, height: int) -> VideoStream:
        stream: Any = self._output.add_stream(self._codec, rate=self._rate, options=self._options)
        stream.width, stream.height, stream.pix_fmt = width, height, self._pixels
        stream.codec_context.time_base = self._tick
        stream.codec_context.thread_count = self._threads
        # On many cores, x264 is 1.8 times as fast with a frame a thread as with slices. Small frames of 64²
        # it then encodes in another way now and then.
        stream.thread_type = "AUTO" if width * height >= _FRAME_A_THREAD else "SLICE"
        if self._pixels.startswith("yuv"):  # players guess the colours of small untagged videos wrong
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = int(Colorspace.ITU709)
            context.color_range = int(ColorRange.MPEG)
        if self._sound_of is not None:
            self._sound = Sound(self._sound_of, self._sound_start, self._output, self._container_name)
        return stream

    def _marked(self, picture: Callable[[], NDArray[np.uint8]], pts: int) -> av.VideoFrame:
        frame = self._frame(picture())
        frame.pts, frame.time_base = pts, self._tick
        return frame

    def _frame(self, frame_HW3: NDArray[np.uint8]) -> av.VideoFrame:
        if self._codec == "gif":
            return _with_palette(frame_HW3)
        layout = "rgba" if frame_HW3.shape[2] == 4 else "rgb24"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame_HW3), format=layout)
        if self._pixels == "bgra":
            return frame.reformat(format=self._pixels)
        colours = {"dst_colorspace": Colorspace.ITU709, "dst_color_range": ColorRange.MPEG}
        return converted(frame, frame.width, frame.height, self._pixels, **colours)


def open_output(
    file: IO[bytes], container: str, fast_start: bool = True
) -> tuple[OutputContainer, FailingOnce | None]:
    """An open binary file as a container that is to be written.

    Args:
        file: It stays open.
        container: FFmpeg's name of the format.
        fast_start: As for `VideoWriter`.

    Returns:
        The container and, where that could not raise it itself, what has the file's first error.
    """
    if container == "webp":
        return av.open(file, "w", format="webp", container_options={"loop": "0"}), None
    if container not in ("mp4", "mov") or not fast_start:
        return av.open(file, "w", format=container), None
    failing = FailingOnce(file)
    options = {"movflags": "faststart+use_metadata_tags"}
    opened = av.open(failing, "w", format=container, container_options=options, io_open=failing.reopen)
    return opened, failing


class FailingOnce:
    """A file for FFmpeg that raises its first error only; PyAV prints those that follow it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        if self.error is None:
            try:
                return self._file.write(data)
            except OSError as error:
                self.error = error
                raise
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        if self.error is None:
            try:
                return self._file.seek(offset, whence)  # which writes what was waiting
            except OSError as error:
                self.error = error
                raise
        return offset

    def reopen(self, url: str, flags: int, options: dict[str, str]) -> IO[bytes]:
        """What is written so far, to be read; FFmpeg closes it."""
        try:
            if self.error is None:
                self._file.flush()
        except OSError as error:
            self.error = error
        return io.BytesIO() if self.error is not None else open(self._file.name, "rb")


def _with_palette(frame_HW3: NDArray[np.uint8]) -> av.VideoFrame:
    """The frame with a palette of 256 colours of its own."""
    image = Image.fromarray(frame_HW3).quantize(256)
    colours = np.zeros((256, 4), np.uint8)
    rgb = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    colours[: len(rgb), 1:] = rgb
    colours[:, 0] = 255
    return av.VideoFrame.from_ndarray((np.asarray(image), colours), format="pal8")  # type: ignore[arg-type]
