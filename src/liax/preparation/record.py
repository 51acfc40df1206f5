"""One decision of a data set's manifest: a clip, or what no clip was cut from, and what was measured."""

from __future__ import annotations

from dataclasses import dataclass

NAN = float("nan")


@dataclass(frozen=True)
class Record:
    """A clip that was cut and measured, or what no clip could be cut from, with the problem.

    key: of the video's content. since, until: seconds in the video. name: of the clip, without its ending.
    frames, fps, size: of the clip; size in bytes. left, top, side: of its square, in pixels of the video.
    face … text: see `liax.preparation.config.Limits`; NaN (text: 0) where nothing was cut.
    damaged: how many stretches around did not decode. problem: why nothing was cut; None for a clip.
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
