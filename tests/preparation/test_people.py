"""People of other data sets: kept, read, measured, told apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from liax.errors import LiaxError
from liax.preparation import people as people_module
from liax.preparation.config import ClipRecord, CutOptions, QualityLimits, Selection
from liax.preparation.dataset import Layout, assemble_dataset
from liax.preparation.identities import KnownPeople
from liax.preparation.inputs import InputVideo
from liax.preparation.people import PEOPLE_FILE, load_people, other_people, people_of, save_people
from liax.preparation.segment import Segment, process_segment, read_records

FACES_PE = np.eye(128)[:2]
TWO = KnownPeople(("ann", "bob"), ("train", "val"), FACES_PE)


def test_they_are_kept_and_told(tmp_path: Path) -> None:
    save_people(tmp_path / PEOPLE_FILE, TWO)
    again = people_of(tmp_path, tmp_path / "cache")
    assert (again.names, again.splits) == (TWO.names, TWO.splits)
    np.testing.assert_array_equal(again.embeddings_PE, FACES_PE)
    assert again.closest(FACES_PE[1] + 0.02) == 1
    assert again.closest(np.eye(128)[5]) is None
    assert KnownPeople((), (), np.zeros((0, 128))).closest(FACES_PE[0]) is None


@pytest.mark.parametrize(
    "arrays", [{}, {"names": np.array(["a"]), "splits": np.array([]), "embeddings": FACES_PE}]
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, arrays: dict[str, NDArray]) -> None:
    np.savez(tmp_path / PEOPLE_FILE, **arrays)
    with pytest.raises(LiaxError, match=r"people\.npz holds no people .*; delete it to have it made anew"):
        load_people(tmp_path / PEOPLE_FILE)


class FakeEmbedder:
    """A face's embedding is its person: 0 where the picture is bright, 1 where it is dark."""

    def embed(self, image_HW3: NDArray[np.uint8], face: object) -> NDArray[np.float64]:
        return FACES_PE[int(image_HW3.mean() < 100)]


@pytest.fixture
def csv_set(portrait_HW3: NDArray[np.uint8], tmp_path: Path) -> Path:
    """Two people's stills, and a third of whom there is no face."""
    folder = tmp_path / "old"
    folder.mkdir()
    for name, image in {
        "ann": portrait_HW3, "bob": portrait_HW3 // 2, "nobody": np.full((64, 64, 3), 128, np.uint8)
    }.items():  # fmt: skip
        Image.fromarray(image).save(folder / f"{name}.png")
    lines = ["file,type,split,identity,frames", "ann.png,portrait,train,ann,1", "bob.png,portrait,val,bob,1"]
    (folder / "manifest.csv").write_text("\n".join([*lines, "nobody.png,portrait,train,nobody,1"]))
    return folder


def test_people_of_a_csv_are_measured_once(
    csv_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_module, "FaceEmbedder", FakeEmbedder)
    told: list[tuple[str, int, int | None]] = []
    found = people_of(csv_set, tmp_path / "cache", lambda *now: told.append(now))
    assert (found.names, found.splits) == (("ann", "bob"), ("train", "val"))
    assert told[-1] == ("measuring known people", 3, 3)
    monkeypatch.setattr(people_module, "FaceEmbedder", None)
    again = people_of(csv_set, tmp_path / "cache")
    np.testing.assert_array_equal(again.embeddings_PE, found.embeddings_PE)
    with pytest.raises(LiaxError, match="cannot read the manifest"):
        people_of(tmp_path / "gone", tmp_path / "cache")


def test_an_interrupted_measuring_goes_on(
    csv_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_module, "FaceEmbedder", FakeEmbedder)

    def stop(stage: str, done: int, total: int | None) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        people_of(csv_set, tmp_path / "cache", stop)
    told: list[int | None] = []
    assert len(people_of(csv_set, tmp_path / "cache", lambda _, done, total: told.append(total)).names) == 2
    assert told == [1]


def test_known_people_keep_name_and_split_and_others_are_left_out(
    two_shots: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three videos: of ann, of bob, and of a stranger."""
    faces = {"aa": FACES_PE[0], "bb": FACES_PE[1], "cc": np.eye(128)[7]}
    for key in faces:
        process_segment(Segment(key, 0, two_shots), CutOptions(size=64), tmp_path / "units")

    def measured(path: Path) -> list[ClipRecord]:
        return [replace(record, embedding=tuple(faces[record.key])) for record in read_records(path)]

    monkeypatch.setattr("liax.preparation.dataset.read_records", measured)
    inputs = [InputVideo(Path(f"{key}.mp4"), key, 3.4, 640, 360, 25.0) for key in faces]
    (tmp_path / "old").mkdir()
    save_people(tmp_path / "old" / PEOPLE_FILE, TWO)

    def made(name: str, selection: Selection) -> dict[str, set[tuple[str, str, str]]]:
        (tmp_path / name).mkdir()
        rows = assemble_dataset(
            tmp_path / name, tmp_path / "units", inputs, [], CutOptions(size=64, identities=True),
            QualityLimits(), selection, other_people(selection, tmp_path / "cache"), Layout(),
            lambda *_: None,
        )  # fmt: skip
        return {
            key: {
                tuple(row.get(n) for n in ("identity", "split", "reason"))
                for row in rows
                if row["key"] == key
            }
            for key in faces
        }

    old = (tmp_path / "old",)
    known = made("known", Selection(known=old, val=0))
    assert known["aa"] == {("ann", "train", None)}
    assert known["bb"] == {("bob", "val", None)}
    assert known["cc"] == {("person-cc_00000000_00", "train", None)}
    kept = load_people(tmp_path / "known" / PEOPLE_FILE)
    assert kept.names == ("ann", "bob", "person-cc_00000000_00")
    assert kept.splits == ("train", "val", "train")

    apart = made("apart", Selection(apart=old, val=0))
    assert apart["aa"] == apart["bb"] == {(None, None, f"of a person of {old[0]}")}
    assert apart["cc"] == known["cc"]
