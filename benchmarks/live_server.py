"""How long `liax live` takes from a camera's frame to the picture that goes back, without the page.

    python benchmarks/live_server.py [--weights live.safetensors] [--device cuda] -o results.json

Frames of 640x480 come at a camera's pace, packed as a browser packs them. Each is unpacked, tracked, read,
drawn, marked and packed, as the server does it. A browser's part comes on top (`live_page.py` measures both),
but this runs where there is none.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.resources import files
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from backends import processor
from camera import RATE, camera_frames

from liax.face.landmarks import FaceLandmarker
from liax.live.frames import decode_frame, encode_frame
from liax.live.session import LiveSession
from liax.marking.pixel_mark import PixelMarker
from liax.portrait import Animator, open_portrait
from liax.portrait.device import keep_freed_memory
from liax.weights import load

_WARM_UP = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--weights", default="live")
    parser.add_argument("--device")
    parser.add_argument("--backend")
    parser.add_argument("--threads", type=int, default=2, help="how many cores PyTorch may use")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    measured = measure(options.weights, options.device, options.backend, options.threads, options.frames)
    options.output.write_text(json.dumps(measured, indent=1) + "\n")
    print(json.dumps(measured, indent=1))


def measure(
    weights: str, device: str | None, backend: str | None, threads: int, frames: int
) -> dict[str, Any]:
    """Milliseconds from a frame to its picture, of all frames after the first ones."""
    animator = Animator(load(weights), device, backend=backend)  # type: ignore[arg-type]
    packed = [encode_frame(frame_HW3) for frame_HW3 in camera_frames()]
    marker = PixelMarker()
    taken = []
    with FaceLandmarker() as landmarker:
        portrait = open_portrait(animator, Path(str(files("liax.assets"))) / "demo_portrait.jpg")
        session = LiveSession(animator, portrait, landmarker)
        session.start()
        due = time.perf_counter()
        for number, frame in zip(range(_WARM_UP + frames), cycle(packed), strict=False):
            time.sleep(max(due - time.perf_counter(), 0))
            due = max(due, time.perf_counter()) + 1 / RATE
            began = time.perf_counter()
            frame_HW3 = decode_frame(frame)
            picture = session.step(frame_HW3, number / RATE)
            encode_frame(marker.mark(picture.picture_HW3))
            taken.append(1000 * (time.perf_counter() - began))
            if not picture.face_seen:
                raise SystemExit(f"frame {number} has no face")
            session.look(frame_HW3, number / RATE)
    counted = np.array(taken[_WARM_UP:])
    name = torch.cuda.get_device_name(animator.device) if animator.device.type == "cuda" else processor()
    return {
        "weights": Path(weights).stem,
        "device": name,
        "threads": threads,
        "backend": animator.backend,
        "size": animator.size,
        "frames": frames,
        "median_ms": float(f"{np.median(counted):.4g}"),
        "p95_ms": float(f"{np.quantile(counted, 0.95):.4g}"),
    }


if __name__ == "__main__":
    main()
