"""A recording of what a camera makes of a portrait: pictures with their times at once, sound at the end."""

from __future__ import annotations

import queue
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.marking import Provenance
from liax.marking.output import picture_marker
from liax.media.remux import add_sound
from liax.media.writer import VideoWriter
from liax.options import MarkOptions
from liax.portrait.clip import WrittenFile

_RATE = Fraction(30)
# Pictures that may wait for the encoder; what comes while so many wait is left out.
_WAITING = 8


class LiveRecording:
    """Encodes pictures in a thread of its own, so that the next one need not wait.

    Args:
        path: Of the pictures without sound, until `finish`: a file of the caller's that `discard` removes.
        provenance: How they are made.
        mark: How the recording says so.
        most: How many pictures it may have.

    Attributes:
        frames: How many it has.
        start: Time of the first picture on its clock, in seconds; None before there is one.
    """

    def __init__(
        self,
        path: Path,
        provenance: Provenance,
        mark: MarkOptions = MarkOptions(),  # noqa: B008 - frozen
        most: int = 7200,
    ) -> None:
        self._path, self._provenance, self._mark, self._most = path, provenance, mark, most
        self._waiting: queue.Queue[tuple[NDArray[np.uint8], float] | None] = queue.Queue(_WAITING)
        self._error: Exception | None = None
        self._last, self._size = 0.0, (0, 0)
        self.frames = 0
        self.start: float | None = None
        self._thread = threading.Thread(target=self._write, name="liax-record", daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        """Whether no more is taken: it is as long as it may be, or cannot be written."""
        return self.frames >= self._most or self._error is not None

    def add(self, picture_HW3: NDArray[np.uint8], seconds: float) -> None:
        """Append a picture of this time, if the encoder keeps up and the recording is not full."""
        if self.is_full or (self.start is not None and seconds <= self._last):
            return
        start = seconds if self.start is None else self.start
        try:
            self._waiting.put_nowait((picture_HW3, seconds - start))
        except queue.Full:
            return
        self.start = start
        self._size = picture_HW3.shape[1], picture_HW3.shape[0]
        self._last = seconds
        self.frames += 1

    def stop(self) -> None:
        """Encode what waits, and close the file."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def finish(self, output: Path, sound: Path | None = None, sound_start: float = 0.0) -> WrittenFile:
        """Write the recording with its sound, complete or not at all, and remove the pictures' own file.

        Args:
            output: Where to write: .mp4.
            sound: A file with what was heard meanwhile.
            sound_start: Where its first sound is on the clock of the pictures, in seconds.

        Raises:
            LiaxError: If there is no picture, or it cannot be written.
        """
        self.stop()
        try:
            if self._error is not None:
                raise LiaxError(f"The recording cannot be written ({self._error}).") from self._error
            if self.start is None:
                raise LiaxError("The recording would have no picture; let the camera run while you record.")
            heard_from = Fraction(self.start - sound_start).limit_denominator(1_000_000)
            add_sound(self._path, output, sound, heard_from, provenance=self._provenance, mark=self._mark)
        finally:
            self.discard()
        seconds = self._last - self.start + float(1 / _RATE)
        return WrittenFile(output, self.frames, seconds, *self._size)

    def discard(self) -> None:
        """Remove what was written so far."""
        self.stop()
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        marker = picture_marker(self._path, self._provenance, self._mark)
        taken = self._waiting.get()
        try:
            with self._path.open("wb") as file:
                writer = VideoWriter(file, ".mp4", _RATE, fast_start=False, threads=1, mark_picture=marker)
                try:
                    while taken is not None:
                        picture_HW3, since_start = taken
                        writer.write(picture_HW3, Fraction(since_start).limit_denominator(1_000_000))
                        taken = self._waiting.get()
                    writer.finish()
                finally:
                    writer.close()
        except Exception as error:  # whatever a full disk or the encoder raises
            self._error = error
            while taken is not None:  # nobody waits for what is not written
                taken = self._waiting.get()
