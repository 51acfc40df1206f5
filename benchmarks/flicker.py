"""Does an edited video's background flicker more than the video itself?

    python benchmarks/flicker.py --set yaw=10deg --set blink=0.8 [--limit 5] [--sheet sheet.png]

For every edit of every clip, the mean absolute change of the background from frame to frame, over that of
the clip itself; 1.1 at most is asked for. The background is what lies outside the face in both frames, of the
clip and of the result: outside the hull of its landmarks, widened on all sides by WIDENED of its height,
which covers hair and ears. Frames are compared as they are made, before they are encoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray

from liax.evaluation.clips import list_clips
from liax.face.landmarks import Face, FaceLandmarker
from liax.media.images import write_image
from liax.media.video import Video
from liax.options import EditVideoOptions, parse_settings
from liax.portrait import Animator
from liax.portrait.edit_video import edit_video
from liax.weights import load

WIDENED = 0.4
_DIRECTIONS = 64
_SHOWN = 6


@dataclass(frozen=True)
class Settings:
    """Measure the flicker of edited videos."""

    set: tyro.conf.UseAppendAction[tuple[str, ...]]
    """An edit, such as yaw=15deg; may be repeated, each is made by itself."""
    weights: str = "small"
    """Name or file of the weights."""
    data: Path = Path("../shared/data")
    """Folder with manifest.csv and the clips."""
    limit: int = 5
    """How many validation clips, of as many people as there are."""
    frames: int = 60
    """How many frames of each, from its beginning."""
    from_first_frame: bool = False
    """Edit the first frame only."""
    sheet: Path | None = None
    """Where to draw frames of the clips and, below each, of the results."""


def main(settings: Settings) -> None:
    animator = Animator(load(settings.weights))
    ratios: dict[str, list[float]] = {text: [] for text in settings.set}
    rows = []
    print("| clip | " + " | ".join(ratios) + " |\n|---|" + "---|" * len(ratios))
    with FaceLandmarker() as landmarker:
        for path in chosen_clips(settings):
            before = [frame.rgb() for frame in islice(Video(path), settings.frames)]
            rows.append(before)
            for text in settings.set:
                clip = edit_video(
                    animator,
                    path,
                    parse_settings([text]),
                    EditVideoOptions(face=1, from_first_frame=settings.from_first_frame),
                )
                after = [picture_HW3 for _, picture_HW3 in islice(clip.frames, settings.frames)]
                ratios[text].append(flicker_ratio(before, after, landmarker))
                rows.append(after)
            print(
                f"| {path.stem} | " + " | ".join(f"{r[-1]:.2f}" for r in ratios.values()) + " |", flush=True
            )
    print("| worst | " + " | ".join(f"{max(r):.2f}" for r in ratios.values()) + " |")
    if settings.sheet is not None:
        write_image(settings.sheet, np.concatenate([np.concatenate(shown(row), 1) for row in rows]))


def flicker_ratio(
    before: Sequence[NDArray[np.uint8]], after: Sequence[NDArray[np.uint8]], landmarker: FaceLandmarker
) -> float:
    """How much more the background of the frames `after` changes than that of `before`, of the same sizes."""
    behind = [
        background(one_HW3, landmarker) & background(other_HW3, landmarker)
        for one_HW3, other_HW3 in zip(before, after, strict=True)
    ]
    return changed(after, behind) / changed(before, behind)


def changed(frames: Sequence[NDArray[np.uint8]], behind: Sequence[NDArray[np.bool_]]) -> float:
    """Mean change from frame to frame, in levels, of the pixels that are `behind` (H, W) in both."""
    pairs = zip(pairwise(frames), pairwise(behind), strict=True)
    changes = [np.abs(b.astype(float) - a)[m & n] for (a, b), (m, n) in pairs]
    return float(np.concatenate(changes).mean())


def background(picture_HW3: NDArray[np.uint8], landmarker: FaceLandmarker) -> NDArray[np.bool_]:
    """Which pixels (H, W) lie outside all widened faces."""
    mask_HW = np.ones(picture_HW3.shape[:2], bool)
    for face in landmarker.detect(picture_HW3):
        mask_HW &= ~widened_hull(face, mask_HW.shape)
    return mask_HW


def widened_hull(face: Face, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which pixels are within WIDENED of the face's height of its landmarks' convex hull."""
    angles = np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False)
    normals_D2 = np.stack([np.cos(angles), np.sin(angles)], -1)
    reach = WIDENED * (face.box[3] - face.box[1])
    limits_D = (face.landmarks @ normals_D2.T).max(0) + reach
    y_HW, x_HW = np.mgrid[: shape[0], : shape[1]] + 0.5
    inside_HW = np.ones(shape, bool)
    for (x, y), limit in zip(normals_D2, limits_D, strict=True):
        inside_HW &= x * x_HW + y * y_HW <= limit
    return inside_HW


def chosen_clips(settings: Settings) -> list[Path]:
    first_of = {clip.identity: clip.path for clip in reversed(list_clips(settings.data, "val"))}
    return list(first_of.values())[: settings.limit]


def shown(frames: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    return [frames[i] for i in np.linspace(0, len(frames) - 1, _SHOWN).round().astype(int)]


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
