"""One visitor's portrait while a camera moves it: frames in, pictures out, one at a time."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.errors import OptionError
from liax.face.crop import Crop
from liax.face.landmarks import FaceLandmarker
from liax.live.camera_face import CameraFace, square_of
from liax.options import LiveOptions
from liax.portrait.animator import Animator
from liax.portrait.edit_vector import Edit
from liax.portrait.motion import OneEuroFilter, Transfer
from liax.portrait.pose import PoseRange, measured_controls
from liax.portrait.source import Portrait

STRENGTHS, SMOOTHINGS = (0.0, 2.0), (0.0, 1.0)
"""The ranges of these options."""


class LivePicture(NamedTuple):
    """What is shown of a frame.

    Attributes:
        picture_HW3: RGB uint8, of the portrait's framing.
        face_seen: Whether the face is there; the picture is the last one where it is not.
        is_new: Whether it is another picture than the last one.
    """

    picture_HW3: NDArray[np.uint8]
    face_seen: bool
    is_new: bool


def check_live_options(options: LiveOptions) -> LiveOptions:
    """The options, if they are in their ranges.

    Raises:
        OptionError: If one is not.
    """
    for name, (low, high) in (("strength", STRENGTHS), ("smoothing", SMOOTHINGS)):
        value = getattr(options, name)
        if not low <= value <= high:  # nan neither
            raise OptionError({name: value}, f"There is no {name} {value:g}", f"choose {low:g} to {high:g}")
    return options


def measure_rate(animator: Animator, portrait: Portrait, frames: int = 5) -> float:
    """How many pictures a second the network draws of a portrait here, of as many driving frames."""
    alpha_M = portrait.alpha_M
    animator.start()
    best = math.inf
    for _ in range(frames):
        began = time.perf_counter()
        animator.coefficients([portrait.square_RR3])
        list(animator.render(portrait.encoded, [alpha_M]))
        best = min(best, time.perf_counter() - began)
    return 1 / best


class LiveSession:
    """A portrait that follows a face before a camera.

    The change of the face since its neutral pose moves the portrait, as the change since a video's first
    frame does. The first frame that shows a face is the neutral pose, until another one is chosen.

    Args:
        animator: The network.
        portrait: What it moves, opened with the same animator.
        landmarker: Used by nobody else while `step` or `look` runs.
        options: Can be changed at any time, also by another thread.

    Attributes:
        frozen: Whether the picture stays as it is.
    """

    def __init__(
        self,
        animator: Animator,
        portrait: Portrait,
        landmarker: FaceLandmarker,
        options: LiveOptions = LiveOptions(),  # noqa: B008 - frozen
    ) -> None:
        self._animator, self._portrait = animator, portrait
        self._face = CameraFace(landmarker)
        pose = portrait.pose if measured_controls(animator.controls) else {}
        limits = Edit.of({}, animator.controls).limits
        self._alpha_source_M = portrait.alpha_M
        self._transfer = Transfer(limits=limits, pose_range=PoseRange(animator.controls, pose))
        self._smoother: OneEuroFilter | None = None
        self._reference_M: NDArray[np.float32] | None = None
        self._wants_neutral = True
        # The square that the newest coefficients were read in, and whether it was mirrored.
        self._read_in: tuple[Crop, bool] | None = None
        self._last_HW3: NDArray[np.uint8] | None = None
        self._time: float | None = None
        self.options = check_live_options(options)
        self.frozen = False

    def start(self) -> NDArray[np.uint8]:
        """The portrait as it is, of the portrait's framing; what is slow the first time is done here."""
        self._animator.start()
        self._animator.coefficients([self._portrait.square_RR3])
        self._last_HW3 = self._drawn(self._alpha_source_M)
        return self._last_HW3

    def set_neutral(self) -> None:
        """Let the pose of the next frame be the neutral one, at which the portrait is as it is."""
        self._wants_neutral = True

    def step(self, frame_HW3: NDArray[np.uint8], seconds: float) -> LivePicture:
        """The portrait as a frame moves it.

        Args:
            frame_HW3: RGB uint8 (H, W, 3).
            seconds: When it was taken, on any clock. Where that is not later than the last frame's, nothing
                moves.
        """
        if self._last_HW3 is None:
            self._last_HW3 = self.start()
        if self.frozen or (self._time is not None and seconds <= self._time):
            return LivePicture(self._last_HW3, self._face.seen, False)
        if not self._face.seen or self._face.size != frame_HW3.shape[1::-1]:
            self._look(frame_HW3, seconds)
        crop = self._face.crop
        if not self._face.seen or crop is None:
            return LivePicture(self._last_HW3, False, False)
        self._last_HW3 = self._drawn(self._moved(frame_HW3, seconds, crop))
        self._time = seconds
        return LivePicture(self._last_HW3, True, True)

    def look(self, frame_HW3: NDArray[np.uint8], seconds: float) -> None:
        """Look for the face in a frame, if it is time to; best done once its picture is on its way."""
        if not self.frozen and self._face.is_due(frame_HW3, seconds):
            self._look(frame_HW3, seconds)

    def _look(self, frame_HW3: NDArray[np.uint8], seconds: float) -> None:
        continues = self._face.seen and self._face.size == frame_HW3.shape[1::-1]
        if self._face.look(frame_HW3, seconds) and continues:
            self._continue_in_other_square(frame_HW3)

    def _continue_in_other_square(self, frame_HW3: NDArray[np.uint8]) -> None:
        """Move the reference, so that the portrait does not jump as the square does."""
        crop = self._face.crop
        if self._read_in is None or crop is None or self._reference_M is None or self._smoother is None:
            return
        before, mirror = self._read_in
        before_M, after_M = (self._read(frame_HW3, square, mirror) for square in (before, crop))
        self._reference_M = self._reference_M + after_M - before_M
        self._smoother.shift(after_M - before_M)
        self._read_in = crop, mirror

    def _moved(self, frame_HW3: NDArray[np.uint8], seconds: float, crop: Crop) -> NDArray[np.float32]:
        """The coefficients (M,) to draw."""
        options = self.options
        mirrored = self._read_in is not None and self._read_in[1] != options.mirror
        alpha_M = self._read(frame_HW3, crop, options.mirror)
        self._read_in = crop, options.mirror
        if mirrored:  # the other way round, it is another pose
            self._smoother, self._wants_neutral = None, True
        if self._smoother is None:
            self._smoother = OneEuroFilter(seconds, alpha_M, options.smoothing)
        else:
            self._smoother.amount = options.smoothing
            self._smoother.add(seconds, alpha_M)
        smooth_M = self._smoother.smooth_M.astype(np.float32)
        if self._reference_M is None or self._wants_neutral:
            self._reference_M, self._wants_neutral = smooth_M, False
        transfer = replace(self._transfer, gains_MM=options.strength * np.eye(len(smooth_M)))
        moved_M = transfer.moved(self._alpha_source_M, smooth_M, self._reference_M)
        return transfer.held(self._alpha_source_M, moved_M)[0]

    def _read(self, frame_HW3: NDArray[np.uint8], crop: Crop, mirror: bool) -> NDArray[np.float32]:
        square_RR3 = square_of(frame_HW3, crop, self._animator.seen_size, mirror)
        return self._animator.coefficients([square_RR3])[0]

    def _drawn(self, alpha_M: NDArray[np.float32]) -> NDArray[np.uint8]:
        (square_RR3,) = self._animator.render(self._portrait.encoded, [alpha_M])
        return self._portrait.from_square(square_RR3)
