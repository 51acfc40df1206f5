"""Render heads for `liax interpret`, or clips of heads for `liax train`; run at the root of a checkout.

    pip install -r tools/heads/requirements.txt
    python -m tools.heads -o FOLDER [--count 600] [--size 256] [--seed 0]
    python -m tools.heads -o FOLDER --clips 40 [--frames 16] [--size 512] [--workers 2]

Clips are a data set: manifest.csv, and regions.npz with what is known of each frame. A run that was
interrupted goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from liax.cli.progress import ProgressDisplay
from liax.errors import LiaxError
from tools.heads.clips import render_clips
from tools.heads.render import render_heads


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0, or 1 after an error."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.heads",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder, created if need be")
    parser.add_argument("--count", type=int, default=600, help="how many heads it holds in the end")
    parser.add_argument("--size", type=int, default=256, help="side of the pictures, in pixels")
    parser.add_argument("--seed", type=int, default=0, help="of the people, their poses and expressions")
    parser.add_argument("--clips", type=int, metavar="PEOPLE", help="render a clip of each of so many people")
    parser.add_argument("--frames", type=int, default=16, help="of a clip; each shows another movement")
    parser.add_argument("--workers", type=int, default=1, help="processes that render clips")
    options = parser.parse_args(arguments)
    try:
        with ProgressDisplay({"rendering heads": "heads", "labelling": "clips"}) as progress:
            if options.clips is None:
                render_heads(options.output, options.count, options.seed, options.size, progress)
            else:
                shape = (options.clips, options.frames, options.seed, options.size, options.workers)
                render_clips(options.output, *shape, progress)
    except LiaxError as error:
        print(f"heads: {error}", file=sys.stderr)
        return 1
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
