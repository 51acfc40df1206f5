"""What is evaluated: a network, copying the source, another tool's videos, or outputs that were kept."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from liax.errors import LiaxError
from liax.evaluation.clips import VIDEOS, Trial, read_frames
from liax.evaluation.options import Precision
from liax.files import atomic_file
from liax.media.images import read_image
from liax.model import LIAX, PRESETS
from liax.model.pixels import unit_from_uint8
from liax.portrait.animator import Animator
from liax.portrait.motion import Transfer
from liax.weights import fingerprint, load

log = logging.getLogger(__name__)

DrawFrames = Callable[[NDArray[np.int64], NDArray[np.uint8]], tuple[Tensor, Tensor | None]]
"""Frame numbers (B,) and these driving frames (B, R, R, 3), RGB uint8, to outputs (B, 3, R, R), float32 in
[0, 1], and coefficients (B, M) if there are any. Called with numbers that grow, the first being 0."""


@dataclass(frozen=True)
class DrawingFacts:
    """How a network draws, named beside its numbers.

    Args:
        device: "cpu (threads: 2)", or the GPU's name.
        precision: In which maps are computed, "float32", "bfloat16" or "float16".
        limits: Whether coefficients stop at the weights' limits (`liax.weights.controls.CoefficientLimits`);
            False for weights without them.
    """

    device: str
    precision: str
    limits: bool


def drawing_facts(animator: Animator, limits: bool = False) -> DrawingFacts:
    """How this animator draws.

    Args:
        limits: Whether its weights' limits are applied.
    """
    if animator.device.type == "cuda":
        device = torch.cuda.get_device_name(animator.device)
    else:
        device = f"{animator.device.type} (threads: {torch.get_num_threads()})"
    precision = str(animator.dtype).removeprefix("torch.")
    return DrawingFacts(device, precision, limits and animator.controls.limits is not None)


class Reenactor(Protocol):
    """Draws driving frames from a source.

    Attributes:
        name: What tables call it.
        key: Changes whenever its outputs could.
        facts: How it draws; None if it draws nothing itself, and its time means nothing.
    """

    @property
    def name(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def facts(self) -> DrawingFacts | None: ...

    def prepare(self, trial: Trial, source_RR3: NDArray[np.uint8], frames: int) -> DrawFrames:
        """Make ready for one trial.

        Args:
            source_RR3: RGB uint8.
            frames: How many frames the driving clip has.
        """
        ...


@dataclass(frozen=True)
class CopySource:
    """No model: every output is the source."""

    name: str = "copy the source"
    key: str = "copy"
    facts: DrawingFacts | None = None

    def prepare(self, trial: Trial, source_RR3: NDArray[np.uint8], frames: int) -> DrawFrames:
        source_13RR = unit_pictures(source_RR3[None])
        return lambda numbers_B, driving_BRR3: (source_13RR.expand(len(numbers_B), -1, -1, -1), None)


@dataclass(frozen=True)
class NetworkReenactor:
    """What `liax animate` makes of a trial: the same encoding, transfer, limits, decoding, precision and 8
    bits; but the head is not held where its pose leaves the controls' ranges, so that far turns count.

    A clip's own first frame takes over the driving's coefficients, z_sr + Q a_t. Another person keeps the own
    pose and gets the driving's change, z_sr + Q (a_s + a_t − a_1) (equation 8), unless `absolute`.

    Args:
        animator: The network on its device, in its precision.
        name: What tables call it.
        key: Changes whenever its outputs could.
        absolute: Take over the driving's pose in cross-reenactment, too.
    """

    animator: Animator
    name: str
    key: str
    absolute: bool = False

    @property
    def facts(self) -> DrawingFacts:
        return drawing_facts(self.animator, limits=True)

    def prepare(self, trial: Trial, source_RR3: NDArray[np.uint8], frames: int) -> DrawFrames:
        animator, source = self.animator, self.animator.encode([source_RR3])
        relative = trial.source != trial.driving and not self.absolute
        transfer = Transfer(relative, limits=animator.controls.limits)
        source_M, first_M = source.alpha_BM[0].cpu().numpy(), None

        def draw(numbers_B: NDArray[np.int64], driving_BRR3: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
            nonlocal first_M
            alpha_BM = animator.encode(driving_BRR3).alpha_BM.cpu().numpy()
            first_M = alpha_BM[0] if first_M is None else first_M
            moved = [transfer.moved(source_M, alpha_M, first_M) for alpha_M in alpha_BM]
            output_BRR3 = np.stack(list(animator.render(source, moved, len(moved))))
            image_B3RR = resize_bicubic(unit_pictures(output_BRR3), source_RR3.shape[0]).clamp(0, 1)
            return image_B3RR, torch.from_numpy(alpha_BM)

        return draw


@dataclass(frozen=True)
class VideoReenactor:
    """What another tool made: in `folder`, for each trial, a video or a folder of frames of its name.

    It has a frame for each driving frame. Other sizes are resized, bicubic, with a warning in the log.
    """

    folder: Path
    facts: DrawingFacts | None = None

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @cached_property
    def key(self) -> str:
        if not self.folder.is_dir():
            raise LiaxError(f"{self.folder} is no folder; give the one that holds the videos to evaluate.")
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            facts = path.stat()
            digest.update(f"{path.relative_to(self.folder)} {facts.st_size} {facts.st_mtime_ns}\n".encode())
        return f"videos {digest.hexdigest()[:16]}"

    def prepare(self, trial: Trial, source_RR3: NDArray[np.uint8], frames: int) -> DrawFrames:
        side = source_RR3.shape[0]
        pictures = self._pictures(trial, frames, side)
        at = -1

        def draw(numbers_B: NDArray[np.int64], driving_BRR3: NDArray[np.uint8]) -> tuple[Tensor, None]:
            nonlocal at
            chosen = []
            for number in numbers_B:
                while at < number:
                    next_HW3, at = next(pictures, None), at + 1
                    if next_HW3 is None:
                        raise LiaxError(f"The video of {trial.name} has changed; start again.")
                    picture_HW3 = next_HW3
                chosen.append(resize_bicubic(unit_pictures(picture_HW3[None]), side).clamp(0, 1))
            return torch.cat(chosen), None

        return draw

    def _pictures(self, trial: Trial, frames: int, side: int) -> Iterator[NDArray[np.uint8]]:
        """The frames, counted first, for a shift of one would be measured as bad motion."""
        path = self._find(trial)
        shapes, count = set(), 0
        for frame_HW3 in read_frames(path):
            shapes.add(frame_HW3.shape)
            count += 1
        if count != frames:
            raise LiaxError(
                f"{path} has {count} frames and {trial.driving.path} {frames}; "
                "give a video with one frame for each driving frame, the first included."
            )
        if any(height != width for height, width, _ in shapes):
            raise LiaxError(f"{path} is not square; give videos of the cropped face.")
        if any(height != side for height, _, _ in shapes):
            log.warning(f"{path} is {next(iter(shapes))[0]} pixels wide; it is resized to {side}.")
        return read_frames(path)

    def _find(self, trial: Trial) -> Path:
        for path in [self.folder / f"{trial.name}{ending}" for ending in ("", *VIDEOS)]:
            if path.exists():
                return path
        raise LiaxError(f"{self.folder} has no video {trial.name} ({', '.join(VIDEOS)}); add it.")


# Of the WebP pictures that are kept: 15 kB a frame of 256².
_QUALITY = 95


@dataclass(frozen=True)
class CachedFrames:
    """Outputs of one trial as pictures in `folder`: one machine can measure what another has drawn."""

    folder: Path

    def has(self, numbers: NDArray[np.int64]) -> bool:
        """Whether all of these frames are there."""
        return all(self._path(number).exists() for number in numbers)

    def write(self, numbers_B: NDArray[np.int64], output_BRR3: NDArray[np.uint8]) -> None:
        """Add some frames, RGB uint8."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for number, output_RR3 in zip(numbers_B, output_BRR3, strict=True):
            packed = io.BytesIO()
            Image.fromarray(output_RR3).save(packed, "WEBP", quality=_QUALITY)
            with atomic_file(self._path(number)) as file:
                file.write(packed.getbuffer())

    def draw(self) -> DrawFrames:
        """Reads the frames instead of drawing them."""

        def read(numbers_B: NDArray[np.int64], driving_BRR3: NDArray[np.uint8]) -> tuple[Tensor, None]:
            return torch.cat([unit_pictures(read_image(self._path(n))[None]) for n in numbers_B]), None

        return read

    def _path(self, number: int | np.int64) -> Path:
        return self.folder / f"{number:06d}.webp"


def unit_pictures(frames_BHW3: NDArray[np.uint8]) -> Tensor:
    """RGB uint8 (B, H, W, 3) as float32 (B, 3, H, W) in [0, 1]."""
    return unit_from_uint8(torch.tensor(frames_BHW3).permute(0, 3, 1, 2))


def resize_bicubic(images_B3HW: Tensor, side: int) -> Tensor:
    """Bicubic, antialiased when it shrinks; unchanged when the side is right already."""
    if images_B3HW.shape[-1] == side:
        return images_B3HW
    return F.interpolate(images_B3HW, (side, side), mode="bicubic", antialias=True)


def open_network(
    weights: str = "small",
    device: str | torch.device | None = None,
    *,
    precision: Precision = "auto",
    absolute: bool = False,
    size: int | None = None,
) -> NetworkReenactor:
    """The network of a bundled name, weights file or hub name, as `liax animate` opens it.

    Args:
        device: "cpu", "cuda", "cuda:N" or "mps"; None takes the fastest present.
        precision: "auto" is what `liax animate` takes on this device: half precision where it is native.
        absolute: Take over the driving's pose in cross-reenactment, too.
        size: Side of the pictures that it draws, as in `liax.load`.

    Raises:
        LiaxError: If the weights cannot be loaded, or there is no such device.
    """
    animator = Animator(load(weights, size=size), device, DTYPES[precision])
    key = f"weights {fingerprint(animator.network)}"
    return NetworkReenactor(animator, Path(weights).name, _key(key, animator, absolute), absolute)


def open_untrained(
    preset: str, device: str | torch.device | None = None, *, precision: Precision = "auto"
) -> NetworkReenactor:
    """A network of a preset with random weights (seed 0), to try an evaluation with."""
    if preset not in PRESETS:
        raise LiaxError(f"'{preset}' is no preset; choose one of {', '.join(PRESETS)}.")
    torch.manual_seed(0)
    animator = Animator(LIAX(PRESETS[preset]), device, DTYPES[precision])
    return NetworkReenactor(animator, f"untrained {preset}", _key(f"random {preset}", animator, False))


DTYPES: dict[Precision, torch.dtype | None] = {
    "auto": None,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def _key(network: str, animator: Animator, absolute: bool) -> str:
    facts = drawing_facts(animator, limits=True)
    parts = [network, facts.precision, "limits" if facts.limits else "no limits"]
    parts += [f"drawn at {animator.size}"] if animator.size != animator.seen_size else []
    return ", ".join([*parts, "absolute"] if absolute else parts)
