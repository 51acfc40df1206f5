"""What weights are measured on: clips, portraits of which some people are held out, rendered heads.

Rendered heads are pictures of computed people whose pose, expression and gaze are known, because they were
drawn from these numbers. `tools/heads` of the repository renders a folder of them; this module reads it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.data.frames import decode_item
from liax.data.manifest import Item, Manifest, manifest_in, read_manifest
from liax.errors import LiaxError
from liax.files import atomic_file
from liax.interpretation.observe import Observations, read_coefficients
from liax.portrait.animator import Animator
from liax.portrait.source import Source

PICTURES = (".jpg", ".jpeg", ".png", ".webp")
_VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi")
# Every so manyth person calibrates nothing and is asked afterwards.
_HELD_OUT_EVERY = 4


@dataclass(frozen=True)
class Portraits:
    """Portraits by name: those to measure effects on, and those of other people to verify controls on.

    Args:
        crop: Whether their faces have yet to be found and cut out.
    """

    measured: Mapping[str, Source]
    held_out: Mapping[str, Source]
    crop: bool


def open_dataset(data: Path, split: str | None) -> Manifest:
    """The clips and stills of a manifest's split, or of a folder without one, all cropped around one face.

    In a folder without a manifest every video and picture counts as a person of its own.

    Raises:
        LiaxError: For what is neither, or empty.
    """
    if not data.is_dir() or manifest_in(data):
        return read_manifest(data, split)
    items = []
    for path in sorted(data.iterdir()):
        if path.suffix.lower() in _VIDEOS:
            everything = Item(path.name, "clip", path.stem, sys.maxsize)
            frames = sum(1 for _ in decode_item(data, everything))
            items.append(Item(path.name, "clip", path.stem, frames))
        elif path.suffix.lower() in PICTURES:
            items.append(Item(path.name, "portrait", path.stem, 1))
    if not items:
        raise LiaxError(f"{data} holds no manifest.csv, video or picture; give the folder that does.")
    return Manifest(data, tuple(items), hashlib.sha256(repr(items).encode()).hexdigest())


def choose_portraits(manifest: Manifest, folder: Path | None, count: int) -> Portraits:
    """At most `count` portraits to measure, half as many to verify on, as many people as there are.

    Args:
        folder: Of pictures, a person each, whose faces will be found; None takes the manifest's stills and
            the first frames of its clips. A person is either measured or held out, never both.

    Raises:
        LiaxError: For fewer than two people.
    """
    if folder is not None:
        if not folder.is_dir():
            raise LiaxError(f"{folder} is not a folder; give one of portraits.")
        found: list[tuple[str, str, Source]] = [
            (path.stem, path.name, path)
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in PICTURES
        ]
        where = folder
    else:
        stills_first = sorted(manifest.items, key=lambda item: item.kind == "clip")
        found = [(item.identity, item.file, _first_frame(manifest, item)) for item in stills_first]
        where = manifest.folder
    people: dict[str, list[tuple[str, Source]]] = {}
    for identity, name, source in found:
        people.setdefault(identity, []).append((name, source))
    if len(people) < 2:
        raise LiaxError(
            f"{where} shows {len(people)} person; give two at least: one to measure, one to verify."
        )
    galleries = list(people.values())
    apart = set(range(_HELD_OUT_EVERY - 1, len(galleries), _HELD_OUT_EVERY)) or {len(galleries) - 1}
    measured = [gallery for i, gallery in enumerate(galleries) if i not in apart]
    held_out = [gallery for i, gallery in enumerate(galleries) if i in apart]
    return Portraits(
        dict(_round_robin(measured)[:count]),
        dict(_round_robin(held_out)[: max(1, count // 2)]),
        folder is not None,
    )


def _first_frame(manifest: Manifest, item: Item) -> Source:
    if item.kind == "portrait":
        return manifest.folder / item.file
    return next(iter(decode_item(manifest.folder, item)))


def _round_robin(galleries: Iterable[list[tuple[str, Source]]]) -> list[tuple[str, Source]]:
    """The first portrait of everybody, then the second of those who have two, and so on."""
    return [portrait for turn in zip_longest(*galleries) for portrait in turn if portrait is not None]


Progress = Callable[[str, int, int | None], None]

# Uniform ranges; signs as in `liax.face.factors`. Head and eyes in degrees, the eyes' within the head. x, y:
# of the face, in sides of the picture; size: natural logarithm. Others: 1 the most; a blink below 0 counts as
# 0, so that half of all eyes are open; brow -1 is a frown.
HEAD_FACTORS: dict[str, tuple[float, float]] = {
    "yaw": (-30, 30),
    "pitch": (-18, 18),
    "roll": (-15, 15),
    "x": (-0.06, 0.06),
    "y": (-0.05, 0.05),
    "size": (-0.15, 0.15),
    "jaw": (0, 0.7),
    "smile": (0, 1),
    "blink": (-1, 1),
    "brow": (-1, 1),
    "gaze-x": (-22, 22),
    "gaze-y": (-20, 20),
}
# Where lids are further down, nobody could tell where the eyes look: gaze is unknown.
_LIDS_HIDE = 0.5
HEAD_PEOPLE = 12
# Of what rendered heads look like; folders of other versions are not mixed.
_HEADS_VERSION = 1
_HEADS_FILE = "heads.npz"


@dataclass(frozen=True)
class RenderedHeads:
    """N rendered heads.

    Args:
        paths: Their pictures.
        factors_NF: As drawn, in the order of HEAD_FACTORS.
        person_N: Who it is, 0…PEOPLE - 1.
    """

    paths: tuple[Path, ...]
    factors_NF: NDArray[np.float64]
    person_N: NDArray[np.int64]

    def images(self) -> Iterator[NDArray[np.uint8]]:
        """RGB uint8 (R, R, 3), one at a time.

        Raises:
            LiaxError: For one that cannot be read.
        """
        for path in self.paths:
            try:
                with Image.open(path) as image:
                    yield np.array(image.convert("RGB"))
            except OSError as error:
                raise LiaxError(f"{path} cannot be read ({error}); delete it, and render it anew.") from None


def draw_factors(count: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Factors (N, F) of the first `count` heads, drawn independently, and who they are (N,), in turn.

    More heads of one seed begin with the same ones.
    """
    low_F, high_F = np.array(list(HEAD_FACTORS.values()), np.float64).T
    drawn = [np.random.default_rng([seed, 0, i]).uniform(low_F, high_F) for i in range(count)]
    factors_NF = np.array(drawn).reshape(count, len(HEAD_FACTORS))
    blink = list(HEAD_FACTORS).index("blink")
    factors_NF[:, blink] = factors_NF[:, blink].clip(min=0)
    return factors_NF, np.arange(count, dtype=np.int64) % HEAD_PEOPLE


def observable_factors(factors_NF: NDArray[np.float64]) -> NDArray[np.float64]:
    """The factors (N, F) that a picture shows: gaze is NaN behind lids that are more than half shut."""
    names, known_NF = list(HEAD_FACTORS), factors_NF.copy()
    hidden_N = factors_NF[:, names.index("blink")] > _LIDS_HIDE
    for gaze in ("gaze-x", "gaze-y"):
        known_NF[hidden_N, names.index(gaze)] = np.nan
    return known_NF


def render_heads(
    folder: Path, count: int, seed: int = 0, size: int = 256, progress: Progress | None = None
) -> RenderedHeads:
    """`count` heads as pictures of `size` pixels a side in `folder`, which is created if need be.

    Those that are there are not rendered again, so that an interrupted run goes on and a second one is free;
    `heads.npz` keeps their factors. About 0.7 s a head on one core.

    Raises:
        LiaxError: Without anny and embreex, and where `folder` holds heads of another seed, size, version.
    """
    factors_NF, person_N = draw_factors(count, seed)
    paths = tuple(folder / f"{i:05d}.png" for i in range(count))
    _lock_heads(folder, factors_NF, person_N, seed, size)
    missing = [i for i, path in enumerate(paths) if not path.exists()]
    if missing:
        from tools.heads.people import PeopleRenderer

        studio = PeopleRenderer(seed, size)
        for done, i in enumerate(missing, start=1):
            factors = dict(zip(HEAD_FACTORS, factors_NF[i].tolist(), strict=True))
            picture_RR3 = studio.picture(int(person_N[i]), factors, grain=i)
            with atomic_file(paths[i]) as file:
                Image.fromarray(picture_RR3).save(file, "PNG")
            if progress is not None:
                progress("rendering heads", done, len(missing))
    return RenderedHeads(paths, factors_NF, person_N)


def load_rendered_heads(folder: Path) -> RenderedHeads:
    """The heads that were rendered into `folder`; raises LiaxError where some are missing."""
    kept = _read_heads(folder / _HEADS_FILE)
    count = len(kept["factors"])
    paths = tuple(folder / f"{i:05d}.png" for i in range(count))
    missing = sum(not path.exists() for path in paths)
    if missing:
        raise LiaxError(f"{folder} lacks {missing} of its {count} heads; let their rendering finish.")
    return RenderedHeads(paths, kept["factors"], kept["person"])


def observe_rendered_heads(
    animator: Animator, heads: RenderedHeads, progress: Progress | None = None
) -> Observations:
    """The network's coefficients of rendered heads beside their true factors; each person is a clip."""
    alphas = []
    for _, alpha_M in read_coefficients(animator, heads.images()):
        alphas.append(alpha_M)
        if progress is not None:
            progress("observing rendered heads", len(alphas), len(heads.paths))
    people = tuple(f"person {i}" for i in range(HEAD_PEOPLE))
    known_NF = observable_factors(heads.factors_NF)
    return Observations(np.stack(alphas), known_NF, heads.person_N, people, tuple(HEAD_FACTORS))


def _lock_heads(
    folder: Path, factors_NF: NDArray[np.float64], person_N: NDArray[np.int64], seed: int, size: int
) -> None:
    """Write down what is rendered into the folder, unless it says so already."""
    folder.mkdir(parents=True, exist_ok=True)
    made = np.array([_HEADS_VERSION, seed, size])
    path = folder / _HEADS_FILE
    if path.exists():
        kept = _read_heads(path)
        if kept["made"].tolist() != made.tolist():
            raise LiaxError(f"{folder} holds heads of another seed, size or version; choose another folder.")
        if len(kept["factors"]) >= len(factors_NF):
            return
    with atomic_file(path) as file:
        np.savez(file, made=made, factors=factors_NF, person=person_N, names=np.array(list(HEAD_FACTORS)))


def _read_heads(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in ("made", "factors", "person", "names")}
    except FileNotFoundError:
        raise LiaxError(f"{path.parent} holds no rendered heads; give the folder that does.") from None
    except Exception as error:  # numpy has many ways to dislike a file
        raise LiaxError(f"{path} cannot be read ({error}); delete the folder, and render anew.") from None
    if tuple(arrays["names"].tolist()) != tuple(HEAD_FACTORS):
        raise LiaxError(f"{path} names other factors; delete the folder, and render anew.")
    return arrays
