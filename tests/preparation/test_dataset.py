import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from liax.data.frames import read_item
from liax.data.manifest import read_manifest
from liax.data.regions import load_regions
from liax.preparation.config import ClipRecord, CutOptions, QualityLimits, Selection
from liax.preparation.dataset import Layout, assemble_dataset
from liax.preparation.identities import assign_splits, group_by_identity
from liax.preparation.inputs import InputVideo
from liax.preparation.people import OtherPeople
from liax.preparation.segment import Segment, process_segment


@pytest.fixture(scope="module")
def segments(two_shots: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same two shots under three keys, as of three videos."""
    folder = tmp_path_factory.mktemp("finished")
    for key in ("aa", "bb", "cc"):
        process_segment(Segment(key, 0, two_shots), CutOptions(size=64), folder)
    return folder


@pytest.fixture
def inputs(two_shots: Path) -> list[InputVideo]:
    good = [InputVideo(Path(f"{key}.mp4"), key, 3.4, 640, 360, 25.0) for key in ("aa", "bb", "cc")]
    return [*good, InputVideo(Path("bad.mp4"), "dd", problem="is empty (0 bytes)")]


def made(
    folder: Path,
    segments: Path,
    inputs: list[InputVideo],
    limits: QualityLimits | None = None,
    shard: int = 1 << 20,
    plain: bool = False,
):
    folder.mkdir(exist_ok=True)
    again = [(InputVideo(Path("copy.mp4"), "aa", 3.4), Path("aa.mp4"))]
    said: list[tuple[int, int]] = []
    rows = assemble_dataset(
        folder,
        segments,
        inputs,
        again,
        CutOptions(size=64),
        limits or QualityLimits(),
        Selection(val=0.3),
        OtherPeople(),
        Layout(shard, plain),
        lambda _, done, total: said.append((done, total)),
    )
    return rows, said


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_everything_is_in_the_manifest(tmp_path: Path, segments: Path, inputs: list[InputVideo]) -> None:
    _, said = made(tmp_path, segments, inputs)
    assert said[-1] == (6, 6)
    table = parquet.read_table(tmp_path / "manifest.parquet")
    rows = table.to_pylist()
    assert [(row["input"], row["reason"]) for row in rows if not row["kept"]] == [
        ("bad.mp4", "is empty (0 bytes)"),
        ("copy.mp4", "the same as aa.mp4"),
    ]
    assert sum(row["kept"] for row in rows) == 6
    assert {row["width"] for row in rows if row["kept"]} == {640}
    assert json.loads(table.schema.metadata[b"liax"])["cut"]["size"] == 64


def test_the_trainer_reads_it(tmp_path: Path, segments: Path, inputs: list[InputVideo]) -> None:
    made(tmp_path, segments, inputs, shard=20_000)
    assert len(list((tmp_path / "shards").iterdir())) >= 3
    train, val = (read_manifest(tmp_path, split) for split in ("train", "val"))
    assert (len(train.items), len(val.items)) == (4, 2)
    assert not {i.identity for i in train.items} & {i.identity for i in val.items}
    regions = load_regions(tmp_path / "regions.npz")
    for item in (*train.items, *val.items):
        assert read_item(tmp_path, item, 64).shape == (item.frames, 3, 64, 64)
        assert len(regions[item.file].boxes_TP4) == item.frames


def test_plain_files_hold_the_same(tmp_path: Path, segments: Path, inputs: list[InputVideo]) -> None:
    made(tmp_path, segments, inputs, plain=True)
    assert not (tmp_path / "shards").exists()
    plain = read_manifest(tmp_path, None)
    assert len(plain.items) == len(list((tmp_path / "clips").glob("*.mp4"))) == 6
    assert {item.split for item in plain.items} == {"train", "val"}
    regions = load_regions(tmp_path / "regions.npz")
    frames = {item.file: read_item(tmp_path, item, 64) for item in plain.items}
    assert all(len(regions[name].boxes_TP4) == len(frames[name]) for name in frames)
    in_parquet = read_manifest(tmp_path / "manifest.parquet", None)
    assert sorted(in_parquet.items, key=str) == sorted(plain.items, key=str)

    made(tmp_path, segments, inputs)  # shards again: nothing of the files stays
    assert not (tmp_path / "manifest.csv").exists()
    assert not (tmp_path / "clips").exists()
    for item in read_manifest(tmp_path, None).items:
        assert (read_item(tmp_path, item, 64) == frames[f"clips/{item.file}"]).all()


def test_shards_are_webdataset_tars(tmp_path: Path, segments: Path, inputs: list[InputVideo]) -> None:
    made(tmp_path, segments, inputs)
    told = {item.file: item for item in read_manifest(tmp_path, None).items}
    names = []
    for path in (tmp_path / "shards").iterdir():
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            for clip, about in zip(members[::2], members[1::2], strict=True):
                names.append(clip.name)
                assert about.name == clip.name.replace(".mp4", ".json")
                shard_range = told[clip.name].shard_range
                assert shard_range is not None
                assert (shard_range.offset, shard_range.size) == (clip.offset_data, clip.size)
                assert (clip.mtime, clip.uid) == (0, 0)
                file = tar.extractfile(about)
                assert file is not None
                assert json.load(file)["identity"] == told[clip.name].identity
    assert sorted(names) == sorted(told)


def test_order_does_not_matter_and_shards_are_made_once(
    tmp_path: Path, segments: Path, inputs: list[InputVideo]
) -> None:
    made(tmp_path / "a", segments, inputs)
    made(tmp_path / "b", segments, inputs[::-1])
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")
    made(tmp_path / "a", segments, inputs)
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_other_limits_decide_anew(tmp_path: Path, segments: Path, inputs: list[InputVideo]) -> None:
    before, _ = made(tmp_path, segments, inputs)
    shards = set((tmp_path / "shards").iterdir())
    sharp = sorted(row["sharpness"] for row in before if row["kept"])
    made(tmp_path, segments, inputs, QualityLimits(sharpness=sharp[-1]))
    rows = parquet.read_table(tmp_path / "manifest.parquet").to_pylist()
    assert 0 < sum(row["kept"] for row in rows) < 6
    assert sum(row["reason"] == "not sharp" for row in rows) == 6 - sum(row["kept"] for row in rows)
    assert not shards & set((tmp_path / "shards").iterdir())  # none that the manifest does not tell of
    for item in read_manifest(tmp_path, None).items:
        read_item(tmp_path, item, 64)


def test_a_lost_minute_is_told(tmp_path: Path, segments: Path, inputs: list[InputVideo]) -> None:
    shutil.copytree(segments, tmp_path / "units")
    Segment("bb", 0, Path()).result(tmp_path / "units").unlink()
    rows, _ = made(tmp_path / "out", tmp_path / "units", inputs)
    assert [row["input"] for row in rows if row["reason"] == "not finished"] == ["bb.mp4"]
    assert sum(row["kept"] for row in rows) == 4


def test_nothing_kept_is_an_empty_data_set(tmp_path: Path, segments: Path, inputs: list[InputVideo]) -> None:
    rows, _ = made(tmp_path, segments, inputs, QualityLimits(sharpness=99))
    assert not any(row["kept"] for row in rows)
    assert list((tmp_path / "shards").glob("*")) == []
    assert load_regions(tmp_path / "regions.npz") == {}


def someone(name: str, centre: int, away: float, seed: int) -> ClipRecord:
    """A record whose face is `away` from person `centre`, the people being two apart."""
    direction = np.random.default_rng(seed).standard_normal(128)
    face = np.eye(128)[centre] * np.sqrt(2) + away * direction / np.linalg.norm(direction)
    return ClipRecord(name, 0, 1, name=name, embedding=tuple(face))


def test_clips_of_one_person_are_grouped() -> None:
    records = [someone(f"{p}{k}", p, 0.2, 10 * p + k) for k in range(4) for p in range(3)]
    names = group_by_identity(records)
    assert names == [f"person-{p}0" for k in range(4) for p in range(3)]
    assert len(set(group_by_identity([someone("a", 0, 0, 0), someone("b", 0, 0.5, 1)]))) == 2


def test_without_embeddings_a_video_is_a_person() -> None:
    records = [ClipRecord(key, k, k + 1, name=f"{key}{k}") for key in ("x", "y") for k in range(2)]
    assert group_by_identity(records) == ["x", "x", "y", "y"]
    assert group_by_identity([]) == []


def test_one_person_of_a_video_is_not_cut_into_two_by_a_change_of_light() -> None:
    """.5 apart, between the limits for strangers' videos and for one video."""
    one, other = someone("a", 0, 0, 0), someone("b", 0, 0.5, 1)
    later = replace(other, key="a", since=5, until=6)
    assert len(set(group_by_identity([one, later]))) == 1
    beside = replace(later, since=0.5, until=6)  # both are in the picture, so that they are two people
    assert len(set(group_by_identity([one, beside]))) == 2


@given(
    st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from("uvwxyz")), max_size=60),
    st.floats(0, 0.9),
)
def test_splits_divide_neither_people_nor_videos(clips: list[tuple[str, str]], share: float) -> None:
    people, videos = [person for person, _ in clips], [video for _, video in clips]
    split = assign_splits(people, videos, share)
    assert set(split) == set(people)
    for of in (people, videos):
        for name in set(of):
            assert len({split[person] for person, this in zip(people, of, strict=True) if this == name}) == 1
    if people:
        assert "train" in split.values()
    backwards = assign_splits(people[::-1], videos[::-1], share)
    assert backwards == split


@given(st.integers(1, 300), st.floats(0, 0.9))
def test_val_has_its_share_of_people_with_a_clip_each(count: int, share: float) -> None:
    people = [f"p{k}" for k in range(count)]
    held_out = sum(of == "val" for of in assign_splits(people, people, share).values())
    assert abs(held_out - share * count) <= 0.5 + 1e-6 or held_out == count - 1


def test_two_clips_are_too_few_for_a_twentieth() -> None:
    assert set(assign_splits(["a", "b"], ["u", "v"], 0.05).values()) == {"train"}


def test_known_people_take_their_videos_along() -> None:
    people, videos = ["a", "b", "c", "d", "e"], ["u", "u", "v", "w", "w"]
    split = assign_splits(people, videos, 0.0, {"a": "val2", "d": "val", "e": "train"})
    assert split == {"a": "val2", "b": "val2", "c": "train", "d": None, "e": None}
