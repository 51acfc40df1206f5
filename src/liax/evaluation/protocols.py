"""Who drives whom: self-reenactment and cross-reenactment, as lists of trials."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from liax.errors import LiaxError
from liax.evaluation.clips import Clip

Protocol = Literal["self", "cross"]


@dataclass(frozen=True)
class Trial:
    """One output that is made and measured.

    name: unique, fit for a file's name; another tool's video of it is called so. source: its first frame is
    the portrait. driving: its frames drive.
    """

    name: str
    source: Clip
    driving: Clip


def self_trials(clips: Sequence[Clip]) -> list[Trial]:
    """Each clip drives its own first frame, so that every output has a ground truth."""
    return [Trial(clip.name, clip, clip) for clip in clips]


def cross_trials(clips: Sequence[Clip], stills: Sequence[Clip], sources: int, seed: int) -> list[Trial]:
    """Each clip drives `sources` portraits of other people, drawn at random without repetition.

    stills: what is drawn from; where there are none, the clips' first frames.
    Raises LiaxError for a clip that has not so many other people.
    """
    random = np.random.default_rng(seed)
    trials = []
    for clip in clips:
        people: dict[str, list[Clip]] = {}
        for other in stills or clips:
            if other.identity != clip.identity:
                people.setdefault(other.identity, []).append(other)
        if len(people) < sources:
            raise LiaxError(
                f"{clip.path} can drive {len(people)} other people, not {sources}; "
                "ask for fewer --sources, or give --pairs."
            )
        for person in random.choice(sorted(people), sources, replace=False):
            source = people[person][random.integers(len(people[person]))]
            trials.append(_cross(source, clip))
    return trials


def read_pairs(path: Path, known: Sequence[Clip]) -> list[Trial]:
    """The trials of a CSV with the columns source and driving.

    Each is the name of a clip or still in `known`, or a file, by its path from the CSV's folder.
    Raises LiaxError for a CSV without these columns or lines, and for what does not exist.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise LiaxError(f"{path} cannot be read ({error.strerror}); give a CSV of pairs.") from None
    except (UnicodeDecodeError, csv.Error):
        raise LiaxError(f"{path} is not a UTF-8 CSV file; save the pairs as UTF-8.") from None
    if not rows or not {"source", "driving"} <= rows[0].keys():
        raise LiaxError(f"{path} has no line, or lacks the column source or driving; add them.")
    by_name = {clip.name: clip for clip in known}

    def find(text: str) -> Clip:
        if text in by_name:
            return by_name[text]
        file = path.parent / text
        if not text or not file.exists():
            raise LiaxError(f"{path} names '{text}', which is neither in the data nor a file beside it.")
        return Clip(file.stem, file, file.stem)

    trials = [_cross(find(row["source"] or ""), find(row["driving"] or "")) for row in rows]
    if len({trial.name for trial in trials}) < len(trials):
        raise LiaxError(f"{path} lists a pair twice, or files of one name; make their names differ.")
    return trials


def _cross(source: Clip, driving: Clip) -> Trial:
    return Trial(f"{source.name}__{driving.name}", source, driving)
