"""Does a change of the code change a picture?

    python benchmarks/same_pictures.py REVISION [--only animate edit …]

Runs the README's commands twice on this machine, with the code of a git revision and with the working tree.
Compares what they write bit for bit: every decoded pixel of videos and pictures, every tensor of templates
and trained weights. Exits with 1 and names the commands that fail, or whose outputs differ.

A change that is meant to keep behaviour is checked by it before and after; one that is meant to change
pictures shows here exactly which.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import av
import numpy as np
import tyro
from PIL import Image
from safetensors.numpy import load_file

ROOT = Path(__file__).parents[1]
SECONDS, SIZE = 1.2, 256
_BATCH = """
sources = ["portrait.jpg"]
drivings = ["driving.mp4"]
output = "{source}_{driving}.mp4"
[defaults]
smooth = true
"""
_MANIFEST = (
    "file,type,split,identity,frames\ndriving.mp4,clip,train,ann,{0}\nportrait.jpg,portrait,train,bob,1\n"
)

# Name -> arguments of `liax`, or what follows `python` where the first is "-m"; and the files that it writes.
CASES: dict[str, tuple[str, ...]] = {
    "animate": ("animate portrait.jpg driving.mp4 -o {out}.mp4",),
    "animate-align": ("animate portrait.jpg driving.mp4 -o {out}.mp4 --align pose --smooth --compare",),
    "animate-paste": (
        "animate portrait.jpg driving.mp4 -o {out}.mp4 --paste --only mouth,eyes --strength 1.3",
    ),
    "animate-absolute": (
        "animate portrait.jpg driving.mp4 -o {out}.webm --absolute --without head --set yaw=10deg",
    ),
    "animate-best-frame": ("animate portrait.jpg driving.mp4 -o {out}.mp4 --reference best --no-crop",),
    "animate-picture": ("animate portrait.jpg portrait.jpg -o {out}.png --set blink=0.8",),
    "encode": (
        "encode driving.mp4 -o {out}.safetensors",
        "animate portrait.jpg {out}.safetensors -o {out}.gif",
    ),
    "edit": ("edit portrait.jpg --set yaw=10deg,blink=0.8 -o {out}.png --sheet {out}-sheet.png",),
    "edit-paste": ("edit portrait.jpg --set yaw=10deg,smile=0.5 --paste -o {out}.png",),
    "edit-video": ("edit-video driving.mp4 --set yaw=8deg,blink=0.5 -o {out}.mp4",),
    "edit-video-first": ("edit-video driving.mp4 --set yaw=8deg --from-first-frame -o {out}.mp4",),
    "manipulate": ("manipulate portrait.jpg --sweep yaw,blink --label -o {out}.mp4",),
    "manipulate-orbit": ("manipulate portrait.jpg --orbit -o {out}.png",),
    "controls": ("controls -o {out}.png",),
    "batch": ("batch jobs.toml",),
    "train": (
        "train --out {out} --preset tiny --steps 3 --batch 4 --accelerator cpu --data.manifest manifest.csv "
        "--data.validation None --data.frames memory --data.workers 1",
    ),
}


@dataclass(frozen=True)
class Options:
    """Compare what two versions of the code write.

    Args:
        revision: The git revision to compare the working tree with.
        only: Cases to run, all by default.
    """

    revision: tyro.conf.Positional[str]
    only: tuple[str, ...] = ()


def main(options: Options) -> int:
    """The exit code: 0 if all outputs are equal."""
    names = options.only or tuple(CASES)
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "code"
        subprocess.run(
            ["git", "worktree", "add", "--quiet", "--detach", str(before), options.revision],
            cwd=ROOT,
            check=True,
        )
        try:
            different = []
            for name in names:
                begun = time.monotonic()
                digests = [_outputs(tree, name, Path(folder)) for tree in (before, ROOT)]
                same = digests[0] == digests[1] and bool(digests[0]) and "error" not in digests[0]
                different += [] if same else [name]
                print(
                    f"{name:20s} {'same' if same else 'DIFFERENT'}  {time.monotonic() - begun:.0f} s",
                    flush=True,
                )
                if not same:
                    print(json.dumps(digests, indent=1))
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(before)], cwd=ROOT, check=True)
    if different:
        print(f"different: {', '.join(different)}")
    return int(bool(different))


def _outputs(tree: Path, name: str, folder: Path) -> dict[str, str]:
    """Digests of the files that a case writes with the code of `tree`."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        here = Path(work)
        inputs = _write_inputs(here)
        environment = os.environ | {"PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "2"}
        for command in CASES[name]:
            argv = command.format(out="out").split()
            done = subprocess.run(
                [sys.executable, "-m", "liax", *argv],
                cwd=here,
                env=environment,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                return {"error": f"{command}: {done.stderr.strip()[-2000:]}"}
        written = sorted(path for path in here.rglob("*") if path.is_file() and path not in inputs)
        digests = {str(path.relative_to(here)): _digest(path) for path in written}
        return {path: digest for path, digest in digests.items() if digest}


def _write_inputs(folder: Path) -> set[Path]:
    """The demo's portrait, the start of its driving clip at SIZE, a batch and a manifest of the two."""
    assets = files("liax.assets")
    (folder / "portrait.jpg").write_bytes((assets / "demo_portrait.jpg").read_bytes())
    with (
        av.open(str(assets / "demo_driving.mp4")) as source,
        av.open(str(folder / "driving.mp4"), "w") as clip,
    ):
        rate = source.streams.video[0].average_rate
        stream = clip.add_stream("libx264", rate=rate)
        stream.width = stream.height = SIZE
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "12"}
        count = 0
        for frame in source.decode(video=0):
            if count >= SECONDS * rate:
                break
            picture = frame.to_image().resize((SIZE, SIZE), Image.Resampling.LANCZOS)
            clip.mux(stream.encode(av.VideoFrame.from_image(picture)))
            count += 1
        clip.mux(stream.encode())
    (folder / "jobs.toml").write_text(_BATCH)
    (folder / "manifest.csv").write_text(_MANIFEST.format(count))
    return set(folder.iterdir())


def _digest(path: Path) -> str:
    """Of what a file holds, decoded; empty for files that hold times and paths."""
    digest = hashlib.sha256()
    if path.suffix in (".mp4", ".webm", ".gif"):
        with av.open(str(path)) as clip:
            for frame in clip.decode(video=0):
                digest.update(f"{frame.time}".encode() + frame.to_ndarray(format="rgb24").tobytes())
    elif path.suffix in (".png", ".jpg", ".webp"):
        digest.update(np.asarray(Image.open(path)).tobytes())
    elif path.suffix == ".safetensors" and not path.parent.name.startswith("checkpoint"):
        for key, values in sorted(load_file(path).items()):
            digest.update(key.encode() + values.tobytes())
    else:
        return ""
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options)))
