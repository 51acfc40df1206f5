"""Which of many good clips are taken: a few of each video and person, spread evenly."""

from __future__ import annotations

from collections.abc import Sequence

from liax.preparation.config import ClipRecord


def evenly_spaced(count: int, most: int) -> set[int]:
    """At most `most` of the numbers 0 … count - 1, evenly spaced and away from the ends."""
    return {(2 * k + 1) * count // (2 * most) for k in range(most)} if most < count else set(range(count))


def too_many_of_videos(records: Sequence[ClipRecord], most: int | None, without: set[int]) -> set[int]:
    """Which clips, apart from those in `without`, are more than `most` of their video.

    Those that stay are spread over its time.
    """
    if most is None:
        return set()
    clips = [k for k in range(len(records)) if k not in without]
    return {k for video in _by_video(records, clips) for k in _rest(video, most)}


def too_many_of_people(
    records: Sequence[ClipRecord], people: Sequence[str], most: int | None, without: set[int]
) -> set[int]:
    """Which clips, apart from those in `without`, are more than `most` of their person.

    Those that stay are of as many videos as possible, and spread over the time of each.
    """
    if most is None:
        return set()
    clips_of: dict[str, list[int]] = {}
    for k, person in enumerate(people):
        if k not in without:
            clips_of.setdefault(person, []).append(k)
    left_out: set[int] = set()
    for clips in clips_of.values():
        videos = _by_video(records, clips)
        for video, share in zip(videos, _shared([len(video) for video in videos], most), strict=True):
            left_out |= _rest(video, share)
    return left_out


def _rest(clips: Sequence[int], most: int) -> set[int]:
    stay = evenly_spaced(len(clips), most)
    return {clip for k, clip in enumerate(clips) if k not in stay}


def _by_video(records: Sequence[ClipRecord], clips: Sequence[int]) -> list[list[int]]:
    """The clips of each video, in order of time."""
    videos: dict[str, list[int]] = {}
    for k in clips:
        videos.setdefault(records[k].key, []).append(k)
    return [sorted(of, key=lambda k: (records[k].since, k)) for _, of in sorted(videos.items())]


def _shared(sizes: Sequence[int], most: int) -> list[int]:
    """How many to take of each pile, `most` in all: one of each in turn while there are any."""
    taken = [0] * len(sizes)
    while sum(taken) < most and taken != list(sizes):
        for k, size in enumerate(sizes):
            if taken[k] < size and sum(taken) < most:
                taken[k] += 1
    return taken
