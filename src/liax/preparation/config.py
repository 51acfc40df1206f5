"""How clips are cut, what is recorded of each, and which are good enough to train on; also the
documentation.
"""

from __future__ import annotations

from dataclasses import dataclass

from liax.errors import LiaxError

NAN = float("nan")


@dataclass(frozen=True)
class ClipRecord:
    """A clip that was cut and measured, or what no clip could be cut from, with the problem.

    Args:
        key: Of the video's content.
        since, until: Seconds in the video.
        name: Of the clip, without its ending.
        frames, fps, size: Of the clip; size in bytes.
        left, top, side: Of its square, in pixels of the video. face … text: see `QualityLimits`; NaN (text:
            0) where nothing was cut.
        damaged: How many stretches around did not decode.
        problem: Why nothing was cut; None for a clip.
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
    """How clips are cut, which is one way for a data set.

    Args:
        size: Side of a clip, in pixels.
        fps: The most frames a second; of faster videos every second frame is kept, or every third, …
        shortest: A clip's least length, in seconds.
        longest: A clip's largest length, in seconds.
        enlarged: How many times a face is enlarged at most; smaller ones are not cut.
        identities: Measure whose face it is, to group clips by person (extra `evaluate`).
    """

    size: int = 256
    fps: int = 25
    shortest: float = 1.0
    longest: float = 10.0
    enlarged: float = 1.5
    identities: bool = False

    def check(self) -> None:
        """Raises LiaxError for values that nothing can be cut with."""
        if self.size < 32 or self.size % 2:
            raise LiaxError(f"size must be even and at least 32, not {self.size}")
        if self.fps < 1 or self.enlarged <= 0:
            raise LiaxError("fps must be at least 1, and enlarged above 0")
        if not 0 < self.shortest < self.longest:
            raise LiaxError(f"clips cannot be {self.shortest:g} to {self.longest:g} seconds long; change one")


@dataclass(frozen=True)
class QualityLimits:
    """Which clips are kept. A rerun with other limits decides anew, without measuring anew.

    docs/preparing.md tells how each is measured, and on what its default was chosen. Shares are 0 to 1.

    Args:
        face: Least height or width of the face, as a share of the clip's side.
        outside: Largest share of the crop beyond the picture's edge.
        seen: Least share of frames in which a face is found.
        others: Largest share of frames with another face.
        sharpness: Least sharpness of the face.
        movement: Least movement within the face, in shares of its size.
        shake: Largest tremble of the face's place, in shares of its size a frame.
        occlusion: Largest share of the face that something passing covers.
        text: Most strokes of letters beside each other.
    """

    face: float = 0.40
    outside: float = 0.15
    seen: float = 0.9
    others: float = 0.05
    sharpness: float = 0.07
    movement: float = 0.012
    shake: float = 0.1
    occlusion: float = 0.15
    text: int = 6

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
