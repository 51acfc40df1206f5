"""Which clips are evaluated, how they are read, which of their frames are compared, and who drives whom.

A trial is one output that is made and measured: self-reenactment, where a clip drives its own first frame,
or cross-reenactment, where it drives another person's portrait.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liax.bounded import parse_csv, read_bytes, short
from liax.data.frames import decode, decode_with_opencv
from liax.data.manifest import is_within_shard, manifest_in, read_manifest
from liax.errors import LiaxError, OptionError

VIDEOS = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg")
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


@dataclass(frozen=True)
class EvaluationClip:
    """A video, a folder of its frames, or a still, which is a clip of one frame.

    Args:
        name: Unique in its data set, fit for a file's name.
        identity: Whose face it shows.
        frames: How many there are as far as the data set says; they are counted when they are read.
    """

    name: str
    path: Path
    identity: str
    frames: int | None = None


def list_clips(
    data: Path, split: str, limit: int | None = None, kind: Literal["clip", "portrait"] = "clip"
) -> list[EvaluationClip]:
    """The clips of a data set, or its stills; none where it has none of that kind.

    Args:
        data: A manifest (`liax.data.manifest`), of which `split` is taken; a folder with one; or any folder
            of videos, searched with all folders in it, in the order of their names. A folder of pictures
            counts as a video if there are no others. Without a manifest, a clip's person is the part of its
            name before "#" (VoxCeleb's), else its folder if there are several, else the clip itself.
        limit: Only the first `limit` of them.
        kind: Clips, or stills.

    Raises:
        LiaxError: If there is no clip.
    """
    if not data.exists():
        raise LiaxError(f"{data} does not exist; give a folder of videos, or a manifest.")
    if data.is_file() or manifest_in(data):
        manifest = read_manifest(data, split)
        clips = [
            EvaluationClip(Path(item.file).stem, item.path(manifest.folder), item.identity, item.frames)
            for item in manifest.items
            if item.kind == kind
        ]
        if not clips and kind == "clip":
            raise OptionError(
                {"split": split}, f"{data} lists no clip of the split '{split}'", "choose another split"
            )
    elif kind == "portrait":
        return []
    else:
        clips = [EvaluationClip(path.stem, path, _identity(path)) for path in _video_files(data)]
        if not clips:
            raise LiaxError(f"{data} has no video in it; give a folder of videos ({', '.join(VIDEOS)}).")
        if len({clip.path.parent for clip in clips}) == 1:
            clips = [clip if "#" in clip.name else replace(clip, identity=clip.name) for clip in clips]
    root = data if data.is_dir() else data.parent
    return _distinct(clips, root)[:limit]


def read_frames(path: Path) -> Iterator[NDArray[np.uint8]]:
    """The frames of a clip as RGB uint8 (H, W, 3), one at a time; videos by OpenCV where PyAV is missing.

    Raises:
        LiaxError: If nothing can be decoded.
    """
    if is_within_shard(path):
        yield from _shard_frames(path)
        return
    try:
        from liax.media.footage import open_footage
    except ImportError:  # a GPU node without PyAV
        yield from _without_pyav(path)
    else:
        for picture in open_footage(path, "clip"):
            yield picture.rgb()


def select_frames(count: int, most: int | None) -> NDArray[np.int64]:
    """Indices of the frames compared in a clip of `count` frames, the first one among them.

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


def _shard_frames(path: Path) -> Iterator[NDArray[np.uint8]]:
    frame_HW3 = None
    try:
        for frame_HW3 in decode(path):
            yield frame_HW3
        if frame_HW3 is None:
            raise ValueError("no frame in it")
    except ValueError as error:
        raise LiaxError(f"{path} cannot be decoded ({error}); prepare the data set again.") from None


def _without_pyav(path: Path) -> Iterator[NDArray[np.uint8]]:
    frame_HW3 = None
    if path.is_dir():
        raise LiaxError(f"{path} is a folder of frames, which needs the package av; give videos.")
    if path.suffix.lower() in _PICTURES:
        from liax.media.images import read_image

        yield read_image(path)
        return
    for frame_HW3 in decode_with_opencv(path):
        yield frame_HW3
    if frame_HW3 is None:
        raise LiaxError(f"{path} has no frame that can be decoded; copy the clip again.")


def _video_files(data: Path) -> list[Path]:
    files = sorted(p for p in data.rglob("*") if p.is_file() and not p.name.startswith("."))
    videos = [path for path in files if path.suffix.lower() in VIDEOS]
    if videos:
        return videos
    return sorted({path.parent for path in files if path.suffix.lower() in _PICTURES})


def _identity(path: Path) -> str:
    before, mark, _ = path.name.partition("#")
    return before if mark else path.parent.name


def _distinct(clips: list[EvaluationClip], root: Path) -> list[EvaluationClip]:
    """Names that occur more than once get their folders' in front."""
    times = Counter(clip.name for clip in clips)
    return [
        clip
        if times[clip.name] == 1
        else replace(clip, name="_".join(clip.path.relative_to(root).with_suffix("").parts))
        for clip in clips
    ]


@dataclass(frozen=True)
class Trial:
    """One output that is made and measured.

    Args:
        name: Unique, fit for a file's name, and the name of another tool's video of it.
        source: Its first frame is the portrait.
        driving: Its frames drive.
    """

    name: str
    source: EvaluationClip
    driving: EvaluationClip


def self_trials(clips: Sequence[EvaluationClip]) -> list[Trial]:
    """Each clip drives its own first frame, so that every output has a ground truth."""
    return [Trial(clip.name, clip, clip) for clip in clips]


def cross_trials(
    clips: Sequence[EvaluationClip], stills: Sequence[EvaluationClip], sources: int, seed: int
) -> list[Trial]:
    """Each clip drives `sources` portraits of other people, drawn at random without repetition.

    Args:
        stills: The portraits; without any, the clips' first frames.
        sources: How many portraits each clip drives.

    Raises:
        OptionError: If a clip has fewer other people than `sources`.
    """
    random = np.random.default_rng(seed)
    trials = []
    for clip in clips:
        people: dict[str, list[EvaluationClip]] = {}
        for other in stills or clips:
            if other.identity != clip.identity:
                people.setdefault(other.identity, []).append(other)
        if len(people) < sources:
            raise OptionError(
                {"sources": sources},
                f"{clip.path} can drive {len(people)} other people, not {sources}",
                "choose fewer sources, or give the pairs",
            )
        for person in random.choice(sorted(people), sources, replace=False):
            source = people[person][random.integers(len(people[person]))]
            trials.append(_cross(source, clip))
    return trials


_PAIRS_BYTES = 16 << 20


def read_pairs(path: Path, known: Sequence[EvaluationClip]) -> list[Trial]:
    """The trials of a CSV with the columns source and driving.

    Each is the name of a clip or still in `known`, or a file, by its path from the CSV's folder.

    Raises:
        LiaxError: If the CSV lacks these columns or any line, or names what does not exist.
    """
    try:
        _, rows = parse_csv(read_bytes(path, _PAIRS_BYTES), ("source", "driving"))
    except OSError as error:
        raise LiaxError(f"{path} cannot be read ({error.strerror}); give a CSV of pairs.") from None
    except UnicodeDecodeError:
        raise LiaxError(f"{path} is not a UTF-8 CSV file; save the pairs as UTF-8.") from None
    except ValueError as error:
        raise LiaxError(f"{path} is no list of pairs ({short(error)}); correct it there.") from None
    if not rows or not {"source", "driving"} <= rows[0].keys():
        raise LiaxError(f"{path} has no line, or lacks the column source or driving; add them.")
    by_name = {clip.name: clip for clip in known}

    def find(text: str) -> EvaluationClip:
        if text in by_name:
            return by_name[text]
        file = path.parent / text
        if not text or "\0" in text or not os.path.exists(file):
            raise LiaxError(f"{path} names {short(text)}, which is neither in the data nor a file beside it.")
        return EvaluationClip(file.stem, file, file.stem)

    trials = [_cross(find(row["source"]), find(row["driving"])) for row in rows]
    if len({trial.name for trial in trials}) < len(trials):
        raise LiaxError(f"{path} lists a pair twice, or files of one name; make their names differ.")
    return trials


def _cross(source: EvaluationClip, driving: EvaluationClip) -> Trial:
    return Trial(f"{source.name}__{driving.name}", source, driving)
