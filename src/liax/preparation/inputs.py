"""The videos that a data set is made from, known by their content."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from liax.errors import LiaxError
from liax.files import refuse_stream
from liax.media.footage import PICTURES
from liax.media.video import Video
from liax.preparation.segment import SEGMENT_SECONDS, Segment
from liax.preparation.selection import evenly_spaced

# Endings of files in a folder that are not videos and are skipped silently.
_TEXTS = (".txt", ".md", ".csv", ".json", ".parquet", ".npz", ".srt", ".vtt")
_SOUNDS = (".wav", ".mp3", ".flac", ".m4a", ".ogg")
_OTHERS = (*PICTURES, *_TEXTS, *_SOUNDS)
_KEY_LENGTH = 16


@dataclass(frozen=True)
class InputVideo:
    """A file that is to be prepared.

    Args:
        key: The SHA-256 of its content, shortened.
        seconds, width, height, rate: The video's length, size in pixels and frames per second.
        problem: Why it cannot be used; then its length is 0.
    """

    path: Path
    key: str
    seconds: float = 0.0
    width: int = 0
    height: int = 0
    rate: float = 0.0
    problem: str | None = None

    def segments(self, most: int | None = None) -> list[Segment]:
        """Its minutes, which are processed independently: all, or at most so many, evenly spaced."""
        count = math.ceil(self.seconds / SEGMENT_SECONDS)
        chosen = range(count) if most is None else sorted(evenly_spaced(count, most))
        return [Segment(self.key, k, self.path) for k in chosen]

    def seconds_of(self, segment: Segment) -> float:
        """The length of a segment: 60 seconds, or what is left for the last."""
        return min(SEGMENT_SECONDS, self.seconds - segment.number * SEGMENT_SECONDS)


def list_videos(paths: Sequence[Path]) -> list[Path]:
    """Files as they are, and those in folders that are not hidden and might be videos by their ending.

    In order of their names, each once.

    Raises:
        LiaxError: For what does not exist, and when nothing is left.
    """
    if not paths:
        raise LiaxError("There is nothing to prepare; give videos, or folders of videos.")
    files: set[Path] = set()
    for path in paths:
        if path.is_dir():
            files |= {file for file in path.rglob("*") if file.is_file() and _might_be_video(file, path)}
        elif path.exists():
            files.add(path)
        else:
            raise LiaxError(f"{path} does not exist; give videos, or folders of videos.")
    if not files:
        raise LiaxError(
            f"{', '.join(map(str, paths))} has no video in it; give videos, or folders of videos."
        )
    return sorted(files)


def _might_be_video(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return not hidden and file.suffix.lower() not in _OTHERS


def inspect_video(path: Path) -> InputVideo:
    """Read the file once, without decoding it."""
    try:
        refuse_stream(path, "video")
    except LiaxError as error:
        return InputVideo(path, "", problem=error.problem.removeprefix(f"{path} "))
    try:
        with path.open("rb") as file:
            key = hashlib.file_digest(file, "sha256").hexdigest()[:_KEY_LENGTH]
    except OSError as error:
        return InputVideo(path, "", problem=f"cannot be read ({error.strerror})")
    try:
        video = Video(path, threads=1)
        seconds = float(video.count_seconds())
    except LiaxError as error:
        return InputVideo(path, key, problem=str(error).removeprefix(f"{path} ").partition(";")[0])
    return InputVideo(path, key, seconds, video.width, video.height, round(float(video.rate), 3))


def split_duplicates(inputs: Iterable[InputVideo]) -> tuple[list[InputVideo], list[tuple[InputVideo, Path]]]:
    """The first of each content, and the others, each with the path of the first."""
    first: dict[str, InputVideo] = {}
    duplicates = []
    for item in sorted(inputs, key=lambda item: item.path):
        if item.key and item.key in first:
            duplicates.append((item, first[item.key].path))
        else:
            first[item.key or str(item.path)] = item
    return list(first.values()), duplicates
