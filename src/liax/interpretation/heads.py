"""Rendered heads: twelve computed people whose pose, expression and gaze are known because they were drawn.

Instruments err, and one of them labelled what weights may have been trained on; here the factors are what the
picture was made from, drawn independently of each other. Rendering needs anny and embreex (liax[heads]);
heads that were rendered are read from their folder without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.errors import LiaxError
from liax.files import replacing
from liax.interpretation.observe import Observations, read_coefficients
from liax.portrait.animator import Animator

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
PEOPLE = 12
# Of what rendered heads look like; folders of other versions are not mixed.
_VERSION = 1
_FILE = "heads.npz"


@dataclass(frozen=True)
class Heads:
    """N rendered heads. paths: their pictures. factors_NF: as drawn, in the order of HEAD_FACTORS.
    person_N: who it is, 0…PEOPLE - 1.
    """

    paths: tuple[Path, ...]
    factors_NF: NDArray[np.float64]
    person_N: NDArray[np.int64]

    def images(self) -> Iterator[NDArray[np.uint8]]:
        """RGB uint8 (R, R, 3), one at a time. Raises LiaxError for one that cannot be read."""
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
    return factors_NF, np.arange(count, dtype=np.int64) % PEOPLE


def visible(factors_NF: NDArray[np.float64]) -> NDArray[np.float64]:
    """The factors (N, F) that a picture shows: gaze is NaN behind lids that are more than half shut."""
    names, known_NF = list(HEAD_FACTORS), factors_NF.copy()
    hidden_N = factors_NF[:, names.index("blink")] > _LIDS_HIDE
    for gaze in ("gaze-x", "gaze-y"):
        known_NF[hidden_N, names.index(gaze)] = np.nan
    return known_NF


def render_heads(
    folder: Path, count: int, seed: int = 0, size: int = 256, progress: Progress | None = None
) -> Heads:
    """`count` heads as pictures of `size` pixels a side in `folder`, which is created if need be.

    Those that are there are not rendered again, so that an interrupted run goes on and a second one is free;
    `heads.npz` keeps their factors. About 0.7 s a head on one core.
    Raises LiaxError without anny and embreex, and where `folder` holds heads of another seed, size, version.
    """
    factors_NF, person_N = draw_factors(count, seed)
    paths = tuple(folder / f"{i:05d}.png" for i in range(count))
    _claim(folder, factors_NF, person_N, seed, size)
    missing = [i for i, path in enumerate(paths) if not path.exists()]
    if missing:
        from liax.interpretation.head_people import Studio

        studio = Studio(seed, size)
        for done, i in enumerate(missing, start=1):
            factors = dict(zip(HEAD_FACTORS, factors_NF[i].tolist(), strict=True))
            picture_RR3 = studio.picture(int(person_N[i]), factors, grain=i)
            with replacing(paths[i]) as file:
                Image.fromarray(picture_RR3).save(file, "PNG")
            if progress is not None:
                progress("rendering heads", done, len(missing))
    return Heads(paths, factors_NF, person_N)


def load_heads(folder: Path) -> Heads:
    """The heads that were rendered into `folder`; raises LiaxError where some are missing."""
    kept = _read(folder / _FILE)
    count = len(kept["factors"])
    paths = tuple(folder / f"{i:05d}.png" for i in range(count))
    missing = sum(not path.exists() for path in paths)
    if missing:
        raise LiaxError(f"{folder} lacks {missing} of its {count} heads; let their rendering finish.")
    return Heads(paths, kept["factors"], kept["person"])


def observe_heads(animator: Animator, heads: Heads, progress: Progress | None = None) -> Observations:
    """The network's coefficients of rendered heads beside their true factors; each person is a clip."""
    alphas = []
    for _, alpha_M in read_coefficients(animator, heads.images()):
        alphas.append(alpha_M)
        if progress is not None:
            progress("observing rendered heads", len(alphas), len(heads.paths))
    people = tuple(f"person {i}" for i in range(PEOPLE))
    known_NF = visible(heads.factors_NF)
    return Observations(np.stack(alphas), known_NF, heads.person_N, people, tuple(HEAD_FACTORS))


def _claim(
    folder: Path, factors_NF: NDArray[np.float64], person_N: NDArray[np.int64], seed: int, size: int
) -> None:
    """Write down what is rendered into the folder, unless it says so already."""
    folder.mkdir(parents=True, exist_ok=True)
    made = np.array([_VERSION, seed, size])
    path = folder / _FILE
    if path.exists():
        kept = _read(path)
        if kept["made"].tolist() != made.tolist():
            raise LiaxError(f"{folder} holds heads of another seed, size or version; choose another folder.")
        if len(kept["factors"]) >= len(factors_NF):
            return
    with replacing(path) as file:
        np.savez(file, made=made, factors=factors_NF, person=person_N, names=np.array(list(HEAD_FACTORS)))


def _read(path: Path) -> dict[str, NDArray[Any]]:
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
