"""Clips of rendered heads with labels for training: a manifest.csv, a regions.npz and a clip of each person.

Real clips are labelled by MediaPipe, which reads glances, winks and profiles least well; of rendered heads
they are known. The frames of a clip have nothing in common but the person: training draws pairs of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.data.frames import decode
from liax.data.regions import Regions, find_regions, save_regions
from liax.face.factors import FACTORS
from liax.face.landmarks import FaceLandmarker
from liax.files import atomic_file
from liax.marking import NOT_SYNTHETIC
from liax.media.writer import create_video
from liax.progress import Progress, no_progress

# What frames are drawn from: a uniform range, and the share of frames in which it is not at rest, 0.
_DRAWN: dict[str, tuple[float, float, float]] = {
    "pitch": (-20, 20, 1),
    "roll": (-15, 15, 0.7),
    "x": (-0.06, 0.06, 1),
    "y": (-0.05, 0.05, 1),
    "size": (-0.15, 0.15, 1),
    "jaw": (0, 0.7, 0.5),
    "brow": (-1, 1, 0.6),
    "gaze-x": (-32, 32, 0.85),
    "gaze-y": (-24, 20, 0.7),
}
# Degrees of yaw: of most heads, and of the share that turns to profiles.
_YAW, _PROFILE, _PROFILES = 30.0, 75.0, 0.3
# Shares of frames in which one eye, or both, are more or less shut; and of mouths that smile, or purse.
_WINKS, _BLINKS, _SMILES, _PUCKERS = 0.25, 0.15, 0.4, 0.2
# Behind lids that are further down than this, gaze is unknown.
_LIDS_HIDE = 0.5
# Known exactly, where MediaPipe guesses; the others are as it measures them.
_KNOWN = ("yaw", "pitch", "roll", "blink", "gaze-x", "gaze-y", "wink")
# The scales are compared on heads that are turned by less than this, in degrees.
_FRONTAL = 25.0
_RATE = Fraction(25)


def draw_frame(seed: int, person: int, frame: int) -> dict[str, float]:
    """Factors of one frame: those of HEAD_FACTORS, and pucker and wink; the same at every call."""
    dice = np.random.default_rng([seed, 2, person, frame])
    drawn = {name: dice.uniform(low, high) * (dice.random() < share)
             for name, (low, high, share) in _DRAWN.items()}  # fmt: skip
    profile = dice.random() < _PROFILES
    drawn["yaw"] = dice.choice((-1, 1)) * (dice.uniform(_YAW, _PROFILE) if profile else dice.uniform(0, _YAW))
    eyes, shut, other = dice.random(), dice.uniform(0.4, 1), dice.uniform(0, 0.2)
    left, right = (shut, other) if dice.random() < 0.5 else (other, shut)
    if eyes > _WINKS:
        left = right = shut if eyes < _WINKS + _BLINKS else 0.0
    drawn |= {"blink": (left + right) / 2, "wink": (left - right) / 2}
    mouth, how_far = dice.random(), dice.uniform(0, 1)
    drawn["smile"] = how_far if mouth < _SMILES else 0.0
    drawn["pucker"] = how_far if mouth > 1 - _PUCKERS else 0.0
    return {name: float(value) for name, value in drawn.items()}


def render_clips(
    folder: Path,
    people: int,
    frames: int,
    seed: int,
    size: int,
    workers: int,
    progress: Progress = no_progress,
) -> None:
    """Render a clip of each person into `folder`, and label all of them.

    Clips that are there are not rendered again: an interrupted run goes on.

    Raises:
        LiaxError: Without anny and embreex.
    """
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    paths = {person: folder / "clips" / f"rendered-{seed}-{person:03d}.mp4" for person in range(people)}
    missing = [person for person, path in paths.items() if not path.exists()]
    if missing:
        with ProcessPoolExecutor(workers) as pool:
            render = partial(_render_clip, paths=paths, frames=frames, seed=seed, size=size)
            for done, _ in enumerate(pool.map(render, missing), start=1):
                progress("rendering heads", done * frames, len(missing) * frames)
    label_clips(folder, list(paths.items()), seed, progress)


def label_clips(
    folder: Path, clips: list[tuple[int, Path]], seed: int, progress: Progress = no_progress
) -> None:
    """Write regions.npz, with MediaPipe's boxes and what is known on its scale, and manifest.csv."""
    names, measured, truth_FK = list(FACTORS), {}, []
    with FaceLandmarker() as landmarker:
        for done, (person, path) in enumerate(clips, start=1):
            measured[f"clips/{path.name}"] = found = find_regions(landmarker, decode(path))
            drawn = (draw_frame(seed, person, frame) for frame in range(len(found.factors_TK)))
            truth_FK += [[factors[name] for name in names] for factors in drawn]
            progress("labelling", done, len(clips))
    labels_FK = label(np.array(truth_FK), np.concatenate([r.factors_TK for r in measured.values()]))
    starts = np.cumsum([len(r.factors_TK) for r in measured.values()])[:-1]
    labelled = zip(measured.items(), np.split(labels_FK, starts), strict=True)
    regions = {name: replace(found, factors_TK=factors_TK) for (name, found), factors_TK in labelled}
    save_regions(folder / "regions.npz", regions)
    with atomic_file(folder / "manifest.csv") as file:
        file.write(_manifest(regions).encode())


def label(truth_NK: NDArray[np.float64], measured_NK: NDArray[np.float32]) -> NDArray[np.float32]:
    """What MediaPipe would say if it saw well, (N, K): lines through what it says of frontal heads.

    Args:
        truth_NK: As drawn, in the order of FACTORS.
        measured_NK: By MediaPipe; NaN where it finds no face.
    """
    names, labels_NK = list(FACTORS), measured_NK.copy()
    blink, wink = names.index("blink"), names.index("wink")
    open_N = truth_NK[:, blink] + np.abs(truth_NK[:, wink]) <= _LIDS_HIDE
    frontal_N = (np.abs(truth_NK[:, names.index("yaw")]) < _FRONTAL) & np.isfinite(measured_NK[:, 0])
    for name in _KNOWN:
        k = names.index(name)
        shown_N = open_N if name.startswith("gaze") else np.ones(len(truth_NK), bool)
        fitted_N = frontal_N & shown_N
        slope, offset = np.polyfit(truth_NK[fitted_N, k], measured_NK[fitted_N, k], 1)
        if FACTORS[name].mirrored:
            offset = 0.0
        labels_NK[:, k] = np.where(shown_N, slope * truth_NK[:, k] + offset, np.nan)
    return labels_NK


def _manifest(regions: dict[str, Regions]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["file", "type", "split", "identity", "frames", "fps"])
    for name, found in regions.items():
        rows.writerow([name, "clip", "train", Path(name).stem, len(found.factors_TK), int(_RATE)])
    return text.getvalue()


@cache
def _renderer(seed: int, size: int):  # type: ignore[no-untyped-def]
    from tools.heads.people import PeopleRenderer

    return PeopleRenderer(seed, size, samples=1 if size > 256 else 2)


def _pictures(person: int, frames: int, seed: int, size: int) -> Iterator[NDArray[np.uint8]]:
    renderer = _renderer(seed, size)
    for frame in range(frames):
        yield renderer.picture(person, draw_frame(seed, person, frame), grain=frame)


def _render_clip(person: int, paths: dict[int, Path], frames: int, seed: int, size: int) -> None:
    with create_video(paths[person], _RATE, provenance=NOT_SYNTHETIC) as video:
        for number, picture_RR3 in enumerate(_pictures(person, frames, seed, size)):
            video.write(picture_RR3, number / _RATE)
