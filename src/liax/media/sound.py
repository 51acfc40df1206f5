"""Copy the sound of one video to another while that is written."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from liax.errors import LiaxError
from liax.media.container import open_media

log = logging.getLogger(__name__)

# Container -> the codecs in it that all browsers play, which are copied, and the encoder for all other sound.
COPIED = {
    "mp4": {"aac", "mp3", "opus"},
    "mov": {"aac", "mp3"},
    "webm": {"opus", "vorbis"},
}
ENCODER = {"mp4": "aac", "mov": "aac", "webm": "libopus"}
# Opus has few sampling rates, and AAC none above this one.
_OPUS_RATE = 48_000
_AAC_MAX_RATE = 96_000
# Seconds of packets copied before the first sound that is heard: decoders need them to start, and the
# container marks them as not to be played.
_LEAD = Fraction(1, 20)
# Packets that are copied on trial.
_TRIED = 20
# Shorter gaps, in seconds, are inaccurate times rather than silence.
_GAP = Fraction(1, 10)


def has_sound(path: Path) -> bool:
    """Whether a video has any sound; False also for one that cannot be opened."""
    try:
        with open_media(path) as container:
            return bool(container.streams.audio)
    except (av.FFmpegError, OSError):
        return False


class Sound:
    """The sound of a video, muxed into another one piece by piece.

    Args:
        path: The video with the sound. If it has none, nothing is written.
        start: Time on that file's clock, in seconds, that becomes 0 in the output.
        output: An open container whose header is not written yet.
        container: Format of the output, a key of ENCODER.

    Raises:
        LiaxError: If the file cannot be opened.
    """

    def __init__(self, path: Path, start: Fraction, output: OutputContainer, container: str) -> None:
        self._path = path
        self._start = start
        self._output = output
        try:
            self._input: InputContainer | None = open_media(path)
        except (av.FFmpegError, OSError) as error:
            raise LiaxError(f"{path} is not there any more, or cannot be read", "give it again") from error
        self._waiting: Packet | None = None
        self._damaged = False
        sound = self._input.streams.best("audio")
        if not isinstance(sound, AudioStream) or sound.codec_context is None or not sound.sample_rate:
            self.close()
            return
        copied = sound.codec_context.codec.canonical_name in COPIED[container]
        copied = copied and _fits_as_it_is(path, container)
        self._packets = self._copied(sound) if copied else self._encoded(sound, ENCODER[container])

    def write_until(self, seconds: Fraction) -> None:
        """Mux all sound that starts before `seconds` on the output's clock."""
        while self._input is not None:
            packet = self._waiting or next(self._packets, None)
            if packet is None:
                self.close()
            elif packet.pts is not None and packet.time_base and packet.pts * packet.time_base >= seconds:
                self._waiting = packet
                return
            else:
                self._waiting = None
                self._mux(packet)

    def _mux(self, packet: Packet) -> None:
        """Write a packet, or leave out one whose content or time the container refuses."""
        try:
            self._output.mux(packet)
        except (av.error.InvalidDataError, av.error.ArgumentError):
            self._damaged = True

    def close(self) -> None:
        """Close the input file; no more sound is written."""
        if self._damaged:
            self._damaged = False
            log.warning(f"The sound of {self._path} is damaged; stretches of the result are silent.")
        if self._input is not None:
            self._input.close()
            self._input = None

    def _demux(self, sound: AudioStream, lead: Fraction = Fraction(0)) -> Iterator[Packet]:
        """Packets with times on the output's clock, from `lead` seconds before its zero on."""
        assert self._input is not None
        try:
            for packet in self._input.demux(sound):
                if packet.pts is None or packet.time_base is None:
                    continue
                length = packet.duration or 0
                shift = round(self._start / packet.time_base)
                if (packet.pts + length - shift) * packet.time_base <= -lead:
                    continue
                packet.pts -= shift
                if packet.dts is not None:
                    packet.dts -= shift
                yield packet
        except (av.FFmpegError, OSError):
            log.warning(f"The sound of {self._path} is damaged; the rest of the result is silent.")

    def _copied(self, sound: AudioStream) -> Iterator[Packet]:
        stream = self._output.add_stream_from_template(sound)

        def packets() -> Iterator[Packet]:
            for packet in self._demux(sound, _LEAD):
                packet.stream = stream
                yield packet

        return packets()

    def _encoded(self, sound: AudioStream, codec: str) -> Iterator[Packet]:
        rate = _OPUS_RATE if codec == "libopus" else min(sound.sample_rate, _AAC_MAX_RATE)
        stream = self._output.add_stream(codec, rate=rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = "mono" if sound.channels == 1 else "stereo"
        stream.codec_context.bit_rate = 160_000

        def packets() -> Iterator[Packet]:
            for frame in self._decoded(sound):
                yield from stream.encode(frame)
            yield from stream.encode(None)

        return packets()

    def _decoded(self, sound: AudioStream) -> Iterator[AudioFrame]:
        """Decoded frames, timed by counting samples: many containers' clocks are too coarse for encoders."""
        clock: int | None = None
        for packet in self._demux(sound):
            try:
                frames = sound.decode(packet)
            except av.FFmpegError:
                self._damaged = True
                continue
            for frame in frames:
                if frame.pts is not None and frame.time_base is not None:
                    declared = round(frame.pts * frame.time_base * frame.sample_rate)
                    # Only a real gap moves the clock, and only forwards.
                    if clock is None or declared - clock > _GAP * frame.sample_rate:
                        clock = declared
                clock = clock or 0
                frame.pts, frame.time_base = clock, Fraction(1, frame.sample_rate)
                clock += frame.samples
                yield frame


def _fits_as_it_is(path: Path, container: str) -> bool:
    """Whether the container takes the sound's description and first packets, which a file may have damaged.

    It would tell so only at its end, when all frames are drawn.
    """
    try:
        with open_media(path) as source, av.open(io.BytesIO(), "w", format=container) as trial:
            sound = source.streams.best("audio")
            assert sound is not None
            stream = trial.add_stream_from_template(sound)
            for packet in islice(source.demux(sound), _TRIED):
                if packet.dts is not None:
                    packet.stream = stream
                    trial.mux(packet)
    except av.FFmpegError:
        return False
    return True
