"""Clips grouped by person, people known from other data sets, and people divided into splits."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.preparation.config import ClipRecord

# Mean distance of two people's clips. Chosen on 187 clips of 120 people: 121 groups, in which 99.5 % of the
# clips are with their own person's, and 98.9 % are together. At 0.6, the usual limit for single pairs,
# strangers are chained together: 67 groups.
_SAME_PERSON = 0.42
# The same for clips of one video that do not overlap in time: there a similar face is seldom a stranger's.
_SAME_IN_VIDEO = 0.55


@dataclass(frozen=True)
class KnownPeople:
    """People of another data set.

    Args:
        names, splits: Of each person.
        embeddings_PE: The mean embedding of each.
    """

    names: tuple[str, ...]
    splits: tuple[str, ...]
    embeddings_PE: NDArray[np.float64]

    def closest(self, embedding_E: NDArray[np.float64]) -> int | None:
        """Which of them a mean embedding is of; None for a stranger."""
        if not self.names:
            return None
        away_P = np.linalg.norm(self.embeddings_PE - embedding_E, axis=1)
        nearest = int(away_P.argmin())
        return nearest if away_P[nearest] < _SAME_PERSON else None


def group_by_identity(records: Sequence[ClipRecord]) -> list[str]:
    """Whose face each clip shows: by likeness where that was measured, and otherwise by video.

    Clips are joined by average linkage while their mean distance stays below _SAME_PERSON; a person is named
    after their first clip. Memory grows with the square of the number of clips.
    """
    known = [k for k, record in enumerate(records) if record.embedding is not None]
    names = [record.key for record in records]
    if len(known) > 1:
        from scipy.cluster.hierarchy import fcluster, linkage
        from scipy.spatial.distance import pdist, squareform

        distances_NN = squareform(pdist(np.array([records[k].embedding for k in known])))
        for pair in _pairs_of_a_video([records[k] for k in known]):
            if distances_NN[pair] < _SAME_IN_VIDEO:
                distances_NN[pair] = distances_NN[pair[::-1]] = 0
        joined = linkage(squareform(distances_NN, checks=False), "average")
        groups = fcluster(joined, _SAME_PERSON, "distance")
        first: dict[int, str] = {}
        for k, group in zip(known, groups, strict=True):
            names[k] = first.setdefault(int(group), f"person-{records[k].name}")
    return names


def _pairs_of_a_video(records: Sequence[ClipRecord]) -> Iterable[tuple[int, int]]:
    """Pairs of clips of one video of which one ends before the other begins."""
    videos: dict[str, list[int]] = {}
    for k, record in enumerate(records):
        videos.setdefault(record.key, []).append(k)
    for clips in videos.values():
        for i in clips:
            yield from ((i, j) for j in clips if records[i].until <= records[j].since)


def mean_embeddings(records: Sequence[ClipRecord], people: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """The mean embedding of each person of whom one was measured."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for record, person in zip(records, people, strict=True):
        if record.embedding is not None:
            found.setdefault(person, []).append(record.embedding)
    return {person: np.mean(embeddings, 0) for person, embeddings in found.items()}


def assign_splits(
    people: Sequence[str], videos: Sequence[str], share: float, fixed: Mapping[str, str] | None = None
) -> dict[str, str | None]:
    """The split of each person: people who share a video are always in the same one.

    Groups of such people are taken into val in a random order that depends on their names only, each unless
    the share would be further from `share` with it than without. At least one group remains for training.

    Args:
        people, videos: Whose face each clip shows, and which video it is of.
        share: Share of the clips for val.
        fixed: Splits of people that are known already; the people of their videos follow them.

    Returns:
        The splits; None for people in whose videos there are people of several fixed splits.
    """
    fixed = fixed or {}
    groups = _connected(people, videos)
    clips = Counter(groups[person] for person in people)
    wanted: dict[str, set[str]] = {group: set() for group in clips}
    for person in fixed.keys() & groups.keys():
        wanted[groups[person]].add(fixed[person])
    split: dict[str, str | None] = {
        group: (next(iter(splits)) if len(splits) == 1 else None)
        for group, splits in wanted.items()
        if splits
    }
    free = sorted(set(clips) - set(split), key=lambda name: hashlib.sha256(name.encode()).digest())
    held_out = sum(clips[group] for group in split if split[group] == "val")
    training = any(of == "train" for of in split.values())
    for number, group in enumerate(free):
        last = number == len(free) - 1 and not training
        fits = held_out + clips[group] / 2 <= share * len(people)
        split[group] = "val" if fits and share > 0 and not last else "train"
        training |= split[group] == "train"
        held_out += clips[group] if split[group] == "val" else 0
    return {person: split[group] for person, group in groups.items()}


def _connected(people: Sequence[str], videos: Sequence[str]) -> dict[str, str]:
    """The first name, by the alphabet, of all people whom videos connect with each person."""
    first: dict[str, str] = {person: person for person in people}

    def root(person: str) -> str:
        while first[person] != person:
            first[person] = first[first[person]]
            person = first[person]
        return person

    of_video: dict[str, str] = {}
    for person, video in zip(people, videos, strict=True):
        one, other = sorted((root(person), root(of_video.setdefault(video, person))))
        first[other] = one
    return {person: root(person) for person in people}
