"""Clips, portraits and rendered heads that weights are measured on."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from clips import flat_frames, write_clip
from liax.data.manifest import Item, Manifest
from liax.errors import LiaxError
from liax.interpretation.dataset import (
    HEAD_FACTORS,
    HEAD_PEOPLE,
    choose_portraits,
    load_rendered_heads,
    observable_factors,
    observe_rendered_heads,
    open_dataset,
)
from liax.model import LIAX
from liax.portrait import Animator

NAMES = list(HEAD_FACTORS)


def picture(path: Path, level: int = 100) -> Path:
    Image.fromarray(np.full((64, 64, 3), level, np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_clip(tmp_path / "a.mp4", flat_frames(7, 64, 64))
    picture(tmp_path / "b.png")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def manifest_of(folder: Path, people: str) -> Manifest:
    """A still a letter, which is its person."""
    items = [Item(f"{i}.png", "portrait", person, 1) for i, person in enumerate(people)]
    for item in items:
        picture(folder / item.file)
    return Manifest(folder, tuple(items), "digest")


def test_a_folder_without_a_manifest_is_a_person_a_file(folder: Path) -> None:
    material = open_dataset(folder, "val")
    assert [(item.file, item.kind, item.frames) for item in material.items] == [
        ("a.mp4", "clip", 7),
        ("b.png", "portrait", 1),
    ]
    assert len({item.identity for item in material.items}) == 2


def test_a_manifest_is_read_as_such(folder: Path) -> None:
    lines = ["file,type,split,identity,frames", "a.mp4,clip,val,p,3", "b.png,portrait,train,q,1"]
    (folder / "manifest.csv").write_text("\n".join(lines))
    assert [item.file for item in open_dataset(folder, "val").items] == ["a.mp4"]
    assert open_dataset(folder / "manifest.csv", None).items[1].identity == "q"


def test_what_is_no_material_is_told(tmp_path: Path) -> None:
    with pytest.raises(LiaxError, match=r"holds no manifest\.csv, video or picture"):
        open_dataset(tmp_path, None)
    with pytest.raises(LiaxError, match="cannot read the manifest"):
        open_dataset(tmp_path / "none.csv", None)


def test_nobody_is_measured_and_held_out(tmp_path: Path) -> None:
    material = manifest_of(tmp_path, "aabbccddeeff")
    people = {item.file: item.identity for item in material.items}
    chosen = choose_portraits(material, None, 30)
    assert {people[name] for name in chosen.held_out} == {"d"}
    assert {people[name] for name in chosen.measured} == set("abcef")
    assert len(chosen.measured) + len(chosen.held_out) == 12
    assert not chosen.crop


def test_as_many_people_as_there_are(tmp_path: Path) -> None:
    material = manifest_of(tmp_path, "aaabbbccc")
    chosen = choose_portraits(material, None, 3)
    people = {item.file: item.identity for item in material.items}
    assert [people[name] for name in chosen.measured] == ["a", "b", "a"]
    assert [people[name] for name in chosen.held_out] == ["c"]


def test_clips_show_their_first_frame_and_come_after_stills(folder: Path) -> None:
    chosen = choose_portraits(open_dataset(folder, None), None, 30)
    assert list(chosen.measured) == ["b.png"]
    frame_HW3 = chosen.held_out["a.mp4"]
    assert isinstance(frame_HW3, np.ndarray)
    assert abs(float(frame_HW3.mean()) - 20) < 3


def test_a_folder_of_portraits_is_cropped(tmp_path: Path) -> None:
    material = manifest_of(tmp_path, "ab")
    other = tmp_path / "portraits"
    other.mkdir()
    for name in ("x.png", "y.jpg"):
        picture(other / name)
    chosen = choose_portraits(material, other, 30)
    assert (list(chosen.measured), list(chosen.held_out)) == (["x.png"], ["y.jpg"])
    assert chosen.crop
    with pytest.raises(LiaxError, match="is not a folder"):
        choose_portraits(material, other / "x.png", 30)
    (other / "y.jpg").unlink()
    with pytest.raises(LiaxError, match="shows 1 person"):
        choose_portraits(material, other, 30)


@pytest.fixture
def factors_NF() -> NDArray[np.float64]:
    """Of HEAD_PEOPLE + 2 heads."""
    low_F, high_F = np.array(list(HEAD_FACTORS.values()), np.float64).T
    return np.random.default_rng(0).uniform(low_F, high_F, (HEAD_PEOPLE + 2, len(NAMES)))


@pytest.fixture
def heads(tmp_path: Path, factors_NF: NDArray[np.float64]) -> Path:
    """A folder as tools/heads writes it; each head is a grey of its own."""
    people = np.arange(len(factors_NF)) % HEAD_PEOPLE
    made, names = np.array([1, 0, 64]), np.array(NAMES)
    np.savez(tmp_path / "heads.npz", made=made, factors=factors_NF, person=people, names=names)
    for i in range(len(factors_NF)):
        picture(tmp_path / f"{i:05d}.png", i)
    return tmp_path


def test_gaze_is_unknown_behind_lids(factors_NF: NDArray[np.float64]) -> None:
    known_NF, shut_N = observable_factors(factors_NF), factors_NF[:, NAMES.index("blink")] > 0.5
    gaze = [NAMES.index("gaze-x"), NAMES.index("gaze-y")]
    assert np.isnan(known_NF[shut_N][:, gaze]).all()
    assert np.isnan(known_NF).sum() == 2 * shut_N.sum() > 0
    assert np.isfinite(factors_NF).all()


def test_rendered_heads_are_read(heads: Path, factors_NF: NDArray[np.float64]) -> None:
    found = load_rendered_heads(heads)
    np.testing.assert_array_equal(found.factors_NF, factors_NF)
    assert found.person_N.tolist() == [*range(HEAD_PEOPLE), 0, 1]
    assert [int(image[0, 0, 0]) for image in found.images()] == list(range(HEAD_PEOPLE + 2))


def test_heads_that_cannot_be_used_are_named(heads: Path, tmp_path: Path) -> None:
    with pytest.raises(LiaxError, match="holds no rendered heads; give a folder"):
        load_rendered_heads(tmp_path / "nowhere")
    found = load_rendered_heads(heads)
    found.paths[0].write_bytes(b"no picture")
    with pytest.raises(LiaxError, match=r"00000\.png cannot be read"):
        list(found.images())
    found.paths[1].unlink()
    with pytest.raises(LiaxError, match="lacks 1 of its 14 heads"):
        load_rendered_heads(heads)
    (heads / "heads.npz").write_bytes(b"nothing")
    with pytest.raises(LiaxError, match=r"heads\.npz cannot be read"):
        load_rendered_heads(heads)


def test_heads_are_observed_with_their_true_factors(heads: Path, tiny: LIAX) -> None:
    found = load_rendered_heads(heads)
    animator = Animator(tiny, "cpu")
    observed = observe_rendered_heads(animator, found)
    images = list(found.images())
    np.testing.assert_allclose(
        observed.alpha_NM[[3]], animator.encode([images[3]]).alpha_BM.numpy(), atol=1e-4
    )
    np.testing.assert_array_equal(observed.factors_NF, observable_factors(found.factors_NF))
    assert observed.clip_N.tolist() == [*range(HEAD_PEOPLE), 0, 1]
    assert observed.factors == tuple(NAMES)
    assert len(observed.clips) == HEAD_PEOPLE
