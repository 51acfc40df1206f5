"""A visitor whose camera moves a portrait: what is kept of the visit, and the work for one frame.

All methods but `record`, `stop` and `take_sound` are called by the one thread that draws for all.
"""

from __future__ import annotations

import secrets
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.app.jobs import capture_warnings
from liax.app.live_messages import Frame, MessageError, OpenRequest, picture_message, reading_message
from liax.app.messages import page_text
from liax.app.studio import Studio
from liax.errors import LiaxError
from liax.face.landmarks import FaceLandmarker
from liax.live.frames import decode_frame, encode_frame
from liax.live.recording import LiveRecording
from liax.live.session import LiveSession
from liax.live.virtual_camera import VirtualCamera, open_virtual_camera
from liax.marking.pixel_mark import PixelMarker
from liax.portrait.provenance import provenance_of
from liax.portrait.source import Portrait

# Of the sound of one recording: half an hour as browsers record it.
_MAX_SOUND_BYTES = 30_000_000


class DrawnFrame(NamedTuple):
    """A frame that was drawn.

    Attributes:
        frame_HW3, seconds: The camera's picture, for another look at the face.
        message: What the page is sent.
    """

    frame_HW3: NDArray[np.uint8]
    seconds: float
    message: bytes


class LiveVisit:
    """A portrait, and a recording of it if there is one.

    Args:
        studio: Whose portraits and folder are used.

    Attributes:
        session: The portrait that is open, if there is one.
        number: Of the newest picture.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._landmarker: FaceLandmarker | None = None
        self._portrait: Portrait | None = None
        self._virtual: VirtualCamera | None = None
        self._marker = PixelMarker()
        self._recording: LiveRecording | None = None
        self._stopped: LiveRecording | None = None
        # Where the recording will lie.
        self._output: Path | None = None
        self._sound_bytes = 0
        self.session: LiveSession | None = None
        self.number = 0

    def open(self, request: OpenRequest, with_virtual_camera: bool) -> tuple[dict[str, object], bytes]:
        """Open a portrait: what to tell the page, and its first picture.

        Args:
            with_virtual_camera: Whether its pictures are shown as a camera, too.

        Raises:
            LiaxError: If the portrait cannot be used, or there is no virtual camera.
        """
        studio = self._studio
        self._landmarker = self._landmarker or FaceLandmarker()
        with capture_warnings() as warnings:
            portrait = studio.portrait(request.portrait, request.source)
            session = LiveSession(studio.animator, portrait, self._landmarker, request.options)
            picture_HW3 = session.start()
        height, width, _ = picture_HW3.shape
        if with_virtual_camera:
            self.close_virtual_camera()
            self._virtual = open_virtual_camera(width, height)
        self.session, self._portrait = session, portrait
        notes = [page_text(warning, studio.folder) for warning in warnings]
        told: dict[str, object] = {"width": width, "height": height, "notes": notes}
        return {"ready": {**told, "weights": studio.weights_name}}, self._message(0.0, 0.0, True, picture_HW3)

    def draw(self, frame: Frame) -> DrawnFrame:
        """What is made of a frame.

        Raises:
            MessageError: If it is no picture, or too large.
        """
        assert self.session is not None
        began = time.perf_counter()
        with reading_message():
            frame_HW3 = decode_frame(frame.packed)
        seconds = frame.captured / 1000
        picture_HW3, seen, is_new = self.session.step(frame_HW3, seconds)
        if self._recording is not None:
            self._recording.add(picture_HW3, seconds)
        shown_HW3 = picture_HW3 if is_new else None
        milliseconds = 1000 * (time.perf_counter() - began)
        message = self._message(frame.captured, milliseconds, seen, shown_HW3)
        return DrawnFrame(frame_HW3, seconds, message)

    def look(self, drawn: DrawnFrame) -> None:
        """Look for the face in a frame that was drawn, if it is time to."""
        if self.session is not None:
            self.session.look(drawn.frame_HW3, drawn.seconds)

    def _message(
        self, captured: float, milliseconds: float, seen: bool, picture_HW3: NDArray[np.uint8] | None
    ) -> bytes:
        self.number += 1
        packed = b""
        if picture_HW3 is not None:
            marked_HW3 = self._marker.mark(picture_HW3)
            packed = encode_frame(marked_HW3)
            if self._virtual is not None:
                self._virtual.show(marked_HW3)
        return picture_message(self.number, captured, milliseconds, seen, packed)

    @property
    def recording_is_full(self) -> bool:
        """Whether there is a recording that takes no more."""
        return self._recording is not None and self._recording.is_full

    def record(self) -> None:
        """Begin a recording, in place of one that was not saved.

        Raises:
            LiaxError: If there is no portrait, or no room.
        """
        if self._portrait is None:
            raise LiaxError("Start the camera first.")
        self.discard()
        self._output = self._studio.new_result_path("live.mp4")
        provenance = provenance_of(self._studio.animator, "live", source=self._portrait)
        pictures = self._output.with_name(f".{secrets.token_hex(4)}.mp4")
        self._recording = LiveRecording(pictures, provenance, most=self._studio.limits.frames)
        self._sound_bytes = 0

    def stop(self) -> None:
        """Let no more pictures into the recording."""
        if self._recording is not None:
            self._stopped, self._recording = self._recording, None

    def take_sound(self, piece: bytes) -> None:
        """Keep a piece of the sound of a recording that was stopped.

        Raises:
            MessageError: If there is no such recording, or too much sound.
        """
        self._sound_bytes += len(piece)
        if self._stopped is None or self._sound_bytes > _MAX_SOUND_BYTES:
            raise MessageError("sound belongs to a recording, and ends")
        with self._sound_path.open("ab") as file:
            file.write(piece)

    def save(self, sound_start: float | None) -> dict[str, object]:
        """Write the recording: what to tell the page.

        Args:
            sound_start: When its sound begins, in milliseconds on the page's clock; None leaves it silent.

        Raises:
            LiaxError: If there is nothing to save, or it cannot be written.
        """
        if self._stopped is None or self._output is None:
            raise LiaxError("There is no recording to save.")
        recording, self._stopped = self._stopped, None
        sound = self._sound_path if sound_start is not None and self._sound_bytes else None
        try:
            written = recording.finish(self._output, sound, (sound_start or 0.0) / 1000)
        finally:
            self._sound_path.unlink(missing_ok=True)
        about = f"{written.frames} pictures, {written.seconds:.1f} s, {written.width} × {written.height}"
        return {"recorded": {"path": str(written.path), "about": about, "silent": sound is None}}

    @property
    def _sound_path(self) -> Path:
        assert self._output is not None
        return self._output.with_name(".sound")

    def discard(self) -> None:
        """Leave nothing of a recording that was not saved."""
        for recording in filter(None, (self._recording, self._stopped)):
            recording.discard()
        self._recording = self._stopped = None
        if self._output is not None and not self._output.exists():
            shutil.rmtree(self._output.parent, ignore_errors=True)
        self._output = None

    def close_virtual_camera(self) -> None:
        """Give the virtual camera back, if this visit has it."""
        if self._virtual is not None:
            self._virtual.close()
            self._virtual = None

    def close(self) -> None:
        """End the visit."""
        self.discard()
        self.close_virtual_camera()
        if self._landmarker is not None:
            self._landmarker.close()
