from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from liax.preparation.config import ClipRecord
from liax.preparation.selection import evenly_spaced, too_many_of_people, too_many_of_videos


def clips(*videos: tuple[str, int]) -> list[ClipRecord]:
    return [
        ClipRecord(key, 10 * k, 10 * k + 10, name=f"{key}{k}") for key, count in videos for k in range(count)
    ]


@given(st.integers(0, 200), st.integers(1, 20))
def test_evenly_spaced(count: int, most: int) -> None:
    chosen = sorted(evenly_spaced(count, most))
    assert len(chosen) == min(count, most)
    assert all(0 <= k < count for k in chosen)
    gaps = [b - a for a, b in pairwise(chosen)]
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_a_video_gives_so_many_over_its_time() -> None:
    records = clips(("a", 9), ("b", 2))
    left_out = too_many_of_videos(records, 3, set())
    assert sorted(set(range(11)) - left_out) == [1, 4, 7, 9, 10]
    assert too_many_of_videos(records, None, set()) == set()
    assert not too_many_of_videos(records, 3, {1, 4, 7}) & {1, 4, 7}  # those are out already


def test_a_person_is_taken_from_as_many_videos_as_possible() -> None:
    records = clips(("a", 6), ("b", 1), ("c", 2))
    people = ["x"] * 9
    stay = set(range(9)) - too_many_of_people(records, people, 5, set())
    assert [records[k].key for k in sorted(stay)] == ["a", "a", "b", "c", "c"]
    assert too_many_of_people(records, [str(k) for k in range(9)], 1, set()) == set()
