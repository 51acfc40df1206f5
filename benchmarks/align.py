"""Alignment: how near an automatically edited portrait comes to the driving's first frame, and who it stays.

    python benchmarks/align.py --weights my.safetensors --out results/align

Fifty pairs of a validation portrait and another person's validation clip, the same for all weights. Measured
in the decoded portrait before any motion is transferred: the head turn that it lacks (MediaPipe, degrees) and
the distance of its identity to the source's photograph (dlib). That distance grows for anybody who turns the
head, so it stands beside that of two frames of one real clip that are turned as far from each other.
"""

from __future__ import annotations

import csv
import json
import random
import sys
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tyro
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from liax.errors import LiaxError
from liax.face.embed import SAME_PERSON_DISTANCE, FaceEmbedder
from liax.face.landmarks import Face, FaceLandmarker
from liax.media.images import read_image
from liax.media.video import Video
from liax.portrait import Animator
from liax.portrait.align import align_source, head_turn
from liax.portrait.device import keep_freed_memory
from liax.weights import load

# What is compared with the driving's first frame: no edit, the coefficients' difference, that refined.
VERSIONS = ("unedited", "coefficients", "refined")
_SEED, _LEAST_TURN, _USES_OF_PORTRAIT, _USES_OF_CLIP = 0, 3.0, 2, 3
# Real people turning: one clip each of those that turn far, and every so many of its frames.
_FAR, _EVERY = 0.2, 12
_TURNS = (0, 3, 6, 10, 15, 20, 30, 50)
_TILE, _TITLE = 192, 22


@dataclass(frozen=True)
class Settings:
    """Measure `liax animate --align`."""

    out: Path
    """Folder of the results."""
    weights: str = "small"
    """Name or file of weights that have controls."""
    align: Literal["pose", "all"] = "pose"
    """What is aligned."""
    data: Path = Path("../shared/data")
    """Folder with manifest.csv, the portraits and the clips."""
    pairs: int = 50
    """How many pairs."""
    shown: int = 8
    """Pairs on the contact sheet, evenly spread over the turns."""
    device: str | None = None
    """Where the network runs."""


@dataclass(frozen=True)
class Picture:
    """A portrait, or a clip's first frame: a square with a face."""

    name: str
    identity: str
    image_RR3: NDArray[np.uint8]
    face: Face


@dataclass(frozen=True)
class Record:
    """One pair.

    Args:
        turn: Degrees between the source's head and the driving's, in the photograph and per version.
        turned: Degrees between the photograph's head and the version's.
        identity: Distance of the version to the photograph.
        natural: That of real people so turned.
        other: The driving person's. None: no face.
    """

    source: str
    driving: str
    turn_of_photograph: float
    turn: dict[str, float | None]
    turned: dict[str, float | None]
    identity: dict[str, float | None]
    natural: dict[str, float | None]
    other: float


def run(settings: Settings) -> dict[str, Any]:
    """Measure all pairs; write results.json, results.md and sheet.png; returns the first."""
    embedder, animator = FaceEmbedder(), Animator(load(settings.weights), settings.device)
    settings.out.mkdir(parents=True, exist_ok=True)
    with FaceLandmarker() as landmarker:
        natural = natural_distances(settings.data, landmarker, embedder)
        pairs = choose_pairs(*_material(settings.data, landmarker), settings.pairs)
        spread = sorted(pairs, key=lambda pair: _degrees(pair[0].face, pair[1].face))
        shown = {_key(spread[k]) for k in np.linspace(0, len(spread) - 1, settings.shown).astype(int)}
        records, rows = [], []
        for number, pair in enumerate(pairs, 1):
            record, pictures = _measure(animator, landmarker, embedder, *pair, settings.align, natural)
            records.append(record)
            if _key(pair) in shown:
                rows.append((record, pictures))
            print(f"{number} of {len(pairs)}: {record.turn}", file=sys.stderr)
    results = {"weights": settings.weights, "align": settings.align, "summary": summarise(records)}
    results["pairs"] = [asdict(record) for record in records]
    (settings.out / "results.json").write_text(json.dumps(results, indent=1))
    (settings.out / "results.md").write_text(_markdown(results["summary"]), encoding="utf-8")
    _sheet(sorted(rows, key=lambda row: row[0].turn_of_photograph)).save(settings.out / "sheet.png")
    return results


def choose_pairs(portraits: list[Picture], clips: list[Picture], count: int) -> list[tuple[Picture, Picture]]:
    """Pairs of different people whose heads differ by more than 3°; no picture is used often."""
    pairs = [
        (portrait, clip)
        for portrait in portraits
        for clip in clips
        if portrait.identity != clip.identity and _degrees(portrait.face, clip.face) > _LEAST_TURN
    ]
    random.Random(_SEED).shuffle(pairs)
    chosen: list[tuple[Picture, Picture]] = []
    uses: dict[str, int] = {}
    for portrait, clip in pairs:
        if uses.get(portrait.name, 0) < _USES_OF_PORTRAIT and uses.get(clip.name, 0) < _USES_OF_CLIP:
            chosen.append((portrait, clip))
            uses[portrait.name] = uses.get(portrait.name, 0) + 1
            uses[clip.name] = uses.get(clip.name, 0) + 1
    if len(chosen) < count:
        raise LiaxError(f"The material has only {len(chosen)} such pairs; ask for fewer with --pairs.")
    return chosen[:count]


def summarise(records: list[Record]) -> dict[str, Any]:
    """Means over the pairs in which every version shows a face, and how they compare with no edit."""
    whole = [record for record in records if None not in record.turn.values()]

    def means(field: str) -> dict[str, float]:
        return {v: float(np.mean([getattr(record, field)[v] for record in whole])) for v in VERSIONS}

    turn, identity, natural = means("turn"), means("identity"), means("natural")
    turn_WV, identity_WV = (
        np.array([[getattr(record, field)[v] for v in VERSIONS] for record in whole])
        for field in ("turn", "identity")
    )
    return {
        "pairs": len(records),
        "without a face": len(records) - len(whole),
        "turn of photographs": float(np.mean([record.turn_of_photograph for record in whole])),
        "other people": float(np.mean([record.other for record in whole])),
        "turn": turn,
        "turned": means("turned"),
        "turn falls by": {v: 1 - turn[v] / turn["unedited"] for v in VERSIONS},
        "within 1.5 degrees": dict(zip(VERSIONS, (turn_WV <= 1.5).sum(0).tolist(), strict=True)),
        "further than unedited": dict(zip(VERSIONS, (turn_WV > turn_WV[:, :1]).sum(0).tolist(), strict=True)),
        "identity": identity,
        "same person": dict(zip(VERSIONS, (identity_WV < SAME_PERSON_DISTANCE).sum(0).tolist(), strict=True)),
        "natural": natural,
        "identity grows by": {v: identity[v] / identity["unedited"] - 1 for v in VERSIONS},
        "identity beyond natural": {v: identity[v] / natural[v] - 1 for v in VERSIONS},
    }


def _measure(
    animator: Animator,
    landmarker: FaceLandmarker,
    embedder: FaceEmbedder,
    source: Picture,
    driving: Picture,
    align: Literal["pose", "all"],
    natural: NDArray[np.float64],
) -> tuple[Record, list[NDArray[np.uint8]]]:
    """The record, and its pictures: photograph, driving frame, one per version."""
    encoded = animator.encode([source.image_RR3])
    alpha_M = encoded.alpha_BM[0].float().cpu().numpy()
    first_M = animator.encode([driving.image_RR3]).alpha_BM[0].float().cpu().numpy()
    edits = [
        np.zeros_like(alpha_M),
        align_source(animator, encoded, None, first_M, align, None),
        align_source(animator, encoded, driving.image_RR3, first_M, align, landmarker),
    ]
    results = list(animator.render(encoded, [alpha_M + edit_M for edit_M in edits]))
    identity_128 = embedder.embed(source.image_RR3, source.face)
    turn, turned, identity, expected = {}, {}, {}, {}
    for version, result_RR3 in zip(VERSIONS, results, strict=True):
        for face in landmarker.detect(result_RR3)[:1]:
            turn[version] = _degrees(face, driving.face)
            turned[version] = _degrees(source.face, face)
            identity[version] = float(np.linalg.norm(embedder.embed(result_RR3, face) - identity_128))
            expected[version] = float(np.interp(turned[version], *natural))
    other = float(np.linalg.norm(embedder.embed(driving.image_RR3, driving.face) - identity_128))
    found = (dict.fromkeys(VERSIONS) | measured for measured in (turn, turned, identity, expected))
    record = Record(source.name, driving.name, _degrees(source.face, driving.face), *found, other)
    return record, [source.image_RR3, driving.image_RR3, *results]


def natural_distances(data: Path, landmarker: FaceLandmarker, embedder: FaceEmbedder) -> NDArray[np.float64]:
    """(2, N): turns in degrees, and how far apart two frames of one real clip are that differ so much."""
    rows = [row for row in _rows(data) if row["type"] == "clip" and float(row["yaw_range"]) > _FAR]
    found = []
    for row in {row["identity"]: row for row in rows}.values():
        pictures = [
            frame.rgb() for number, frame in enumerate(Video(data / row["file"])) if number % _EVERY == 0
        ]
        seen = [(face, embedder.embed(p, face)) for p in pictures for face in landmarker.detect(p)[:1]]
        found += [
            (_degrees(one[0], other[0]), float(np.linalg.norm(one[1] - other[1])))
            for one, other in combinations(seen, 2)
        ]
    turns_N, distances_N = np.array(found).T
    bins = [(turns_N >= low) & (turns_N < high) for low, high in pairwise(_TURNS)]
    return np.array([(turns_N[bin_N].mean(), distances_N[bin_N].mean()) for bin_N in bins if bin_N.any()]).T


def _material(data: Path, landmarker: FaceLandmarker) -> tuple[list[Picture], list[Picture]]:
    """The validation portraits and the validation clips' first frames that show a face."""
    found: dict[str, list[Picture]] = {"portrait": [], "clip": []}
    for row in _rows(data):
        if row["split"] == "val":
            path = data / row["file"]
            image_HW3 = read_image(path) if row["type"] == "portrait" else next(iter(Video(path))).rgb()
            for face in landmarker.detect(image_HW3)[:1]:
                found[row["type"]].append(Picture(path.stem, row["identity"], image_HW3, face))
    return found["portrait"], found["clip"]


def _rows(data: Path) -> list[dict[str, str]]:
    manifest = data / "manifest.csv"
    if not manifest.is_file():
        raise LiaxError(f"{manifest} does not exist; give the folder that holds manifest.csv with --data.")
    with manifest.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _degrees(start: Face, end: Face) -> float:
    return float(np.linalg.norm(head_turn(start, end)))


def _key(pair: tuple[Picture, Picture]) -> tuple[str, str]:
    return pair[0].name, pair[1].name


def _markdown(summary: dict[str, Any]) -> str:
    lines = [
        f"{summary['pairs']} pairs, {summary['without a face']} of them left out for want of a face; the "
        f"photographs' heads are {summary['turn of photographs']:.1f}° apart, "
        f"the people {summary['other people']:.2f}.",
        "",
        "| | turn left | falls by | within 1.5° | further away | turned by | same person | distance "
        "| grows by | real people so turned | beyond them |",
        "|---" * 11 + "|",
    ]
    for v in VERSIONS:
        lines.append(
            f"| {v} | {summary['turn'][v]:.2f}° | {summary['turn falls by'][v]:.0%} "
            f"| {summary['within 1.5 degrees'][v]} | {summary['further than unedited'][v]} "
            f"| {summary['turned'][v]:.1f}° | {summary['same person'][v]} | {summary['identity'][v]:.3f} "
            f"| {summary['identity grows by'][v]:.0%} | {summary['natural'][v]:.3f} "
            f"| {summary['identity beyond natural'][v]:+.0%} |"
        )
    return "\n".join(lines) + "\n"


def _sheet(rows: list[tuple[Record, list[NDArray[np.uint8]]]]) -> Image.Image:
    """A row per pair: photograph, driving's first frame, unedited, coefficients only, refined."""
    labels = ("source", "driving", *VERSIONS)
    sheet = Image.new("RGB", (len(labels) * _TILE, len(rows) * (_TILE + _TITLE)), (24, 24, 24))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for y, (record, pictures) in enumerate(rows):
        for x, (label, picture_RR3) in enumerate(zip(labels, pictures, strict=True)):
            left, top = x * _TILE, y * (_TILE + _TITLE)
            sheet.paste(Image.fromarray(picture_RR3).resize((_TILE, _TILE)), (left, top + _TITLE))
            turn, identity = record.turn.get(label), record.identity.get(label)
            numbers = f"  {turn:.1f}°  {identity:.2f}" if turn is not None and identity is not None else ""
            pen.text((left + 3, top + 3), label + numbers, "white", font)
    return sheet


def main() -> int:
    """Parse, run, print the table; a LiaxError becomes one sentence and exit code 1."""
    settings = tyro.cli(Settings)
    keep_freed_memory()
    try:
        run(settings)
    except LiaxError as error:
        print(f"align: {error}", file=sys.stderr)
        return 1
    print((settings.out / "results.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
