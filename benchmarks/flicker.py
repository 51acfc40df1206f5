"""Does the background of an edited video, or of a filmed person who is animated, flicker more?

    python benchmarks/flicker.py --set yaw=10deg --set blink=0.8 [--limit 5] [--sheet sheet.png]
    python benchmarks/flicker.py --driving talk.mp4 --only mouth --only mouth,head [-o results.json]
    python benchmarks/flicker.py --fill    # results/flicker.json into docs/animating.md, and nothing else

For every edit of every clip, and every set of groups that a driving moves in it, the mean absolute change of
the background from frame to frame, over that of the clip itself; 1.1 at most is asked for. The background is
what lies outside the face in both frames, of the clip and of the result: outside the hull of its landmarks,
widened on all sides by WIDENED of its height, which covers hair and ears. Frames are compared as they are
made, before they are encoded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from numpy.typing import NDArray

from liax.evaluation.clips import list_clips
from liax.face.landmarks import Face, FaceLandmarker
from liax.media.images import write_image
from liax.media.video import Video
from liax.options import AnimateOptions, EditVideoOptions, parse_settings
from liax.portrait import Animator
from liax.portrait.clip import RenderedClip
from liax.portrait.edit_video import edit_video
from liax.portrait.reenact_video import reenact_video
from liax.weights import load

RESULTS = Path(__file__).parent / "results" / "flicker.json"
PAGE = Path(__file__).parents[1] / "docs" / "animating.md"
_BEGIN, _END = "<!-- flicker -->\n", "<!-- end -->"
WIDENED = 0.4
_DIRECTIONS = 64
_SHOWN = 6


@dataclass(frozen=True)
class Settings:
    """Measure the flicker of edited videos."""

    set: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """An edit, such as yaw=15deg; may be repeated, each is made by itself."""
    driving: Path | None = None
    """What animates the clips, as `liax animate CLIP DRIVING --only GROUPS` does."""
    only: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Groups that the driving moves, such as mouth or mouth,head; may be repeated, each is made by itself."""
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
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Where the ratios are written, as JSON."""
    fill: bool = False
    """Only put what is in results/flicker.json into docs/animating.md."""


def main(settings: Settings) -> None:
    if settings.fill:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        return
    animator = Animator(load(settings.weights))
    made: dict[str, Callable[[Path], RenderedClip]] = {}
    for text in settings.set:
        edit = EditVideoOptions(face=1, from_first_frame=settings.from_first_frame)
        made[text] = partial(_edited, animator, text, edit)
    for groups in settings.only if settings.driving else ():
        options = AnimateOptions(only=tuple(groups.split(",")), face=1)
        made[f"only {groups}"] = partial(_animated, animator, settings.driving, options)
    ratios: dict[str, dict[str, float]] = {name: {} for name in made}
    rows = []
    print("| clip | " + " | ".join(ratios) + " |\n|---|" + "---|" * len(ratios))
    with FaceLandmarker() as landmarker:
        for path in chosen_clips(settings):
            before = [frame.rgb() for frame in islice(Video(path), settings.frames)]
            rows.append(before)
            for name, make in made.items():
                after = [picture_HW3 for _, picture_HW3 in islice(make(path).frames, settings.frames)]
                ratios[name][path.stem] = round(flicker_ratio(before[: len(after)], after, landmarker), 4)
                rows.append(after)
            print(
                f"| {path.stem} | " + " | ".join(f"{r[path.stem]:.2f}" for r in ratios.values()) + " |",
                flush=True,
            )
            if settings.out is not None:  # a long measurement that is cut short keeps what it has
                results = {"weights": animator.fingerprint, "frames": settings.frames, "ratios": ratios}
                settings.out.write_text(json.dumps(results, indent=1) + "\n")
    print("| worst | " + " | ".join(f"{max(r.values()):.2f}" for r in ratios.values()) + " |")
    if settings.sheet is not None:
        write_image(settings.sheet, np.concatenate([np.concatenate(shown(row), 1) for row in rows]))


def _edited(animator: Animator, text: str, options: EditVideoOptions, clip: Path) -> RenderedClip:
    return edit_video(animator, clip, parse_settings([text]), options)


def _animated(animator: Animator, driving: Path, options: AnimateOptions, clip: Path) -> RenderedClip:
    return reenact_video(animator, clip, {None: driving}, options)


def filled(text: str, results: Path = RESULTS) -> str:
    """A page with the ratios in its table, which stands from <!-- flicker --> to <!-- end -->."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError("the page has no place for the table")
    lines = ["| what is carried over | clips | median | most |", "|---|---|---|---|"]
    for name, ratios in json.loads(results.read_text())["ratios"].items():
        groups = name.removeprefix("only ").replace(",", ", ")
        median, most = np.median(list(ratios.values())), max(ratios.values())
        lines.append(f"| {groups} | {len(ratios)} | {median:.2f} | {most:.2f} |")
    return before + begin + "\n" + "\n".join(lines) + "\n\n" + end + after


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
