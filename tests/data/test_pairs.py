from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liax.data.config import DataConfig
from liax.data.manifest import Item, Manifest
from liax.data.pairs import PairIndices, PairSampler
from liax.data.regions import Regions, save_regions
from liax.face.factors import FACTORS

# Ann has three clips and Bob one; Cat and Dan are stills, Cat twice.
ITEMS = (
    Item("a1.mp4", "clip", "ann", 10),
    Item("a2.mp4", "clip", "ann", 20),
    Item("c1.jpg", "portrait", "cat", 1),
    Item("a3.mp4", "clip", "ann", 30),
    Item("b.mp4", "clip", "bob", 40),
    Item("c2.jpg", "portrait", "cat", 1),
    Item("d.jpg", "portrait", "dan", 1),
)
FIRST = dict(zip((item.file for item in ITEMS), (0, 10, 30, 31, 61, 101, 102), strict=True))
STILLS = {30, 101, 102}


def sampler(items: tuple[Item, ...] = ITEMS, **changes) -> PairSampler:
    batch, seed = changes.pop("batch", 8), changes.pop("seed", 3)
    options = {"still_share": 0.25, "expression_boost": 0.0, "near_pose_share": 0.0} | changes
    return PairSampler(Manifest(Path(), items, ""), DataConfig(**options), batch=batch, seed=seed)


YAW = list(FACTORS).index("yaw")


def item_of(number: int) -> str:
    return next(name for name, first in reversed(FIRST.items()) if number >= first)


def same(one: PairIndices, other: PairIndices) -> bool:
    return (
        one.source_B.tolist() == other.source_B.tolist()
        and one.driving_B.tolist() == other.driving_B.tolist()
    )


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    one, other = sampler(), sampler()
    other.batch(0)  # what was drawn before does not matter
    assert same(one.batch(5), other.batch(5))
    assert same(one.batch(5), sampler().batch(5))
    assert not same(one.batch(5), one.batch(6))
    assert not same(one.batch(5), sampler(seed=4).batch(5))


@settings(max_examples=30)
@given(batch=st.integers(1, 8), count=st.integers(1, 5), share=st.floats(0, 1))
def test_parts_make_up_the_batch(batch: int, count: int, share: float) -> None:
    whole = sampler(batch=batch * count, still_share=share).batch(2)
    drawing = sampler(batch=batch * count, still_share=share)
    parts = [drawing.batch(2, (index, count)) for index in range(count)]
    assert sum(part.stills for part in parts) == whole.stills
    for index, part in enumerate(parts):
        assert part.source_B.tolist() == whole.source_B[index::count].tolist()
        assert part.driving_B.tolist() == whole.driving_B[index::count].tolist()
        assert len(part.boxes_BP4) == len(part.factors_BK) == batch
        assert [source in STILLS for source in part.source_B] == [k < part.stills for k in range(batch)]


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32), step=st.integers(0, 10**7), batch=st.integers(1, 12), share=st.floats(0, 1)
)
def test_stills_first_then_pairs_of_one_clip(seed: int, step: int, batch: int, share: float) -> None:
    pairs = sampler(seed=seed, batch=batch, still_share=share).batch(step)
    assert len(pairs.source_B) == len(pairs.driving_B) == batch
    assert pairs.stills == round(batch * share)
    for k, (source, driving) in enumerate(zip(pairs.source_B, pairs.driving_B, strict=True)):
        assert 0 <= source < 103
        assert item_of(source) == item_of(driving)
        assert (source in STILLS) == (k < pairs.stills)
    assert pairs.boxes_BP4.shape == (batch, 3, 4)
    assert np.isnan(pairs.boxes_BP4).all()


def test_stills_only_and_clips_only() -> None:
    clips = tuple(item for item in ITEMS if item.kind == "clip")
    stills = tuple(item for item in ITEMS if item.kind == "portrait")
    assert sampler(clips).batch(0).stills == 0
    assert sampler(stills).batch(0).stills == 8


def test_people_are_drawn_equally_often() -> None:
    """Also where one has more clips and frames; within 5 standard deviations of a fair coin's tosses."""
    drawn = sampler(batch=4000, still_share=0.5).batch(0)
    who = [next(i.identity for i in ITEMS if i.file == item_of(n)) for n in drawn.source_B]
    five_deviations = 5 * np.sqrt(2000 / 4)
    for one, other in (("cat", "dan"), ("ann", "bob")):
        assert who.count(one) + who.count(other) == 2000
        assert abs(who.count(one) - 1000) < five_deviations
    clips = [item_of(n) for n in drawn.source_B]
    for name in ("a1.mp4", "a2.mp4", "a3.mp4"):  # and a person's clips as well
        assert abs(clips.count(name) - 1000 / 3) < 5 * np.sqrt(2000 * 1 / 6 * 5 / 6)


@pytest.fixture
def blinking(tmp_path: Path) -> Path:
    """Regions of b.mp4: eyes 0.3 open, closed in frames 10 and 11.

    Box k of frame t is all (t + k) / 128, and its head is turned by t degrees.
    """
    opening_TP = np.tile(np.float32([0.3, 0.3, 0.1]), (40, 1))
    opening_TP[10:12, :2] = 0.05
    boxes_TP4 = (np.arange(40)[:, None, None] + np.arange(3)[:, None]) / 128 * np.ones(4)
    factors_TK = np.zeros((40, len(FACTORS)), np.float32)
    factors_TK[:, YAW] = np.arange(40)
    path = tmp_path / "regions.npz"
    save_regions(path, {"b.mp4": Regions(boxes_TP4.astype(np.float32), opening_TP, factors_TK)})
    return path


def test_closed_eyes_are_drawn_more_often(blinking: Path) -> None:
    """By 1 + expressive: two frames of weight 1 + 4 among 38 of weight 1."""
    bob = (ITEMS[4],)
    pairs = sampler(bob, batch=20_000, regions=blinking, expression_boost=4.0).batch(0)
    share = np.isin(pairs.driving_B, (10, 11)).mean()
    expected = 2 * 5 / (2 * 5 + 38)
    assert abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / 20_000)
    assert abs(np.isin(pairs.source_B, (10, 11)).mean() - 2 / 40) < 0.01  # sources are drawn evenly
    even = sampler(bob, batch=20_000, regions=blinking, expression_boost=0.0).batch(0)
    assert abs(np.isin(even.driving_B, (10, 11)).mean() - 2 / 40) < 0.01


def test_open_mouths_are_drawn_more_often(tmp_path: Path) -> None:
    opening_TP = np.tile(np.float32([0.3, 0.3, 0.1]), (40, 1))
    opening_TP[7, 2] = 0.6  # the widest
    opening_TP[8, 2] = 0.35  # half as far from the median
    path = tmp_path / "regions.npz"
    save_regions(
        path,
        {"b.mp4": Regions(np.full((40, 3, 4), 0.5, np.float32), opening_TP, np.zeros((40, len(FACTORS))))},
    )
    pairs = sampler((ITEMS[4],), batch=40_000, regions=path, expression_boost=4.0).batch(0)
    for frame, weight in ((7, 5), (8, 3)):
        expected = weight / (38 + 5 + 3)
        assert abs((pairs.driving_B == frame).mean() - expected) < 5 * np.sqrt(expected / 40_000)


def test_steady_pairs_are_of_like_pose(blinking: Path) -> None:
    """Of twelve frames drawn among forty the nearest is about 1.5 away, of one 40 / 3."""
    bob = (ITEMS[4],)
    apart = {}
    for near_pose_share in (0.0, 0.5, 1.0):
        pairs = sampler(bob, batch=4000, regions=blinking, near_pose_share=near_pose_share).batch(0)
        apart[near_pose_share] = np.abs(pairs.source_B - pairs.driving_B)
        assert (pairs.factors_BK[:, YAW] == pairs.driving_B).all()
        assert (pairs.source_factors_BK[:, YAW] == pairs.source_B).all()
    assert apart[1.0].mean() < 2.5
    assert abs(apart[0.0].mean() - 40 / 3) < 0.7
    assert abs(apart[0.5].mean() - (apart[0.0].mean() + apart[1.0].mean()) / 2) < 0.7


def test_far_pairs_are_of_other_poses(blinking: Path) -> None:
    """Of four frames drawn among forty the furthest is 21.8 away on average, of one 40 / 3."""
    bob = (ITEMS[4],)
    apart = {}
    for near_pose_share, far_pose_share in ((0.0, 1.0), (0.5, 0.5), (1.0, 0.0)):
        pairs = sampler(
            bob, batch=4000, regions=blinking, near_pose_share=near_pose_share, far_pose_share=far_pose_share
        ).batch(0)
        apart[far_pose_share] = np.abs(pairs.source_B - pairs.driving_B).mean()
    drawn = np.random.default_rng(0).integers(40, size=(5, 100_000))
    assert abs(apart[1.0] - np.abs(drawn[1:] - drawn[0]).max(0).mean()) < 0.5
    assert abs(apart[0.5] - (apart[0.0] + apart[1.0]) / 2) < 0.7


def test_neighbour_pairs(blinking: Path) -> None:
    """At most three frames apart, a seventh of them none; the clip's ends repeat."""
    pairs = sampler((ITEMS[4],), batch=4000, regions=blinking, neighbour_share=1.0).batch(0)
    apart = pairs.source_B - pairs.driving_B
    assert set(apart) == set(range(-3, 4))
    inside = (pairs.driving_B >= 3) & (pairs.driving_B < 37)
    assert abs((apart[inside] == 0).mean() - 1 / 7) < 5 * np.sqrt(1 / 7 / inside.sum())
    half = sampler((ITEMS[4],), batch=4000, regions=blinking, neighbour_share=0.5, far_pose_share=0.5).batch(
        0
    )
    assert abs((np.abs(half.source_B - half.driving_B) <= 3).mean() - 0.5) < 0.1


@pytest.fixture
def talking(tmp_path: Path) -> Path:
    """Ann smiles ever more in a1 with her mouth ever wider; bob does nothing; a2 was not measured."""
    path = tmp_path / "regions.npz"
    regions = {}
    for item in (ITEMS[0], ITEMS[4]):
        factors_TK = np.zeros((item.frames, len(FACTORS)), np.float32)
        if item.identity == "ann":
            factors_TK[:, SMILE] = np.linspace(0, 1, item.frames)
            factors_TK[:, JAW] = np.linspace(0, 2, item.frames) ** 2 / 2
        boxes_TP4 = np.full((item.frames, 3, 4), 0.5, np.float32)
        regions[item.file] = Regions(boxes_TP4, np.full((item.frames, 3), 0.3, np.float32), factors_TK)
    save_regions(path, regions)
    return path


SMILE, JAW, GAZE = (list(FACTORS).index(name) for name in ("smile", "jaw", "gaze-x"))


def test_mouth_pairs_open_a_shut_smile(talking: Path) -> None:
    """In the one clip whose mouth moves; the best of eight draws among its ten frames."""
    clips = (ITEMS[0], ITEMS[1], ITEMS[4])
    pairs = sampler(clips, batch=2000, regions=talking, mouth_share=1.0).batch(0)
    assert set(pairs.source_B) | set(pairs.driving_B) <= set(range(10))
    assert (pairs.driving_B == 9).mean() > 0.5  # 1 - .9 ** 8 = .57
    smile_T, jaw_T = np.linspace(0, 1, 10) / FACTORS["smile"].usual, np.linspace(0, 2, 10) ** 2 / 2
    best = int((smile_T - jaw_T / FACTORS["jaw"].usual).argmax())
    assert (pairs.source_B == best).mean() > 0.5
    some = sampler(clips, batch=4000, regions=talking, mouth_share=0.3).batch(0)
    assert (some.driving_B < 10).mean() > 0.3 + 0.7 / 4 - 0.05


def test_mouth_pairs_without_measures_are_pairs_of_one_clip() -> None:
    pairs = sampler(mouth_share=1.0, batch=200).batch(0)
    assert all(item_of(a) == item_of(b) for a, b in zip(pairs.source_B, pairs.driving_B, strict=True))
    assert len({item_of(number) for number in pairs.driving_B[pairs.stills :]}) == 4


def test_looks_aside_are_drawn_more_often(tmp_path: Path) -> None:
    """By 1 + gaze_boost · usual deviations, to either side; at most three of them count."""
    factors_TK = np.zeros((40, len(FACTORS)), np.float32)
    usual = FACTORS["gaze-x"].usual
    factors_TK[5, GAZE], factors_TK[6, GAZE], factors_TK[7, GAZE] = 2 * usual, -usual, 9 * usual
    factors_TK[8] = np.nan
    path = tmp_path / "regions.npz"
    boxes_TP4, opening_TP = np.full((40, 3, 4), 0.5, np.float32), np.full((40, 3), 0.3, np.float32)
    save_regions(path, {"b.mp4": Regions(boxes_TP4, opening_TP, factors_TK)})
    pairs = sampler((ITEMS[4],), batch=40_000, regions=path, gaze_boost=2.0).batch(0)
    for frame, weight in ((5, 5), (6, 3), (7, 7), (8, 1), (9, 1)):
        expected = weight / (37 + 5 + 3 + 7)
        assert abs((pairs.driving_B == frame).mean() - expected) < 5 * np.sqrt(expected / 40_000)


def test_people_whose_heads_turn_are_drawn_more_often(tmp_path: Path) -> None:
    """By a power of how far they turn; a clip of unknown poses counts as one usual deviation."""
    factors_TK = np.zeros((40, len(FACTORS)), np.float32)
    factors_TK[::2, YAW] = 8 * FACTORS["yaw"].usual  # deviates by 4
    path = tmp_path / "regions.npz"
    boxes_TP4, opening_TP = np.full((40, 3, 4), 0.5, np.float32), np.full((40, 3), 0.3, np.float32)
    save_regions(path, {"b.mp4": Regions(boxes_TP4, opening_TP, factors_TK)})
    two = (ITEMS[4], Item("e.mp4", "clip", "eve", 40))
    for power, expected in ((0.0, 0.5), (1.0, 0.8), (0.5, 2 / 3)):
        pairs = sampler(two, batch=8000, regions=path, motion_power=power).batch(0)
        assert abs((pairs.driving_B < 40).mean() - expected) < 0.02


def test_boxes_are_those_of_the_driving_frame(blinking: Path) -> None:
    pairs = sampler(regions=blinking, batch=64).batch(0)
    known = 0
    for number, boxes_P4 in zip(pairs.driving_B, pairs.boxes_BP4, strict=True):
        if item_of(number) == "b.mp4":
            known += 1
            frame = number - FIRST["b.mp4"]
            assert (boxes_P4 == (frame + np.arange(3)[:, None]) / 128).all()
        else:
            assert np.isnan(boxes_P4).all()
    assert known > 10


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("measured", [0, 5, 40])
def test_regions_without_a_face_or_too_few(tmp_path: Path, measured: int) -> None:
    """Frames that were not measured have no boxes and the weight of any other."""
    path = tmp_path / "regions.npz"
    empty = np.full((measured, 3, 4), np.nan, np.float32)
    save_regions(path, {"b.mp4": Regions(empty, empty[..., 0], np.full((measured, len(FACTORS)), np.nan))})
    pairs = sampler((ITEMS[4],), batch=4000, regions=path, expression_boost=4.0).batch(0)
    assert np.isnan(pairs.boxes_BP4).all()
    assert abs(pairs.driving_B.mean() - 19.5) < 5 * np.sqrt(40**2 / 12 / 4000)
