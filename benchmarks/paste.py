"""Can the seam be seen around a face that was changed in its picture?

    python benchmarks/paste.py --set yaw=15deg [--driving CLIP] [--sheet sheet.png] [PICTURE ...]

Prints, for every picture and edit, the mean gradient across the seam over what it was at the same place
(`seam.py`; at most 1.2 is asked for): where the picture's own pixels begin to move, over the original's, and
where the network's drawing begins, over that of the moved picture without it. With a driving clip, the
largest of 8 frames spread over it. Pictures default to validation portraits, doubled in size and continued by
their mirror image, so that there is something around the face.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray
from PIL import Image
from seam import seam_ratio

from liax.media.images import read_image, write_image
from liax.media.video import Video
from liax.options import SourceOptions, parse_settings
from liax.portrait import Animator
from liax.portrait.edit_vector import edit_vector
from liax.portrait.retouch import EditDelta, Retouch
from liax.portrait.source import open_portrait
from liax.weights import load


@dataclass(frozen=True)
class Settings:
    """Measure the seam of pasted edits and motion."""

    pictures: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Pictures with a face and something around it."""
    set: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """An edit, such as yaw=15deg; may be repeated, "" changes nothing."""
    driving: Path | None = None
    """A clip cut to the face that moves the pictures as well."""
    weights: str = "small"
    """Name or file of the weights."""
    data: Path = Path("../shared/data")
    """Folder with manifest.csv and the portraits."""
    limit: int = 8
    """How many validation portraits."""
    sheet: Path | None = None
    """Where to draw the results: original and results, the last frame of the driving."""


def main(settings: Settings) -> None:
    animator = Animator(load(settings.weights))
    # Name -> what is added to the coefficients (N, M), frame by frame.
    changes = {
        text or "none": edit_vector(parse_settings([text] if text else []), animator.controls)[None]
        for text in settings.set
    }
    if settings.driving is not None:
        changes[settings.driving.stem] = motion(animator, settings.driving)
    worst = np.zeros(2)
    rows = []
    print("| picture | change | own pixels | drawing |\n|---|---|---|---|")
    for name, picture_HW3 in pictures(settings):
        portrait = open_portrait(animator, picture_HW3, SourceOptions(face=1))
        retouch = Retouch(portrait.framing.crop, picture_HW3.shape[1], picture_HW3.shape[0], animator.size)
        edit_delta = EditDelta(animator, portrait.encoded)
        shown = [picture_HW3]
        for text, change_NM in changes.items():
            ratios = np.zeros(2)
            for change in edit_delta.stream(portrait.alpha_M + change_NM):
                result_HW3 = retouch(picture_HW3, change)
                moved_HW3 = retouch(
                    picture_HW3, replace(change, new_RR=0 * change.new_RR, drawn_RR3=0 * change.drawn_RR3)
                )
                moving = seam_ratio(picture_HW3, result_HW3, retouch.wide)
                ratios = np.maximum(ratios, [moving, seam_ratio(moved_HW3, result_HW3, retouch.square)])
            worst = np.maximum(worst, ratios)
            print(f"| {name} | {text} | {ratios[0]:.2f} | {ratios[1]:.2f} |", flush=True)
            shown.append(result_HW3)
        rows.append(np.concatenate([np.asarray(Image.fromarray(s).resize((384, 384))) for s in shown], 1))
    print(f"| worst | | {worst[0]:.2f} | {worst[1]:.2f} |")
    if settings.sheet is not None:
        write_image(settings.sheet, np.concatenate(rows))


def motion(animator: Animator, clip: Path) -> NDArray[np.float32]:
    """The change of the coefficients since the first frame, in 8 frames spread over a clip: (8, M)."""
    frames = [frame.rgb() for frame in Video(clip)]
    chosen = [frames[round(k)] for k in np.linspace(0, len(frames) - 1, 8)]
    alpha_NM = animator.encode(chosen).alpha_BM.cpu().numpy()
    return alpha_NM - alpha_NM[0]


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
