"""Train the invisible mark; run at the root of a checkout.

    python -m tools.mark --data FOLDER --out FOLDER [--minutes 9]

The data's folder holds manifest.csv and the files that it lists, as `liax train` reads them; where PyAV is
missing, OpenCV decodes clips. Every minute, mark.safetensors is written, and measured on held-out people.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import fields
from pathlib import Path

import torch

from liax.errors import LiaxError
from tools.mark.pictures import read_lumas
from tools.mark.train import TrainConfig, train


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0, or 1 after an error."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.mark", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the data set's folder")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the weights")
    parser.add_argument("--every", type=int, default=12, help="of clips, each so-many-th frame is read")
    parser.add_argument("--most", type=int, default=100_000, help="how many files are read")
    for field in fields(TrainConfig):
        parser.add_argument(
            "--" + field.name.replace("_", "-"), type=type(field.default), default=field.default
        )
    options = parser.parse_args(arguments)
    config = TrainConfig(**{field.name: getattr(options, field.name) for field in fields(TrainConfig)})

    def say(text: str) -> None:
        print(text, flush=True)

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        how = (options.every, options.most, os.cpu_count() or 1, say)
        pictures, held_out = (read_lumas(options.data, split, *how) for split in ("train", "val"))
        train(pictures.to(device), held_out.to(device), config, options.out / "mark.safetensors", say)
    except LiaxError as error:
        print(f"mark: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
