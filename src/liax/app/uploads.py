"""Limits of what a visitor may ask for, and checks of uploads before anything is decoded."""

from __future__ import annotations

import ipaddress
import warnings
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image

from liax.errors import LiaxError
from liax.media.container import open_media
from liax.media.formats import PICTURE_ERRORS, open_picture
from liax.options_file import read_tables
from liax.portrait.template import SUFFIX, load_template
from liax.tracks.presets import read_expression
from liax.tracks.reading import read_track

EXPRESSION_SUFFIX = ".toml"
MOTION_SUFFIXES = (SUFFIX, ".csv", ".json")
"""Endings of motion that was saved, or measured by other programs."""


@dataclass(frozen=True)
class VisitorLimits:
    """How large uploads may be, how many jobs may wait, and how long results are kept.

    A visitor is known by the address, so visitors behind one proxy are one unless it tells their addresses.

    Attributes:
        megabytes: Size of a file.
        visitor_megabytes: Size of all that a visitor sends within `kept_minutes`.
        total_megabytes: Size of all uploads and results on the server.
        picture_megapixels: Size of a picture.
        video_megapixels: Size of a video's frames.
        seconds: Length of a video.
        frames: Length of a saved motion, and of whatever is made.
        waiting: Jobs that wait for the model at once.
        visitor_jobs: Jobs of one visitor among them, with the one that runs.
        kept_minutes: How long a visitor's files stay on the server.
    """

    megabytes: int = 200
    visitor_megabytes: int = 1000
    total_megabytes: int = 5000
    picture_megapixels: int = 40
    video_megapixels: int = 9
    seconds: int = 120
    frames: int = 7200
    waiting: int = 20
    visitor_jobs: int = 4
    kept_minutes: int = 60


def visitor_of(host: str) -> str:
    """Who asks from this address: the address, or of IPv6 the network, for whoever has one of it has all."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return host if address.version == 4 else str(ipaddress.ip_network((host, 64), strict=False))


def check_kind(path: Path) -> None:
    """Check that `path` is a picture, a video, a saved motion or an expression, by what is in it.

    Raises:
        LiaxError: If it is none of them.
    """
    if path.suffix == SUFFIX:
        load_template(path)
        return
    if path.suffix in MOTION_SUFFIXES:
        read_track(path)
        return
    if path.suffix == EXPRESSION_SUFFIX:
        read_expression(read_tables(path), path.name)
        return
    with warnings.catch_warnings(), suppress(*PICTURE_ERRORS):
        warnings.simplefilter("ignore")
        with open_picture(path):
            return
    with suppress(av.FFmpegError, OSError, ValueError), open_media(path) as container:
        if container.streams.video:
            return
    raise LiaxError(
        f"{path} is not a picture, video or saved motion that can be read; "
        "give one such as a JPEG, PNG, WebP, MP4 or WebM."
    )


def check_picture(path: Path, limits: VisitorLimits) -> None:
    """Check that `path` is a picture within the limits, without decoding it.

    Raises:
        LiaxError: If it is not.
    """
    _check_file(path, limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with open_picture(path) as image:
                pixels = image.width * image.height
    except Image.DecompressionBombError:
        pixels = Image.MAX_IMAGE_PIXELS or 0
    except PICTURE_ERRORS as error:
        raise LiaxError(f"{path} is not a picture that can be read; give a JPEG, PNG or WebP.") from error
    if pixels > limits.picture_megapixels * 1_000_000:
        raise LiaxError(
            f"{path} is too large; give a picture of up to {limits.picture_megapixels} megapixels."
        )


def check_video(path: Path, limits: VisitorLimits) -> None:
    """Check that `path` is a video within the limits by what its header says, without decoding it.

    Raises:
        LiaxError: If it is not.
    """
    _check_file(path, limits)
    try:
        with open_media(path) as container:
            streams = container.streams.video
            if not streams:
                raise LiaxError(f"{path} has no pictures in it; give a video such as an MP4.")
            pixels = max(stream.width * stream.height for stream in streams)
            declared = [
                stream.duration * stream.time_base
                for stream in streams
                if stream.duration and stream.time_base
            ]
            seconds = max([*declared, Fraction(container.duration or 0, av.time_base)])
    except (av.FFmpegError, OSError, ValueError) as error:
        raise LiaxError(
            f"{path} is not a video that can be read; give one such as an MP4 or WebM."
        ) from error
    if pixels > limits.video_megapixels * 1_000_000:
        raise LiaxError(f"{path} has too many pixels; give a video of up to 4K (3840 × 2160).")
    if seconds > limits.seconds:
        raise LiaxError(
            f"{path} lasts {float(seconds):.0f} s; cut it to {limits.seconds} s or less, "
            "the most that is made here at once."
        )


def check_motion(path: Path, limits: VisitorLimits) -> None:
    """Check that `path` is a motion template or track within the limits.

    Raises:
        LiaxError: If it is not.
    """
    _check_file(path, limits)
    if (load_template(path).total if path.suffix == SUFFIX else len(read_track(path).timing)) > limits.frames:
        raise LiaxError(f"{path} has too many frames; give a motion of up to {limits.frames}.")


def _check_file(path: Path, limits: VisitorLimits) -> None:
    if not path.is_file():
        raise LiaxError(f"{path} is not kept here any more; upload it again.")
    if path.stat().st_size > limits.megabytes * 1_000_000:
        raise LiaxError(f"{path} is too large; give a file of up to {limits.megabytes} MB.")
