"""How fast are videos prepared, and do two workers do twice as much as one?

    python benchmarks/prepare.py [--videos FOLDER] [--workers 1 2]

Runs `liax prepare` on the same videos with each number of workers, into a new folder each time, and prints
the seconds of video in each second of the clock and of a core, from the first video to the last clip
(starting Ray not counted). Fails when the data sets differ in a byte.

Without --videos it makes eight of twenty seconds, 640×360, of the bundled rendered head in changing places,
with a cut in the middle. A busy machine spoils the comparison: nothing else should run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.resources import files
from itertools import cycle, islice
from pathlib import Path

import av
import numpy as np
from PIL import Image

from liax.media.video import Video
from liax.preparation.prepare import prepare

DEMO = Path(str(files("liax.assets") / "demo_driving.mp4"))
RATE, SECONDS = 25, 20


def write(path: Path, number: int) -> None:
    """The head at one place for ten seconds, at another for ten more."""
    heads = [Image.fromarray(frame.rgb(longest=300)) for frame in Video(DEMO)]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for k, head in enumerate(islice(cycle(heads), SECONDS * RATE)):
            second = k >= SECONDS * RATE // 2
            picture = Image.new("RGB", (640, 360), (170, 150, 130) if second else (60, 70, 90))
            picture.paste(head, (300 if second else 10 * number, 30))
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")))
        output.mux(stream.encode(None))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=Path)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        videos = options.videos or Path(folder) / "videos"
        if options.videos is None:
            videos.mkdir()
            for number in range(8):
                write(videos / f"{number}.mp4", number)
        made = []
        for count in options.workers:
            out = Path(folder) / f"by {count}"
            summary = prepare([videos], out, count=count)
            print(
                f"{count} workers: {summary.seconds:.0f} s of video in {summary.wall:.0f} s: "
                f"{summary.seconds / summary.wall:.2f} a second, "
                f"{summary.seconds / summary.core_seconds:.2f} a second of a core; {summary.kept} clips",
                flush=True,
            )
            made.append(contents(out))
        if any(other != made[0] for other in made):
            sys.exit("the data sets differ")
        print("the data sets are the same, byte for byte")


if __name__ == "__main__":
    main()
