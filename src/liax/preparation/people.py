"""The people of other data sets, by which those of a new one are told."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.bounded import read_arrays, short
from liax.data.frames import decode_item
from liax.data.manifest import Item, read_manifest
from liax.errors import LiaxError
from liax.face.embed import FaceEmbedder
from liax.face.landmarks import FaceLandmarker
from liax.files import atomic_file
from liax.preparation.config import Selection
from liax.preparation.identities import KnownPeople
from liax.preparation.selection import evenly_spaced
from liax.progress import Progress, no_progress

log = logging.getLogger(__name__)

PEOPLE_FILE = "people.npz"
# Files of a person, and frames of each file, that are measured.
_FILES, _FRAMES = 3, 3
_SECONDS_BETWEEN_SAVES = 30


@dataclass(frozen=True)
class OtherPeople:
    """People of other data sets: those who keep their names and splits, and those who are not wanted.

    Args:
        apart: Each with the data set that they are of.
    """

    known: tuple[KnownPeople, ...] = ()
    apart: tuple[tuple[Path, KnownPeople], ...] = ()

    def told(
        self, embeddings: Mapping[str, NDArray[np.float64]]
    ) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
        """Which of some people, by their mean embeddings, these are.

        Returns:
            The names of those who are known; the splits of these names; why others are not wanted.
        """
        names: dict[str, str] = {}
        splits: dict[str, str] = {}
        unwanted: dict[str, str] = {}
        for person, embedding_E in embeddings.items():
            for path, people in self.apart:
                if people.closest(embedding_E) is not None:
                    unwanted.setdefault(person, f"of a person of {path}")
            for people in self.known:
                match = people.closest(embedding_E)
                if match is not None and person not in names:
                    names[person] = people.names[match]
                    splits.setdefault(people.names[match], people.splits[match])
        return names, splits, unwanted


def other_people(selection: Selection, cache: Path, progress: Progress = no_progress) -> OtherPeople:
    """Those of the data sets that a selection names; see `people_of`."""
    known = tuple(people_of(path, cache, progress) for path in selection.known)
    return OtherPeople(known, tuple((path, people_of(path, cache, progress)) for path in selection.apart))


def save_people(path: Path, people: KnownPeople) -> None:
    """Write people.npz; replaces `path` at once."""
    with atomic_file(path) as file:
        np.savez(
            file,
            names=np.array(people.names, str),
            splits=np.array(people.splits, str),
            embeddings=people.embeddings_PE,
        )


def load_people(path: Path) -> KnownPeople:
    """What `save_people` wrote.

    Raises:
        LiaxError: If it is no such file.
    """
    try:
        arrays = read_arrays(path)
        names, splits, embeddings_PE = (arrays[name] for name in ("names", "splits", "embeddings"))
        if not names.shape == splits.shape == embeddings_PE.shape[:1] or embeddings_PE.ndim != 2:
            raise ValueError("of different lengths")
        return KnownPeople(tuple(names.tolist()), tuple(splits.tolist()), embeddings_PE.astype(np.float64))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LiaxError(
            f"{path} holds no people ({short(error)})", "delete it to have it made anew"
        ) from None


def people_of(folder: Path, cache: Path, progress: Progress = no_progress) -> KnownPeople:
    """The people of a data set: as `liax prepare` measured them, or measured now on some of its files.

    Args:
        folder: Of the data set, or its manifest.
        cache: Where measured people are kept, so that an interrupted run goes on and later ones need not
            measure; one file for each manifest.

    Raises:
        LiaxError: If it is no data set.
        MissingPackageError: Without dlib, if they have to be measured.
    """
    home = folder if folder.is_dir() else folder.parent
    if (home / PEOPLE_FILE).is_file():
        return load_people(home / PEOPLE_FILE)
    manifest = read_manifest(folder, None)
    files: dict[str, list[Item]] = {}
    for item in manifest.items:
        files.setdefault(item.identity, []).append(item)
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"{manifest.digest[:16]}.npz"
    known = load_people(path) if path.exists() else KnownPeople((), (), np.zeros((0, 128)))
    found = dict(zip(known.names, known.embeddings_PE, strict=True))
    waiting = [name for name in files if name not in found]
    saved = time.monotonic()
    try:
        if waiting:
            with FaceLandmarker() as landmarker:
                embedder = FaceEmbedder()
                for done, name in enumerate(waiting, start=1):
                    found[name] = _mean_face(manifest.folder, files[name], landmarker, embedder)
                    progress("measuring known people", done, len(waiting))
                    if time.monotonic() - saved > _SECONDS_BETWEEN_SAVES:
                        save_people(path, _people(files, found))
                        saved = time.monotonic()
    finally:
        save_people(path, _people(files, found))
    people = _people(files, found)
    shown = np.isfinite(people.embeddings_PE).all(1)
    return KnownPeople(
        tuple(np.array(people.names, str)[shown].tolist()),
        tuple(np.array(people.splits, str)[shown].tolist()),
        people.embeddings_PE[shown],
    )


def _people(files: dict[str, list[Item]], found: dict[str, NDArray[np.float64]]) -> KnownPeople:
    splits = tuple(files[name][0].split for name in found)
    return KnownPeople(tuple(found), splits, np.array(list(found.values())).reshape(-1, 128))


def _mean_face(
    folder: Path, items: Sequence[Item], landmarker: FaceLandmarker, embedder: FaceEmbedder
) -> NDArray[np.float64]:
    """The mean embedding of a person; NaN if no face is found."""
    found = [
        embedder.embed(image_HW3, faces[0])
        for item in items[:_FILES]
        for image_HW3 in _some_frames(folder, item)
        if (faces := landmarker.detect(image_HW3))
    ]
    return np.asarray(np.mean(found, 0)) if found else np.full(128, np.nan)


def _some_frames(folder: Path, item: Item) -> Iterator[NDArray[np.uint8]]:
    wanted = evenly_spaced(item.frames, _FRAMES)
    try:
        frames: Iterable[NDArray[np.uint8]] = islice(decode_item(folder, item), max(wanted) + 1)
        yield from (image_HW3 for number, image_HW3 in enumerate(frames) if number in wanted)
    except LiaxError as error:
        log.warning(str(error))
