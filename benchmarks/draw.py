"""Draws the outputs of the self-reenactment benchmark, for a GPU node: needs torch, Pillow, PyAV or OpenCV.

    python benchmarks/draw.py --weights my.safetensors --out drawn --device cuda       # there
    python benchmarks/reenactment.py --drawn drawn --out results/my                    # here

Scores are final; faces are measured, and sheets made, from WebP pictures (about 15 kB each).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))

from selfreenactment.clips import list_clips, read_clip
from selfreenactment.drawing import Protocol, draw
from selfreenactment.subjects import open_network

from liax.errors import LiaxError
from liax.portrait.device import keep_freed_memory


def main(args: list[str] | None = None) -> int:
    """Write <clip>.npz of every clip and settings.json; clips already there are kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    network = parser.add_mutually_exclusive_group(required=True)
    network.add_argument("--weights", help="weights file or hub name")
    network.add_argument("--random", help="an untrained network of this preset")
    parser.add_argument("--out", type=Path, required=True, help="a new folder, or an interrupted run's")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--frames", default="60", help="most frames compared per clip, or all")
    parser.add_argument("--follow-frames", type=int, default=150)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", type=int, default=8)
    given = parser.parse_args(args)
    keep_freed_memory()
    try:
        if given.frames != "all" and not (given.frames.isdigit() and int(given.frames)):
            raise LiaxError(f"--frames must be a number from 1 up or all, not {given.frames}.")
        protocol = Protocol(None if given.frames == "all" else int(given.frames), given.follow_frames)
        subject = open_network(given.weights, given.random, torch.device(given.device), given.batch)
        kept = {"split": given.split, "frames": protocol.frames, "follow": protocol.follow}
        kept |= {"subject": subject.key, "name": subject.name}
        path = given.out / "settings.json"
        if path.exists() and json.loads(path.read_text()) != kept:
            raise LiaxError(f"{given.out} holds outputs of other settings or weights; choose another --out.")
        given.out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept, indent=1))
        for clip in list_clips(given.data, given.split, given.limit):
            target = given.out / f"{clip.name}.npz"
            if not target.exists():
                draw(read_clip(clip), subject, protocol).save(target)
            print(clip.name, flush=True)
    except LiaxError as error:
        print(f"draw: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
