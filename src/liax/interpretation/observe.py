"""What the network reads in faces, beside what an instrument measures in them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.data.frames import decode_item
from liax.data.manifest import Item, Manifest
from liax.errors import LiaxError
from liax.files import atomic_file
from liax.interpretation.instrument import Instrument
from liax.portrait.animator import Animator
from liax.progress import Progress, no_progress


@dataclass(frozen=True)
class Observations:
    """N frames of faces.

    Args:
        alpha_NM: float32, the network's motion coefficients.
        factors_NF: float64, what is known of the face, NaN where it is not.
        clip_N: int64, index into `clips` of the clip (or still, or rendered person) that a frame is of.
        clips: Their names.
        factors: The names of factors_NF's columns.
    """

    alpha_NM: NDArray[np.float32]
    factors_NF: NDArray[np.float64]
    clip_N: NDArray[np.int64]
    clips: tuple[str, ...]
    factors: tuple[str, ...]

    def __post_init__(self) -> None:
        frames = {len(self.alpha_NM), len(self.factors_NF), len(self.clip_N)}
        if len(frames) > 1 or self.factors_NF.shape[1:] != (len(self.factors),):
            raise ValueError("coefficients, factors and clips are not of the same frames")

    def save(self, path: Path) -> None:
        """As npz, whole or not at all.

        Raises:
            LiaxError: When it cannot be written.
        """
        with atomic_file(path) as file:
            np.savez_compressed(
                file,
                alpha=self.alpha_NM,
                measured=self.factors_NF,
                clip=self.clip_N,
                clips=np.array(self.clips, np.str_),
                factors=np.array(self.factors, np.str_),
            )


def load_observations(path: Path) -> Observations:
    """Inverse of `Observations.save`; raises LiaxError for a file that is missing or none of these."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return Observations(
                file["alpha"],
                file["measured"],
                file["clip"],
                tuple(file["clips"].tolist()),
                tuple(file["factors"].tolist()),
            )
    except (OSError, ValueError, KeyError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise LiaxError(f"{path} holds no observations ({error}); delete it, and observe anew.") from None


def observe(
    animator: Animator,
    manifest: Manifest,
    instrument: Instrument,
    frames: int = 60,
    progress: Progress = no_progress,
) -> Observations:
    """Coefficients and measures of at most `frames` frames of every clip, evenly spaced, and of every still.

    Clips are read as a stream; memory holds a batch and what is waiting to be measured.

    Raises:
        LiaxError: For what cannot be decoded or is not square.
    """
    total = sum(min(item.frames, frames) for item in manifest.items)
    clips: list[int] = []

    def squares() -> Iterator[NDArray[np.uint8]]:
        for index, item in enumerate(manifest.items):
            for frame_RR3 in _spaced(manifest.folder, item, frames):
                clips.append(index)
                yield frame_RR3

    alpha_NM, factors_NF = _observe_frames(animator, instrument, squares(), total, progress)
    return Observations(
        alpha_NM,
        factors_NF,
        np.array(clips, np.int64),
        tuple(item.file for item in manifest.items),
        tuple(instrument.factors),
    )


def read_coefficients(
    animator: Animator, images: Iterable[NDArray[np.uint8]]
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Every RGB uint8 image with the network's coefficients (M,) of it, as they come, a batch at a time."""
    waiting: list[NDArray[np.uint8]] = []

    def flush() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
        if waiting:
            yield from zip(waiting, animator.encode(waiting).alpha_BM.float().cpu().numpy(), strict=True)
            waiting.clear()

    for image_HW3 in images:
        waiting.append(image_HW3)
        if len(waiting) == animator.batch_size:
            yield from flush()
    yield from flush()


def _observe_frames(
    animator: Animator,
    instrument: Instrument,
    images: Iterable[NDArray[np.uint8]],
    total: int,
    progress: Progress,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The instrument pulls the images through the network: each is in memory once."""
    alphas: list[NDArray[np.float32]] = []

    def passing() -> Iterator[NDArray[np.uint8]]:
        for image_RR3, alpha_M in read_coefficients(animator, images):
            alphas.append(alpha_M)
            yield image_RR3
            progress("observing faces", len(alphas), total)

    factors_NF = instrument.measure(passing())
    return np.stack(alphas), factors_NF


def _spaced(folder: Path, item: Item, most: int) -> Iterator[NDArray[np.uint8]]:
    """Frames floor(i (n - 1) / (most - 1)) of an item's n, or all where there are fewer."""
    if most < 1:
        raise ValueError("frames must be at least 1")
    count = min(item.frames, most)
    chosen = {i * (item.frames - 1) // max(count - 1, 1) for i in range(count)}
    for number, frame_HW3 in enumerate(decode_item(folder, item)):
        if number in chosen:
            if frame_HW3.shape[0] != frame_HW3.shape[1]:
                raise LiaxError(f"{folder / item.file} is not square; give clips cropped around the face.")
            yield frame_HW3
