"""Can the seam be seen around an edited face that is back in its picture?

    python benchmarks/paste.py --set "" --set 3=0.3 --set 4=0.3 [--sheet sheet.png] [PICTURE ...]

Prints, for every picture and edit, the mean gradient across the seam over that of the original at the same
place (`seam.py`; at most 1.2 is asked for): for the network's drawing faded into the picture (`Paste`), and
for the picture's own pixels moved (`Retouch`). Pictures default to validation portraits, doubled in size and
continued by their mirror image, so that there is something around the face.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray
from PIL import Image
from seam import seam_ratio

from liax.media.images import read_image, write_image
from liax.portrait import Animator
from liax.portrait.edits import edit_vector, parse_settings
from liax.portrait.paste import Paste
from liax.portrait.retouch import Redrawing, Retouch
from liax.portrait.still import open_still
from liax.weights import load


@dataclass(frozen=True)
class Settings:
    """Measure the seam of pasted edits."""

    pictures: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Pictures with a face and something around it."""
    set: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """An edit, such as yaw=15deg; may be repeated, "" changes nothing."""
    weights: str = "small"
    """Name or file of the weights."""
    data: Path = Path("../shared/data")
    """Folder with manifest.csv and the portraits."""
    limit: int = 8
    """How many validation portraits."""
    sheet: Path | None = None
    """Where to draw the results: original, pasted and retouched for each edit."""


def main(settings: Settings) -> None:
    animator = Animator(load(settings.weights))
    edits = {
        text: edit_vector(parse_settings([text] if text else []), animator.controls) for text in settings.set
    }
    worst = np.zeros(2)
    rows = []
    print("| picture | edit | pasted | retouched |\n|---|---|---|---|")
    for name, picture_HW3 in pictures(settings):
        still = open_still(animator, picture_HW3, face=1)
        height, width = picture_HW3.shape[:2]
        paste = Paste(picture_HW3, still.framing.crop, animator.size)
        retouch = Retouch(still.framing.crop, width, height, animator.size)
        redrawing = Redrawing(animator, still.encoded)
        shown = [picture_HW3[: paste.height, : paste.width]]
        for text, edit_M in edits.items():
            alpha_M = still.alpha_M + edit_M
            pasted_HW3 = paste(next(animator.render(still.encoded, [alpha_M])))
            retouched_HW3 = retouch(picture_HW3, next(redrawing(alpha_M[None])))
            ratios = [
                seam_ratio(picture_HW3, pasted_HW3, paste.place),
                seam_ratio(picture_HW3, retouched_HW3, retouch.wide),
            ]
            worst = np.maximum(worst, ratios)
            print(
                f"| {name} | {text or 'none'} |",
                " | ".join(f"{ratio:.2f}" for ratio in ratios),
                "|",
                flush=True,
            )
            shown += [pasted_HW3, retouched_HW3]
        rows.append(np.concatenate([np.asarray(Image.fromarray(s).resize((384, 384))) for s in shown], 1))
    print("| worst | |", " | ".join(f"{ratio:.2f}" for ratio in worst), "|")
    if settings.sheet is not None:
        write_image(settings.sheet, np.concatenate(rows))


def pictures(settings: Settings) -> list[tuple[str, NDArray[np.uint8]]]:
    if settings.pictures:
        return [(path.name, read_image(path)) for path in settings.pictures]
    with (settings.data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if (row["type"], row["split"]) == ("portrait", "val")]
    chosen = [settings.data / row["file"] for row in rows[:: max(1, len(rows) // settings.limit)]]
    return [(path.stem, surrounded(read_image(path))) for path in chosen[: settings.limit]]


def surrounded(picture_HW3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Twice as large, with half of its mirror image on all sides."""
    height, width = picture_HW3.shape[:2]
    large_HW3 = np.asarray(
        Image.fromarray(picture_HW3).resize((2 * width, 2 * height), Image.Resampling.BICUBIC)
    )
    return np.pad(large_HW3, ((height // 2,) * 2, (width // 2,) * 2, (0, 0)), "reflect")


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
