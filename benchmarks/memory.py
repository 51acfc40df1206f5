"""Does animating ten minutes of video need more memory than one?

    python benchmarks/memory.py [--minutes 1 10] [--preset tiny]

Makes a 640×360 clip with sound, 25 frames a second, of the bundled portrait that moves about, leaves the
picture now and then and is cut to another place every half minute; animates the portrait with it in a process
of its own, by the path that `liax animate` takes; and does the same for a longer clip. Prints the peak of
resident memory of each. Fails when the two differ by more than 50 MB.

The network is small and has random weights: its memory depends on the batch only, and what grows with a
video's length would grow here too. Takes about ten minutes on one core.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from itertools import count, islice
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

RATE = 25
ALLOWED = 50.0
PORTRAIT = Path(str(files("liax.assets") / "demo_portrait.jpg"))


def frames():
    """RGB uint8 (360, 640, 3), without end."""
    portrait = Image.open(PORTRAIT).convert("RGB")
    faces = [np.asarray(portrait.resize((side, side))) for side in (300, 220)]
    for k in count():
        scene, second = divmod(k / RATE, 30)
        face_HW3 = faces[int(scene) % 2]
        picture_HW3 = np.full((360, 640, 3), 60 + 90 * (int(scene) % 2), np.uint8)
        side = len(face_HW3)
        x = int(160 + 60 * np.sin(second) + (600 if 20 < second < 23 else 0))
        shown_HW3 = face_HW3[:, : max(0, 640 - x)]
        picture_HW3[30 : 30 + side, x : x + shown_HW3.shape[1]] = shown_HW3
        yield picture_HW3


def write(path: Path, minutes: float) -> None:
    tone_2N = np.repeat((6000 * np.sin(np.arange(48_000 // RATE) / 20)).astype(np.int16)[None], 2, 0)
    with av.open(path, "w") as output:
        video = output.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        sound = output.add_stream("aac", rate=48_000)
        for k, picture_HW3 in enumerate(islice(frames(), int(minutes * 60 * RATE))):
            output.mux(video.encode(av.VideoFrame.from_ndarray(picture_HW3, format="rgb24")))
            output.mux(sound.encode(_heard(tone_2N, k)))
        output.mux(video.encode(None))
        output.mux(sound.encode(None))


def _heard(tone_2N: NDArray[np.int16], k: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(tone_2N.T.reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate, frame.pts = 48_000, k * tone_2N.shape[1]
    return frame


def animate(driving: Path, output: Path, preset: str) -> None:
    """In a process of its own: prints the number of frames and the peak of resident memory in MB."""
    from liax.model import LIAX, PRESETS
    from liax.portrait import Animator, animate_file
    from liax.portrait.device import keep_freed_memory

    torch.manual_seed(0)
    keep_freed_memory()
    done = animate_file(Animator(LIAX(PRESETS[preset]), "cpu"), PORTRAIT, driving, output)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(done.frames, peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs=2, default=[1.0, 10.0])
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--only", nargs=2, type=Path, metavar=("DRIVING", "OUTPUT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        animate(*options.only, options.preset)
        return
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in options.minutes:
            clip, output = Path(folder) / f"{minutes:g}.mp4", Path(folder) / f"{minutes:g}_out.mp4"
            write(clip, minutes)
            began = time.perf_counter()
            command = [sys.executable, __file__, "--preset", options.preset, "--only", str(clip), str(output)]
            told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
            peaks.append(float(told[1]))
            seconds = time.perf_counter() - began
            print(
                f"{minutes:g} min: {told[0]} frames in {seconds:.0f} s, peak {peaks[-1]:.0f} MB", flush=True
            )
    growth = peaks[1] - peaks[0]
    print(f"{growth:+.0f} MB from {options.minutes[0]:g} to {options.minutes[1]:g} min")
    if abs(growth) > ALLOWED:
        sys.exit(f"more than {ALLOWED:g} MB apart")


if __name__ == "__main__":
    main()
