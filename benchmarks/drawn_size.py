"""What does `--size` save, and what does it cost?

    python benchmarks/drawn_size.py DATA --weights W.safetensors [-o results.json]

For some clips of the split, the first frame is the source and the clip drives it. Every frame is drawn at the
network's own size and at half of it, in turns, with one encoding of the driving frame for both. Both are
compared at half the size: with each other, and with the clip's own frame, reduced.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro
from numpy.typing import NDArray

from liax.evaluation.clips import list_clips
from liax.evaluation.reenactors import resize_bicubic, unit_pictures
from liax.media.images import write_image
from liax.media.video import Video
from liax.portrait import Animator
from liax.weights import load


@dataclass(frozen=True)
class Settings:
    """Compare pictures of the network's size with those of half of it."""

    data: Annotated[Path, tyro.conf.Positional]
    """Folder with manifest.csv and the clips."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Where to write the figures, a .json."""
    weights: str = "small"
    """Name or file of the weights."""
    split: str = "val512"
    """Of the manifest."""
    limit: int = 5
    """How many clips, of as many people."""
    frames: int = 12
    """How many frames of each, evenly spaced in its first 60."""
    device: str | None = None
    """cpu, cuda, cuda:N or mps; by default the fastest there is."""
    sheet: Path | None = None
    """Where to draw, for each clip, its last frame: driving, reduced, drawn at half the size."""


@dataclass(frozen=True)
class Cost:
    """Medians over all frames.

    Args:
        drawing, whole: Time at half the size over that at the full size: of drawing a frame, and of encoding
            its driving frame as well.
        psnr: dB of pictures drawn at half the size to those drawn at the full size and reduced.
        truth, truth_reduced: dB to the clip's own frames, of the two; means.
    """

    size: int
    device: str
    drawing: float
    whole: float
    psnr: float
    truth: float
    truth_reduced: float


def main(settings: Settings) -> None:
    full = Animator(load(settings.weights), settings.device)
    half = Animator(load(settings.weights, size=full.size // 2), settings.device)
    first_of = {c.identity: c.path for c in reversed(list_clips(settings.data, settings.split))}
    times, scores, rows = [], [], []
    for path in list(first_of.values())[: settings.limit]:
        seconds, score, shown = zip(*compared(full, half, path, settings.frames), strict=True)
        times.extend(seconds)
        scores.extend(score)
        rows.append(np.concatenate(shown[-1], 1))
    times_N3, scores_N3 = np.median(times, 0), np.array(scores)
    encoding, drawing, drawing_half = times_N3
    cost = Cost(
        half.size,
        str(full.device),
        drawing_half / drawing,
        (encoding + drawing_half) / (encoding + drawing),
        float(np.median(scores_N3[:, 0])),
        *scores_N3[:, 1:].mean(0).tolist(),
    )
    print(json.dumps(asdict(cost), indent=1))
    if settings.output is not None:
        settings.output.write_text(json.dumps(asdict(cost), indent=1) + "\n")
    if settings.sheet is not None:
        write_image(settings.sheet, np.concatenate(rows))


def compared(
    full: Animator, half: Animator, path: Path, count: int
) -> Iterator[tuple[list[float], list[float], list[NDArray[np.uint8]]]]:
    """Of each frame: seconds of encoding and of both drawings; the three PSNR; the three pictures."""
    frames = [frame.rgb() for frame in islice(Video(path), 60)]
    source = full.encode(frames[:1])
    kept = source._replace(features=source.features[:-1])
    for number in np.linspace(1, len(frames) - 1, count).astype(int):
        started = time.perf_counter()
        alpha_M = full.encode([frames[number]]).alpha_BM[0].cpu().numpy()
        encoded = time.perf_counter()
        (large_RR3,) = full.render(source, [alpha_M])
        drawn = time.perf_counter()
        (small_RR3,) = half.render(kept, [alpha_M])
        seconds = [encoded - started, drawn - encoded, time.perf_counter() - drawn]
        reduced, truth, small = (reduced_to(p, half.size) for p in (large_RR3, frames[number], small_RR3))
        score = [psnr(small, reduced), psnr(small, truth), psnr(reduced, truth)]
        yield seconds, score, [(255 * p[0]).byte().permute(1, 2, 0).numpy() for p in (truth, reduced, small)]


def reduced_to(picture_RR3: NDArray[np.uint8], side: int) -> torch.Tensor:
    return resize_bicubic(unit_pictures(picture_RR3[None]), side).clamp(0, 1)


def psnr(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(-10 * (one - other).square().mean().log10())


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
