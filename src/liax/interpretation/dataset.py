"""What weights are measured on: clips, portraits of which some people are held out, rendered heads.

Rendered heads are pictures of computed people whose pose, expression and gaze are known exactly.
`tools/heads` of the repository renders a folder of them, and this module reads it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.bounded import read_arrays
from liax.data.frames import decode_item
from liax.data.manifest import Item, Manifest, manifest_in, read_manifest
from liax.errors import LiaxError
from liax.interpretation.observe import Observations, read_coefficients
from liax.media.formats import PICTURE_ERRORS, open_picture
from liax.portrait.animator import Animator
from liax.portrait.source import Source
from liax.progress import Progress, no_progress

PICTURES = (".jpg", ".jpeg", ".png", ".webp")
_VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi")
# One person in four is held out: calibrates nothing, and verifies the controls.
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


# What rendered heads are drawn from, and in which range; signs as in `liax.face.factors`. Head angles are in
# degrees, gaze in degrees within the head; x and y of the face in sides of the picture, size as a natural
# logarithm. The others are 1 at most: a blink below 0 counts as 0, so that half of all eyes are open, and a
# brow of -1 is a frown.
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
# Behind lids that are further down than this, gaze is unknown.
_LIDS_HIDE = 0.5
HEAD_PEOPLE = 12
HEADS_FILE = "heads.npz"


@dataclass(frozen=True)
class RenderedHeads:
    """N rendered heads.

    Args:
        paths: Their pictures.
        factors_NF: As drawn, in the order of HEAD_FACTORS.
        person_N: Who it is, 0 … HEAD_PEOPLE - 1.
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
                with open_picture(path) as image:
                    yield np.array(image.convert("RGB"))
            except PICTURE_ERRORS as error:
                raise LiaxError(f"{path} cannot be read ({error}); delete it, and render it anew.") from None


def observable_factors(factors_NF: NDArray[np.float64]) -> NDArray[np.float64]:
    """The factors (N, F) that a picture shows: gaze is NaN behind lids that are more than half shut."""
    names, known_NF = list(HEAD_FACTORS), factors_NF.copy()
    hidden_N = factors_NF[:, names.index("blink")] > _LIDS_HIDE
    for gaze in ("gaze-x", "gaze-y"):
        known_NF[hidden_N, names.index(gaze)] = np.nan
    return known_NF


def load_rendered_heads(folder: Path) -> RenderedHeads:
    """The heads in `folder`, which `tools/heads` rendered.

    Raises:
        LiaxError: If it holds none, or not all of them.
    """
    known = read_head_factors(folder / HEADS_FILE)
    count = len(known["factors"])
    paths = tuple(folder / f"{i:05d}.png" for i in range(count))
    missing = sum(not path.exists() for path in paths)
    if missing:
        raise LiaxError(f"{folder} lacks {missing} of its {count} heads; let their rendering finish.")
    return RenderedHeads(paths, known["factors"], known["person"])


def read_head_factors(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a folder's heads.npz.

    Returns:
        made (3,), int: version, seed and size; factors (N, F) float64; person (N,) int64; names (F,).

    Raises:
        LiaxError: If it is missing, damaged, or of other factors.
    """
    try:
        file = read_arrays(path)
        arrays = {name: file[name] for name in ("made", "factors", "person", "names")}
    except FileNotFoundError:
        raise LiaxError(
            f"{path.parent} holds no rendered heads; give a folder that the repository's tools/heads made."
        ) from None
    except Exception as error:  # numpy raises many kinds for a damaged file
        raise LiaxError(f"{path} cannot be read ({error}); delete the folder, and render anew.") from None
    if tuple(arrays["names"].tolist()) != tuple(HEAD_FACTORS):
        raise LiaxError(f"{path} names other factors; delete the folder, and render anew.")
    return arrays


def observe_rendered_heads(
    animator: Animator, heads: RenderedHeads, progress: Progress = no_progress
) -> Observations:
    """The network's coefficients of rendered heads beside their true factors; each person is a clip."""
    alphas = []
    for _, alpha_M in read_coefficients(animator, heads.images()):
        alphas.append(alpha_M)
        progress("observing rendered heads", len(alphas), len(heads.paths))
    people = tuple(f"person {i}" for i in range(HEAD_PEOPLE))
    known_NF = observable_factors(heads.factors_NF)
    return Observations(np.stack(alphas), known_NF, heads.person_N, people, tuple(HEAD_FACTORS))
