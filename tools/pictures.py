"""The pictures of the documents that the bundled weights draw, from the demo's portrait and clip.

    python -m tools.pictures

Writes docs/demo.webp, docs/controls.webp and the weights' failures.png. Look at them before you commit them:
the captions say what they show. The studio's are made by `tools/screenshots.py`.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import liax
from liax.cli.controls import controls
from liax.options import SourceOptions

ROOT = Path(__file__).parents[1]
DEMO, CONTROLS = ROOT / "docs" / "demo.webp", ROOT / "docs" / "controls.webp"
FAILURES = ROOT / "packages" / "liax-weights-small" / "failures.png"

# Of the demo's 175 frames at 25 a second, every second one, this high.
_EVERY, _HEIGHT = 2, 192
# Of the sheet of controls.
_WIDTH = 814
# Frames of the demo where results fail, and the side at which they are shown.
_FAILING, _SIDE = (15, 25, 95), 256


def compared() -> list[NDArray[np.uint8]]:
    """The demo's frames: source, driving and result side by side."""
    assets = files("liax.assets")
    with (
        as_file(assets / "demo_portrait.jpg") as source,
        as_file(assets / "demo_driving.mp4") as driving,
    ):
        animator = liax.Animator(liax.load("small"))
        clip = liax.animate(animator, source, driving, liax.AnimateOptions(compare=True))
        return [frame for _, frame in clip.frames]


def write_demo(frames: list[NDArray[np.uint8]]) -> None:
    shown = [Image.fromarray(frame) for frame in frames[::_EVERY]]
    small = [frame.resize((_HEIGHT * frame.width // frame.height, _HEIGHT)) for frame in shown]
    small[0].save(
        DEMO, save_all=True, append_images=small[1:], duration=40 * _EVERY, loop=0, quality=80, method=6
    )


def write_failures(frames: list[NDArray[np.uint8]]) -> None:
    """Driving frame and result, a row for each failure."""
    rows = [frames[k][:, frames[k].shape[1] // 3 :] for k in _FAILING]
    picture = Image.fromarray(np.concatenate(rows))
    picture.resize((2 * _SIDE, len(rows) * _SIDE)).save(FAILURES, optimize=True)


def main() -> None:
    frames = compared()
    write_demo(frames)
    write_failures(frames)
    with TemporaryDirectory() as folder:
        head = Path(folder, "head.png")
        side = len(frames[0])
        Image.fromarray(frames[0][:, side : 2 * side]).save(head)
        drawn = Path(folder, "controls.png")
        controls(output=drawn, portrait=head, options=SourceOptions(crop=False))
        sheet = Image.open(drawn)
        sheet.resize((_WIDTH, _WIDTH * sheet.height // sheet.width)).save(CONTROLS, quality=85, method=6)


if __name__ == "__main__":
    main()
