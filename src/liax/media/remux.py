"""A finished MP4 with the sound of another file beside its pictures, which are not encoded anew."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from liax.marking.output import marked_file, tags
from liax.marking.provenance import Provenance
from liax.media.container import open_media
from liax.media.sound import Sound
from liax.media.writer import open_output
from liax.options import MarkOptions


def add_sound(
    video: Path,
    output: Path,
    sound_of: Path | None,
    sound_start: Fraction = Fraction(0),
    *,
    provenance: Provenance,
    mark: MarkOptions = MarkOptions(),  # noqa: B008 - frozen
    overwrite: bool = False,
) -> None:
    """Write the pictures of an MP4 and other sound into a marked MP4, complete or not at all.

    Args:
        video: Of `VideoWriter`, which has marked its pictures already.
        output: Where to write: .mp4.
        sound_of: A file with sound; None leaves the result silent.
        sound_start: Time of the first picture on that file's clock, in seconds.
        provenance: How the pictures were made.
        mark: How the file says so.
        overwrite: Whether a file that is at `output` is replaced.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        LiaxError: If a file cannot be read, or the disk is full.
    """
    with marked_file(output, provenance, mark, overwrite=overwrite) as file, open_media(video) as source:
        written, failing = open_output(file, "mp4")
        sound: Sound | None = None
        try:
            written.metadata.update(tags(".mp4", provenance, mark))
            pictures = source.streams.video[0]
            stream = written.add_stream_from_template(pictures)
            if sound_of is not None:
                sound = Sound(sound_of, sound_start, written, "mp4")
            for packet in source.demux(pictures):
                if packet.pts is None or packet.time_base is None:  # the end
                    continue
                until = (packet.pts + (packet.duration or 0)) * packet.time_base
                packet.stream = stream
                written.mux(packet)
                if sound is not None:
                    sound.write_until(until)
        finally:
            if sound is not None:
                sound.close()
            try:
                written.close()
            except av.FFmpegError:
                if failing is None or failing.error is None:
                    raise
            if failing is not None and failing.error is not None:
                raise failing.error
