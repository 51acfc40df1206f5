"""How much a visitor of the page may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What uploads may be, and how long results are kept.

    megabytes: of one file. picture_megapixels: of a picture. video_megapixels: of each frame of a video.
    seconds, frames: of a video or a saved motion. waiting: how many wait for the model at once.
    kept_minutes: how long files of a visitor stay on the server.
    """

    megabytes: int = 200
    picture_megapixels: int = 40
    video_megapixels: int = 9
    seconds: int = 120
    frames: int = 7200
    waiting: int = 20
    kept_minutes: int = 60
