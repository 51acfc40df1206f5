"""What bfloat16 buys on this processor, and what it costs in the picture.

    python benchmarks/precision.py [--device cpu] [--weights small] [--frames 24]

Animates the demo's portrait by the demo's clip in float32 and in bfloat16, one after the other, three times;
prints the median time of a frame in each, their ratio, and how far the pictures differ, in levels of 256.
"""

from __future__ import annotations

import argparse
import statistics
import time
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import liax
from liax.media.video import Video
from liax.portrait.device import keep_freed_memory
from liax.portrait.precision import choose_precision


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--weights", default="small")
    parser.add_argument("--frames", type=int, default=24)
    options = parser.parse_args()
    keep_freed_memory()
    assets = Path(str(files("liax.assets")))
    source_HW3 = np.array(Image.open(assets / "demo_portrait.jpg").convert("RGB"))
    driving = [frame.rgb() for frame in islice(Video(assets / "demo_driving.mp4"), options.frames)]
    seconds: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    made: dict[torch.dtype, NDArray[np.uint8]] = {}
    for _ in range(3):
        for dtype, taken in seconds.items():
            animator = liax.Animator(liax.load(options.weights), options.device, dtype)
            list(animator.animate(source_HW3, driving[:2]))
            start = time.perf_counter()
            made[dtype] = np.stack(list(animator.animate(source_HW3, driving)))
            taken.append((time.perf_counter() - start) / len(driving))
    exact, half = (statistics.median(taken) for taken in seconds.values())
    off = np.abs(made[torch.float32].astype(int) - made[torch.bfloat16])
    chosen = choose_precision(torch.device(options.device))
    print(f"threads: {torch.get_num_threads()}; chosen here: {chosen}")
    print(f"float32 {1e3 * exact:.0f} ms a frame, bfloat16 {1e3 * half:.0f} ms: {exact / half:.2f} x")
    psnr = 10 * np.log10(255**2 / np.square(off).mean())
    largest = np.quantile(off, 0.999)
    print(f"{off.mean():.2f} levels apart on average, 99.9 % within {largest:.0f}; {psnr:.1f} dB")


if __name__ == "__main__":
    main()
