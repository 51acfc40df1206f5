"""How clips are cut, what is recorded of each, and which are good enough to train on.

The docstrings of `CutOptions` and `QualityLimits` are what `liax prepare --help` says about the options.
"""

from __future__ import annotations

from dataclasses import dataclass

from liax.errors import LiaxError

NAN = float("nan")


@dataclass(frozen=True)
class ClipRecord:
    """A clip that was cut and measured, or what no clip could be cut from, with the problem.

    Measures (face, outside, … text) are those of `QualityLimits`; they are NaN, and text 0, if nothing was
    cut.

    Args:
        key: Identifies the video's content.
        since, until: Where it begins and ends in the video, in seconds.
        name: The clip's name, without its ending.
        problem: Why nothing was cut; None for a clip.
        frames, size, fps: Frames, bytes and frames per second of the clip.
        left, top, side: Its square, in pixels of the video.
        damaged: How many stretches of the video around it could not be decoded.
        embedding: The face's identity, if it was measured.
    """

    key: str
    since: float
    until: float
    name: str | None = None
    problem: str | None = None
    frames: int = 0
    size: int = 0
    fps: float = NAN
    left: float = NAN
    top: float = NAN
    side: float = NAN
    face: float = NAN
    outside: float = NAN
    seen: float = NAN
    others: float = NAN
    sharpness: float = NAN
    movement: float = NAN
    shake: float = NAN
    occlusion: float = NAN
    text: int = 0
    damaged: int = 0
    embedding: tuple[float, ...] | None = None


@dataclass(frozen=True)
class CutOptions:
    """How clips are cut. All clips of a data set are cut in the same way."""

    size: int = 256
    """Side of a clip, in pixels."""
    fps: int = 25
    """Most frames per second of a clip. Of faster videos every second, third or later frame is kept."""
    shortest: float = 1.0
    """Least length of a clip, in seconds."""
    longest: float = 10.0
    """Largest length of a clip, in seconds; longer appearances become several clips."""
    enlarged: float = 1.5
    """Largest factor by which a face may be enlarged; smaller faces are not cut."""
    identities: bool = False
    """Recognize people, so that clips are grouped by person instead of by video (needs the extra
    evaluate)."""

    def check(self) -> None:
        """Raises LiaxError for values that nothing can be cut with."""
        if not 32 <= self.size <= 4096 or self.size % 2:
            raise LiaxError(f"size must be even and 32 to 4096, not {self.size}.")
        if not (1 <= self.fps <= 1000 and 0 < self.enlarged < 100):
            raise LiaxError("fps must be 1 to 1000, and enlarged above 0 and below 100.")
        if not 0 < self.shortest < self.longest <= 3600:
            raise LiaxError(
                f"clips cannot be {self.shortest:g} to {self.longest:g} seconds long", "change one of these"
            )


@dataclass(frozen=True)
class QualityLimits:
    """Which clips are kept. A rerun with other limits decides again without measuring again.

    docs/preparing.md describes how each is measured, and on what its default was chosen.
    """

    face: float = 0.40
    """Least height or width of the face, as a share of the clip's side."""
    outside: float = 0.15
    """Largest share of the crop that lies outside the picture."""
    seen: float = 0.9
    """Least share of frames in which the face is found."""
    others: float = 0.05
    """Largest share of frames that show another face."""
    sharpness: float = 0.07
    """Least sharpness of the face."""
    movement: float = 0.012
    """Least movement within the face, relative to its size."""
    shake: float = 0.1
    """Largest tremble of the face's position, relative to its size, per frame."""
    occlusion: float = 0.15
    """Largest share of the face that something passing in front of it covers."""
    text: int = 6
    """Most strokes of letters beside each other."""

    def reason(self, record: ClipRecord) -> str | None:
        """Why a clip is refused; None when it is kept."""
        if record.problem is not None:
            return record.problem
        checks = (
            (record.seen < self.seen, "the face is not seen throughout"),
            (record.others > self.others, "another face is in the picture"),
            (record.face < self.face, "the face moves about too much"),
            (record.outside > self.outside, "the face is cut off by the picture's edge"),
            (record.sharpness < self.sharpness, "not sharp"),
            (record.movement < self.movement, "the face does not move"),
            (record.shake > self.shake, "shaky"),
            (record.occlusion > self.occlusion, "something covers the face"),
            (record.text > self.text, "text is laid over it"),
        )
        return next((reason for failed, reason in checks if failed), None)
