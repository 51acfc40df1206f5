"""Whether a GPU draws what a CPU draws: PSNR between their pictures, for every kind of work.

    python benchmarks/agreement.py [--device cuda] [--dtype float16] [--frames 8] [--json OUT]
    python benchmarks/agreement.py --table benchmarks/results/agreement-h200.json

The bundled weights animate and edit the demo's portrait and video, on the CPU in float32 and on the other
device as `Animator` runs the network there. Of each kind of work the lowest and the mean PSNR.
The file of results is written anew after each of them.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from liax import load
from liax.face.crop import resize
from liax.media.images import read_image
from liax.options import AnimateOptions, EditOptions, EditVideoOptions
from liax.portrait.animate import animate
from liax.portrait.animator import Animator
from liax.portrait.device import choose_device, keep_freed_memory
from liax.portrait.edit import edit_image
from liax.portrait.edit_video import edit_video

ASSETS = Path(str(files("liax.assets")))
PORTRAIT, DRIVING = ASSETS / "demo_portrait.jpg", ASSETS / "demo_driving.mp4"
SETTINGS = {"yaw": 8.0, "smile": 0.5}
DTYPES = ("float32", "bfloat16", "float16")
LEAST_DB = 46.0
_EQUAL_DB = 99.0  # is written for pictures that are the same

Pictures = Iterable[NDArray[np.uint8]]


def works(seconds: float, frames: int) -> dict[str, Callable[[Animator], Pictures]]:
    """The kinds of work by name: each gives RGB uint8 pictures."""

    def animated(**options: Any) -> Callable[[Animator], Pictures]:
        what = AnimateOptions(until=seconds, **options)
        return lambda animator: (picture for _, picture in animate(animator, PORTRAIT, DRIVING, what).frames)

    def edited(**options: Any) -> Callable[[Animator], Pictures]:
        return lambda animator: [edit_image(animator, PORTRAIT, SETTINGS, EditOptions(**options)).picture_HW3]

    def edited_video(**options: Any) -> Callable[[Animator], Pictures]:
        what = EditVideoOptions(until=seconds, **options)
        return lambda animator: (
            picture for _, picture in edit_video(animator, DRIVING, SETTINGS, what).frames
        )

    def at_once(count: int) -> Callable[[Animator], Pictures]:
        """The portrait shifted this way and that drives itself, so many frames at once."""
        picture_HW3 = read_image(PORTRAIT)
        views = [resize(picture_HW3[k:, k // 2 :], 512, 512) for k in range(0, 4 * frames, 4)]
        return lambda animator: animator.animate(picture_HW3, views, absolute=True, batch_size=count)

    return {
        "animate": animated(),
        "animate, pasted": animated(paste=True),
        "animate, aligned": animated(align="pose"),
        "edit": edited(),
        "edit, pasted": edited(paste=True),
        "edit-video": edited_video(),
        "edit-video, square": edited_video(paste=False),
        **{f"{count} at once": at_once(count) for count in (1, 2, 3, 5, 8)},
    }


def agreement(got: Pictures, wanted: Pictures) -> dict[str, float]:
    """The lowest and the mean PSNR, in dB, of pictures that belong together."""
    decibels = [psnr(*pair) for pair in zip(got, wanted, strict=True)]
    return {
        "pictures": len(decibels),
        "lowest_dB": round(min(decibels), 2),
        "mean_dB": round(float(np.mean(decibels)), 2),
    }


def psnr(got_HW3: NDArray[np.uint8], wanted_HW3: NDArray[np.uint8]) -> float:
    """In dB, at most what is written for equal pictures."""
    error = float(np.square((got_HW3.astype(np.float64) - wanted_HW3) / 255).mean())
    return min(_EQUAL_DB, -10 * math.log10(error)) if error else _EQUAL_DB


def table(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    lines = ["| | lowest | mean |", "|---|---|---|"]
    for work, found in results["dB"].items():
        lines.append(f"| {work} | {found['lowest_dB']:.1f} dB | {found['mean_dB']:.1f} dB |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", help="to compare with the CPU; the fastest by default")
    parser.add_argument("--dtype", choices=DTYPES, help="on the other device; by default what it is best at")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--only", nargs="+", help="kinds of work")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--table", type=Path, help="print the table of earlier results, and do nothing else")
    options = parser.parse_args()
    if options.table is not None:
        print(table(json.loads(options.table.read_text())))
        return
    keep_freed_memory()
    device = choose_device(options.device)
    dtype = options.dtype and getattr(torch, options.dtype)
    other, cpu = Animator(load(), device, dtype), Animator(load(), "cpu", torch.float32, "torch")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    results: dict[str, Any] = {"device": name, "dtype": str(other.dtype), "dB": {}}
    for work, pictures in works(options.frames / 25, options.frames).items():
        if options.only is None or work in options.only:
            begun = time.perf_counter()
            results["dB"][work] = agreement(pictures(other), pictures(cpu))
            lowest = results["dB"][work]["lowest_dB"]
            below = f", below {LEAST_DB:g}" if lowest < LEAST_DB else ""
            print(f"{work:20s} {lowest:6.2f} dB{below}  {time.perf_counter() - begun:.1f} s", flush=True)
            if options.json is not None:
                options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
