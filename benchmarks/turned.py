"""Driving heads that begin turned and swing over: which pictures still show the portrait's person.

    python benchmarks/turned.py --out benchmarks/results/turned.json

Pairs of a validation portrait and another person's clip whose head turns far. The clip's motion is played
from the frame that is turned furthest to the one that is turned the other way, in three ways: `free` counts
from the first frame and holds nothing (the option `force`), `first_frame` counts from there and holds the
head where pictures hold, and `default` is what `liax animate` does. Of every picture: whether a face is found
(MediaPipe), and how far its identity is from the portrait's own drawing (dlib's distance).
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray
from PIL import Image

from liax.face.embed import FaceEmbedder
from liax.face.landmarks import FaceLandmarker
from liax.media.images import read_image
from liax.media.video import Video
from liax.options import AnimateOptions, SourceOptions
from liax.portrait import Animator, animate, open_portrait
from liax.portrait.motion import DrivingFrame
from liax.portrait.source import Portrait
from liax.portrait.template import Template
from liax.weights import load

# Beyond this distance a picture shows somebody else, or a smear.
LARGEST_DRIFT = 0.45
_LEAST_TURN, _LOOKS = 25.0, 12
WAYS = {
    "free": AnimateOptions(reference="first", force=True, crop=False),
    "first_frame": AnimateOptions(reference="first", crop=False),
    "default": AnimateOptions(crop=False),
}


@dataclass(frozen=True)
class Settings:
    """Measure transfers of heads that begin turned."""

    out: Path
    """Where the results go, as JSON."""
    weights: str = "small"
    """Name or file of weights that have controls."""
    data: Path = Path("../shared/data")
    """Folder with manifest.csv, the portraits and the clips."""
    pairs: int = 30
    """How many pairs."""
    frames: int = 4
    """Pictures of each pair and way."""
    sheet: Path | None = None
    """Where to draw them: a row for each pair, the ways one after the other."""
    device: str | None = None
    """Where the network runs."""


def turned_clips(landmarker: FaceLandmarker, paths: list[Path], frames: int) -> dict[Path, list[np.ndarray]]:
    """Of each clip whose head turns far, `frames` frames from its furthest turn to the opposite one."""
    found = {}
    for path in paths:
        pictures = [frame.rgb() for frame in Video(path)]
        looks = np.linspace(0, len(pictures) - 1, _LOOKS).round().astype(int)
        faces = {int(n): face[0] for n in looks if (face := landmarker.detect(pictures[n]))}
        yaws = {n: face.yaw_pitch_roll[0] for n, face in faces.items()}
        if not yaws or max(yaws.values()) - min(yaws.values()) < _LEAST_TURN:
            continue
        first = max(yaws, key=lambda n: abs(yaws[n]))
        ordered = sorted(yaws, key=lambda n: abs(yaws[n] - yaws[first]))
        found[path] = [pictures[ordered[k]] for k in np.linspace(0, len(ordered) - 1, frames).astype(int)]
    return found


def as_template(animator: Animator, squares: list[np.ndarray]) -> Template:
    """The motion of these pictures, one a second."""
    alphas = animator.encode(squares).alpha_BM.float().cpu().numpy()
    frames = (DrivingFrame(Fraction(k), alpha_M, k == 0, None) for k, alpha_M in enumerate(alphas))
    return Template.of(frames, Fraction(1), animator.network)


class Likeness:
    """Whether a portrait's pictures show its person."""

    def __init__(
        self, animator: Animator, landmarker: FaceLandmarker, embedder: FaceEmbedder, portrait: Portrait
    ) -> None:
        self._landmarker, self._embedder = landmarker, embedder
        (own_RR3,) = animator.render(portrait.encoded, [portrait.alpha_M])
        self._own_128 = self._embedding(own_RR3)

    def distance(self, picture_RR3: NDArray[np.uint8]) -> float:
        """Of the face's embedding from the portrait's; NaN where none is found."""
        return float(np.linalg.norm(self._embedding(picture_RR3) - self._own_128))

    def _embedding(self, picture_RR3: NDArray[np.uint8]) -> NDArray[np.float64]:
        faces = self._landmarker.detect(picture_RR3)
        return self._embedder.embed(picture_RR3, faces[0]) if faces else np.full(128, np.nan)


def main(settings: Settings) -> None:
    """Measure all pairs; the results so far are written after each."""
    embedder = FaceEmbedder()
    rows = [row for row in csv.DictReader((settings.data / "manifest.csv").open()) if row["split"] == "val"]
    stills = [row for row in rows if row["type"] != "clip"]
    animator = Animator(load(settings.weights), settings.device)
    distances: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    names, sheet = [], []
    with FaceLandmarker(max_faces=1) as landmarker:
        paths = [settings.data / row["file"] for row in rows if row["type"] == "clip"]
        drivings = {
            path: as_template(animator, squares)
            for path, squares in turned_clips(landmarker, paths, settings.frames).items()
        }
        faces = [s for s in stills if landmarker.detect(read_image(settings.data / s["file"]))]
        for number in range(settings.pairs):
            # Every portrait and every clip about as often, never the same two twice.
            still = settings.data / faces[number % len(faces)]["file"]
            clip = list(drivings)[(number + number // len(faces)) % len(drivings)]
            portrait = open_portrait(animator, still, SourceOptions(crop=False))
            likeness = Likeness(animator, landmarker, embedder, portrait)
            tiles = [portrait.square_RR3]
            for way, options in WAYS.items():
                pictures = [p for _, p in animate(animator, portrait, drivings[clip], options).frames]
                distances[way].append([likeness.distance(picture) for picture in pictures])
                tiles += pictures
            names.append((still.name, clip.name))
            print(number + 1, *names[-1], {way: np.round(d[-1], 2).tolist() for way, d in distances.items()})
            write(settings.out, settings.weights, names, distances)
            sheet.append(np.concatenate(tiles, 1)[::2, ::2])
            if settings.sheet is not None:
                Image.fromarray(np.concatenate(sheet)).save(settings.sheet)


def write(
    out: Path, weights: str, names: list[tuple[str, str]], distances: dict[str, list[list[float]]]
) -> None:
    """Everything measured, and its summary by way, as JSON."""
    ways = {way: summary(d) for way, d in distances.items()}
    results = {"weights": weights, "pairs": names, "ways": ways, "distances": distances}
    out.write_text(json.dumps(results, indent=1).replace("NaN", "null") + "\n")


def summary(distances: list[list[float]]) -> dict[str, float]:
    """Pictures without a face, beyond LARGEST_DRIFT, and the mean and worst distance of the others."""
    all_N = np.array(distances).ravel()
    known_N = all_N[np.isfinite(all_N)]
    return {
        "pictures": len(all_N),
        "without_a_face": int(np.isnan(all_N).sum()),
        "beyond": int((known_N > LARGEST_DRIFT).sum()),
        "mean": round(float(known_N.mean()), 3),
        "worst": round(float(known_N.max()), 3),
    }


if __name__ == "__main__":
    main(tyro.cli(Settings))
