"""How well portraits follow a face that another program measured: Live Link Face's CSV, read back.

    python benchmarks/live_link.py DATA [--clips 8] [--frames 24] [--out benchmarks/results/live_link.json]

Of the liveliest validation clips (one a person), some frames are measured by MediaPipe, and the measures are
written as a CSV of Live Link Face. The first of them, animated with that CSV alone, is measured again. What
is correlated is measure against measure, over a clip, for every factor that moves in it; the gain is the
slope of the one over the other. No coefficients are read from the frames; but beside it stands what the
coefficients that the network reads in these very frames give ("read"), which is as much as it can draw.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray

from liax.data.manifest import read_manifest
from liax.data.regions import load_regions
from liax.evaluation.clips import read_frames
from liax.evaluation.motion_metrics import MOTION_THRESHOLDS, gain, pearson
from liax.face.factors import FACTORS, measure_factors
from liax.face.landmarks import Face, FaceLandmarker
from liax.options import AnimateOptions
from liax.portrait import Animator, animate
from liax.portrait.source import open_portrait
from liax.portrait.track_driving import open_track
from liax.tracks.live_link import write_live_link
from liax.tracks.reading import read_track
from liax.tracks.shapes import SHAPES, ShapeTrack
from liax.tracks.timing import Timing
from liax.weights import fingerprint, load

WANTED = ("jaw", "smile", "blink", "brow", "yaw", "pitch", "roll")


@dataclass(frozen=True)
class Settings:
    """Measure how well portraits follow a CSV of Live Link Face."""

    data: tyro.conf.Positional[Path]
    """Folder of the manifest and `regions.npz`."""
    weights: str = "small"
    """Name or file of the weights."""
    clips: int = 8
    """How many clips."""
    frames: int = 24
    """How many frames of each, spread over it."""
    out: Path = Path("benchmarks/results/live_link.json")
    """Where the numbers are written."""


def lively_clips(data: Path, count: int) -> list[Path]:
    """The validation clips in which the factors move most, one a person."""
    regions = load_regions(data / "regions.npz")
    names = list(FACTORS)
    columns = [names.index(name) for name in WANTED]
    best: dict[str, tuple[float, Path]] = {}
    for item in read_manifest(data / "manifest.csv", "val").items:
        if item.file not in regions or len(regions[item.file].factors_TK) < 2:
            continue
        spread_K = np.nanstd(regions[item.file].factors_TK[:, columns], 0)
        usual_K = np.array([FACTORS[name].usual for name in WANTED])
        best[item.identity] = max(
            best.get(item.identity, (0.0, Path())),
            (float((spread_K / usual_K).clip(0, 1).sum()), data / item.file),
        )
    return [path for _, path in sorted(best.values(), reverse=True)[:count]]


def measured(landmarker: FaceLandmarker, frames: list[NDArray[np.uint8]]) -> list[Face | None]:
    return [next(iter(landmarker.detect(frame_RR3)), None) for frame_RR3 in frames]


def factors_TF(faces: list[Face | None], size: int) -> NDArray[np.float64]:
    missing = np.full(len(FACTORS), np.nan)
    return np.stack([missing if face is None else measure_factors(face, size) for face in faces])


def follow(
    animator: Animator, landmarker: FaceLandmarker, clip: Path, count: int, folder: Path
) -> dict[str, dict[str, float]]:
    """Factor -> correlation and gain between the clip and what its CSV makes of its first frame.

    Besides, the correlation with what the coefficients of all its frames make of the first.
    """
    frames = list(read_frames(clip))
    chosen = np.linspace(0, len(frames) - 1, count).round().astype(int)
    frames = [frames[n] for n in chosen]
    faces = measured(landmarker, frames)
    seen = [k for k, face in enumerate(faces) if face is not None]
    frames, faces = [frames[k] for k in seen], [faces[k] for k in seen]
    shapes = {
        name: np.array([face.blendshapes[name] for face in faces if face is not None])
        for name in SHAPES
        if name != "tongueOut"
    }
    head_T3 = np.array([face.yaw_pitch_roll for face in faces if face is not None])
    path = folder / "face.csv"
    write_live_link(ShapeTrack(Timing.steady(len(faces), Fraction(60)), shapes, head_T3), path)
    driving = open_track(read_track(path), animator, path)
    portrait = open_portrait(animator, frames[0], AnimateOptions(crop=False))
    result = animate(animator, portrait, driving, AnimateOptions(crop=False))
    drawn = [picture_RR3 for _, picture_RR3 in result.frames]
    read = list(animator.render(portrait.encoded, animator.coefficients(frames)))
    size = animator.size
    before_TF = factors_TF(faces, size)
    after_TF, read_TF = (factors_TF(measured(landmarker, each), size) for each in (drawn, read))
    found = {}
    for k, name in enumerate(FACTORS):
        if name in ("x", "y", "size", "wink"):
            continue  # not in the CSV, or not in the weights
        x, y = before_TF[:, k], after_TF[:, k]
        if MOTION_THRESHOLDS[name](x):
            found[name] = {
                "correlation": round(pearson(x, y), 4),
                "gain": round(gain(x, y), 4),
                "read": round(pearson(x, read_TF[:, k]), 4),
            }
    return found


def main(settings: Settings) -> None:
    network = load(settings.weights)
    animator = Animator(network)
    clips: dict[str, dict[str, dict[str, float]]] = {}
    with FaceLandmarker() as landmarker, tempfile.TemporaryDirectory() as folder:
        for clip in lively_clips(settings.data, settings.clips):
            clips[clip.stem] = follow(animator, landmarker, clip, settings.frames, Path(folder))
            shown = ", ".join(
                f"{name} {values['correlation']:.2f}" for name, values in clips[clip.stem].items()
            )
            print(f"{clip.stem}: {shown}", flush=True)
    means = {}
    for name in FACTORS:
        values = [found[name] for found in clips.values() if name in found]
        if values:
            means[name] = {
                key: round(float(np.mean([each[key] for each in values])), 4)
                for key in ("correlation", "gain", "read")
            } | {"clips": len(values)}
            shown = ", ".join(f"{key} {value:g}" for key, value in means[name].items())
            print(f"{name}: {shown}")
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    settings.out.write_text(
        json.dumps(
            {
                "weights": fingerprint(network),
                "frames": settings.frames,
                "means": means,
                "clips": clips,
            },
            indent=1,
        )
        + "\n"
    )


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
