"""Outputs of one clip with their scores, in memory or as a file that another machine measures."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from liax.errors import LiaxError
from selfreenactment.clips import select_frames
from selfreenactment.fidelity import fidelity
from selfreenactment.subjects import Subject, to_unit

# Of WebP pictures in a file; scores are taken before, so only faces are measured on them.
_QUALITY = 95


@dataclass(frozen=True)
class Protocol:
    """frames: most frames compared per clip, None for all. follow: first frames whose faces are measured."""

    frames: int | None
    follow: int


@dataclass(frozen=True)
class Drawn:
    """A clip's outputs.

    indices: which frames were drawn, ascending. outputs_THW3: they, RGB uint8. compared: which have scores.
    scores_T3: L1, PSNR, SSIM of `compared`, before quantisation. alpha_TM: coefficients of `indices`, if any.
    """

    indices: NDArray[np.int64]
    outputs_THW3: NDArray[np.uint8]
    compared: NDArray[np.int64]
    scores_T3: NDArray[np.float64]
    alpha_TM: NDArray[np.float32] | None

    def save(self, path: Path) -> None:
        """About 15 kB a frame of 256²; appears whole or not at all."""
        pictures = [_encode(picture) for picture in self.outputs_THW3]
        arrays: dict[str, Any] = {
            "indices": self.indices,
            "bytes": np.frombuffer(b"".join(pictures), np.uint8),
            "lengths": np.array([len(p) for p in pictures]),
            "compared": self.compared,
            "scores": self.scores_T3,
        }
        if self.alpha_TM is not None:
            arrays["alpha"] = self.alpha_TM
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **arrays)
        part.replace(path)


def load_drawn(path: Path) -> Drawn:
    """Inverse of `Drawn.save`, but for what WebP lost."""
    if not path.is_file():
        raise LiaxError(f"{path} does not exist; let draw.py finish, or give its folder with --drawn.")
    with np.load(path) as kept:
        ends = np.cumsum(kept["lengths"])
        data = kept["bytes"]
        pictures = [
            _decode(data[end - n : end].tobytes()) for end, n in zip(ends, kept["lengths"], strict=True)
        ]
        alpha_TM = kept.get("alpha")
        return Drawn(kept["indices"], np.stack(pictures), kept["compared"], kept["scores"], alpha_TM)


def draw(frames_THW3: NDArray[np.uint8], subject: Subject, protocol: Protocol) -> Drawn:
    """Reenact frame 0 by all frames that the protocol compares or follows; scores are computed on the CPU."""
    compared = select_frames(len(frames_THW3), protocol.frames)
    indices = np.union1d(compared, np.arange(min(len(frames_THW3), protocol.follow)))
    outputs, scores, alphas = [], [], []
    done = 0
    with torch.inference_mode():
        for output_B3HW, alpha_BM in subject.reenact(frames_THW3[0], frames_THW3[indices]):
            batch = indices[done : done + len(output_B3HW)]
            done += len(batch)
            output = output_B3HW.cpu()
            kept = np.isin(batch, compared)
            if kept.any():
                target = to_unit(frames_THW3[batch[kept]])
                scores.append(fidelity(output[torch.from_numpy(kept)], target).double().numpy())
            outputs.append((output * 255).round().byte().permute(0, 2, 3, 1).numpy())
            if alpha_BM is not None:
                alphas.append(alpha_BM.numpy())
    alpha_TM = np.concatenate(alphas) if alphas else None
    return Drawn(indices, np.concatenate(outputs), compared, np.concatenate(scores), alpha_TM)


def _encode(picture_HW3: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture_HW3).save(file, "WEBP", quality=_QUALITY)
    return file.getvalue()


def _decode(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
