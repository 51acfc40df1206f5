"""Which clips are evaluated, and which of their frames."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.data.frames import decode_with_opencv
from liax.errors import LiaxError


@dataclass(frozen=True)
class Clip:
    """One line of the manifest: a video already cropped around one face."""

    name: str
    path: Path
    identity: str


def list_clips(data: Path, split: str, limit: int | None = None) -> list[Clip]:
    """The clips of a split in the manifest's order; raises LiaxError when there are none."""
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise LiaxError(f"{manifest} does not exist; give the folder that holds manifest.csv with --data.")
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if rows and not {"file", "type", "split", "identity"} <= rows[0].keys():
        raise LiaxError(f"{manifest} lacks one of the columns file, type, split, identity.")
    chosen = [row for row in rows if row["type"] == "clip" and row["split"] == split][:limit]
    if not chosen:
        raise LiaxError(f"{manifest} lists no clip of the split '{split}'.")
    return [Clip(Path(row["file"]).stem, data / row["file"], row["identity"]) for row in chosen]


def select_frames(count: int, most: int | None) -> NDArray[np.int64]:
    """Indices of the frames compared in a clip of `count` frames, the source (frame 0) among them.

    Evenly spaced over the whole clip: floor(i (count - 1) / (most - 1)) for i = 0 … most - 1; every frame
    when `most` is None or not below `count`.
    """
    if count < 1 or (most is not None and most < 1):
        raise ValueError("count and most must be at least 1")
    if most is None or most >= count:
        return np.arange(count)
    if most == 1:
        return np.zeros(1, np.int64)
    return np.arange(most) * (count - 1) // (most - 1)


def read_clip(clip: Clip) -> NDArray[np.uint8]:
    """All frames of a clip, RGB uint8 (T, H, W, 3); a clip of the benchmark is short (10 s at 256²)."""
    try:
        from liax.media.video import Video
    except ImportError:  # a GPU node without PyAV
        frames = _read_with_opencv(clip.path)
    else:
        frames = [frame.rgb() for frame in Video(clip.path, "clip")]
    if frames[0].shape[0] != frames[0].shape[1]:
        raise LiaxError(f"{clip.path} is not square; give clips cropped around the face.")
    return np.stack(frames)


def _read_with_opencv(path: Path) -> list[NDArray[np.uint8]]:
    frames = list(decode_with_opencv(path))
    if not frames:
        raise LiaxError(f"{path} has no frame that can be decoded; copy the clip again.")
    return frames
