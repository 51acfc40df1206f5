"""Render a folder of heads for `liax interpret`; run at the root of a checkout.

    pip install -r tools/heads/requirements.txt
    python -m tools.heads -o FOLDER [--count 600] [--size 256] [--seed 0]

A run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from liax.cli.progress import ProgressDisplay
from liax.errors import LiaxError
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
    options = parser.parse_args(arguments)
    try:
        with ProgressDisplay({"rendering heads": "heads"}) as progress:
            render_heads(options.output, options.count, options.seed, options.size, progress)
    except LiaxError as error:
        print(f"heads: {error}", file=sys.stderr)
        return 1
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
