"""A folder of rendered heads, as `liax interpret` reads it: FOLDER/00000.png … and FOLDER/heads.npz."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.errors import LiaxError
from liax.files import atomic_file
from liax.interpretation.dataset import (
    HEAD_FACTORS,
    HEAD_PEOPLE,
    HEADS_FILE,
    RenderedHeads,
    read_head_factors,
)
from liax.progress import Progress, no_progress

# Raised when the same factors would give other pictures; folders of different versions are not mixed.
_VERSION = 1


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


def render_heads(
    folder: Path, count: int, seed: int = 0, size: int = 256, progress: Progress = no_progress
) -> RenderedHeads:
    """Render `count` heads into `folder`, which is created if need be.

    Pictures that are there are not rendered again: an interrupted run goes on, and a second one costs
    nothing. A head takes about 0.7 s on one core.

    Args:
        seed: Of the factors and of the people.
        size: Side of the pictures, in pixels.

    Raises:
        LiaxError: Without anny and embreex; if `folder` holds heads of another seed, size or version.
    """
    factors_NF, person_N = draw_factors(count, seed)
    paths = tuple(folder / f"{i:05d}.png" for i in range(count))
    _lock_folder(folder, factors_NF, person_N, seed, size)
    missing = [i for i, path in enumerate(paths) if not path.exists()]
    if missing:
        # Imported here: loading the body model takes seconds, and a finished folder does not need it.
        from tools.heads.people import PeopleRenderer

        renderer = PeopleRenderer(seed, size)
        for done, i in enumerate(missing, start=1):
            factors = dict(zip(HEAD_FACTORS, factors_NF[i].tolist(), strict=True))
            picture_RR3 = renderer.picture(int(person_N[i]), factors, grain=i)
            with atomic_file(paths[i]) as file:
                Image.fromarray(picture_RR3).save(file, "PNG")
            progress("rendering heads", done, len(missing))
    return RenderedHeads(paths, factors_NF, person_N)


def _lock_folder(
    folder: Path, factors_NF: NDArray[np.float64], person_N: NDArray[np.int64], seed: int, size: int
) -> None:
    """Record what is rendered into the folder, unless it is recorded already."""
    folder.mkdir(parents=True, exist_ok=True)
    made = np.array([_VERSION, seed, size])
    path = folder / HEADS_FILE
    if path.exists():
        known = read_head_factors(path)
        if known["made"].tolist() != made.tolist():
            raise LiaxError(f"{folder} holds heads of another seed, size or version; choose another folder.")
        if len(known["factors"]) >= len(factors_NF):
            return
    with atomic_file(path) as file:
        np.savez(file, made=made, factors=factors_NF, person=person_N, names=np.array(list(HEAD_FACTORS)))
