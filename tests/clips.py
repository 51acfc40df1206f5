"""Clips made for tests: frames, and files of them in any codec, timing, sound and orientation."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Frames = list[NDArray[np.uint8]]


def moving_face(portrait_HW3: NDArray[np.uint8], count: int, width: int = 320, height: int = 240) -> Frames:
    """Frames in which the portrait, 200 pixels high, moves to the right by a pixel a frame."""
    picture = np.asarray(Image.fromarray(portrait_HW3).resize((200, 200)))
    frames = []
    for k in range(count):
        frame = np.full((height, width, 3), 90, np.uint8)
        frame[20:220, 20 + k : 220 + k] = picture
        frames.append(frame)
    return frames


def flat_frames(count: int, width: int = 64, height: int = 48) -> Frames:
    """Frames without a face, each of its own grey: frame k has the level 20 + 5 (k mod 40)."""
    return [np.full((height, width, 3), 20 + 5 * (k % 40), np.uint8) for k in range(count)]


def gradients(count: int, side: int = 64) -> Frames:
    """Pictures that grow brighter, one shade a frame."""
    ramp = np.linspace(0, 100, side, dtype=np.uint8)
    picture = np.stack(
        [np.tile(ramp, (side, 1)), np.tile(ramp[:, None], (1, side)), np.full((side, side), 60)]
    )
    return [(picture.transpose(1, 2, 0) + 10 * k).astype(np.uint8) for k in range(count)]


@contextmanager
def same_priority() -> Iterator[None]:
    """SVT-AV1, where it may, gives the thread that opens it real-time priority, and leaves it so.

    Whatever that thread starts later, a browser for one, inherits it and keeps all others from the cores.
    """
    if not hasattr(os, "sched_setscheduler"):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    os.sched_setscheduler(0, policy, priority)


def write_clip(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    *,
    rate: Fraction | int = 25,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: Sequence[float] | None = None,
    sound: str | None = None,
    sound_start: float = 0.0,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    quarter_turns: int = 0,
    matrix: tuple[int, int, int, int] | None = None,
) -> Path:
    """Encode frames as `path`.

    times: seconds of each frame instead of a constant rate. sound: codec of a 440 Hz tone from `sound_start`
    seconds to the clip's end. aspect: of a pixel. quarter_turns: clockwise, as MP4 rotation metadata.
    matrix: a, b, c and d of the MP4's display matrix.
    """
    with same_priority(), av.open(path, "w") as output:
        stream: Any = output.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        tick = Fraction(1, 90_000) if times else 1 / Fraction(rate)
        stream.codec_context.time_base = tick
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        tone: Any = output.add_stream(sound, rate=48_000) if sound else None
        if tone is not None:
            tone.codec_context.layout = "stereo"
        for k, frame_HW3 in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(frame_HW3, format="rgb24")
            frame.pts = round(Fraction(times[k]) / tick) if times else k
            frame.time_base = tick
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if tone is not None:
            end = (times[-1] if times else len(frames) / rate) - sound_start
            for packet in _tone(tone, float(end), sound_start):
                output.mux(packet)
    if quarter_turns:
        matrix = [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)][quarter_turns % 4]
    if matrix:
        _set_matrix(path, matrix)
    return path


def _tone(stream: Any, seconds: float, start: float) -> Iterator[av.Packet]:
    wave = (8000 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * 48_000)) / 48_000)).astype(np.int16)
    for k in range(0, len(wave), 1024):
        chunk = np.repeat(wave[k : k + 1024], 2)[None]
        frame = av.AudioFrame.from_ndarray(chunk, format="s16", layout="stereo")
        frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
        frame.pts = k + round(start * 48_000)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _set_matrix(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write a display matrix into the MP4's first track header."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix of nine 32-bit numbers follows 40 bytes
    a, b, c, d = (number << 16 for number in matrix)
    whole = [a, b, 0, c, d, 0, 0, 0, 1 << 30]
    data[at : at + 36] = b"".join(n.to_bytes(4, "big", signed=True) for n in whole)
    path.write_bytes(data)


def fast_start(path: Path, to: Path) -> Path:
    """The same packets with the table of contents in front, as downloads have it."""
    with av.open(path) as source, av.open(to, "w", options={"movflags": "faststart"}) as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return to
