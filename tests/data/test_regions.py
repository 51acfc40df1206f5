import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from liax.data import regions as regions_module
from liax.data.manifest import read_manifest
from liax.data.regions import (
    PARTS,
    Regions,
    find_regions,
    load_regions,
    measure_regions,
    partial_path,
    save_regions,
)
from liax.errors import WrongFileError
from liax.face.factors import FACTORS
from liax.face.landmarks import LEFT_EYE, LIPS, RIGHT_EYE, FaceLandmarker


@pytest.fixture(scope="module")
def landmarker() -> Iterator[FaceLandmarker]:
    with FaceLandmarker() as landmarker:
        yield landmarker


def test_boxes_contain_their_part(landmarker: FaceLandmarker, portrait_HW3: NDArray[np.uint8]) -> None:
    regions = find_regions(landmarker, iter([portrait_HW3]))
    assert regions.boxes_TP4.shape == (1, len(PARTS), 4)
    assert regions.opening_TP.shape == (1, len(PARTS))
    factors = dict(zip(FACTORS, regions.factors_TK[0].tolist(), strict=True))
    assert abs(factors["x"]) < 0.1
    assert abs(factors["roll"]) < 10
    assert 0 <= factors["jaw"] < 0.3
    points = landmarker.detect(portrait_HW3)[0].landmarks / portrait_HW3.shape[0]
    for box, outline in zip(regions.boxes_TP4[0], (LEFT_EYE, RIGHT_EYE, LIPS), strict=True):
        assert (points[list(outline)] > box[:2]).all()
        assert (points[list(outline)] < box[2:]).all()
        assert (box[2:] - box[:2] < 0.5).all()
    left, right, mouth = regions.boxes_TP4[0]
    assert left[0] > right[2]  # the sitter's left eye is on the picture's right
    assert mouth[1] > left[1]
    assert (regions.opening_TP[0, :2] > 0.1).all()  # open eyes


def test_closed_eyes_measure_as_closed(landmarker: FaceLandmarker, portrait_HW3: NDArray[np.uint8]) -> None:
    """Skin painted over the lids' opening, with a dark line for the lashes."""
    face = landmarker.detect(portrait_HW3)[0]
    painted = portrait_HW3.copy()
    for outline in (LEFT_EYE, RIGHT_EYE):
        (left, top), (right, bottom) = (
            face.landmarks[list(outline)].min(0),
            face.landmarks[list(outline)].max(0),
        )
        margin = (bottom - top) / 2
        skin = portrait_HW3[int(bottom + 2 * margin), int((left + right) / 2)]
        painted[int(top - margin) : int(bottom), int(left) : int(right)] = skin
        painted[int(bottom) - 1 : int(bottom) + 2, int(left) : int(right)] = skin // 3
    opening_TP = find_regions(landmarker, [portrait_HW3, painted]).opening_TP
    assert (opening_TP[1, :2] < 0.7 * opening_TP[0, :2]).all()
    assert opening_TP[1, 2] == pytest.approx(opening_TP[0, 2], abs=0.05)


def test_factors_that_were_not_measured_are_unknown(tmp_path: Path) -> None:
    """Of a file from before the last one was known; one with more than are known is another version's."""
    boxes_TP4, opening_TP = np.zeros((2, 3, 4), np.float32), np.zeros((2, 3), np.float32)
    for count in (len(FACTORS) - 1, len(FACTORS) + 1):
        path = tmp_path / f"{count}.npz"
        save_regions(path, {"a.mp4": Regions(boxes_TP4, opening_TP, np.ones((2, count), np.float32))})
    factors_TK = load_regions(tmp_path / f"{len(FACTORS) - 1}.npz")["a.mp4"].factors_TK
    assert factors_TK.shape == (2, len(FACTORS))
    assert (factors_TK[:, :-1] == 1).all()
    assert np.isnan(factors_TK[:, -1]).all()
    with pytest.raises(WrongFileError, match="is not a file of measured regions"):
        load_regions(path)


def test_no_face_is_not_a_number(landmarker: FaceLandmarker, portrait_HW3: NDArray[np.uint8]) -> None:
    small = np.asarray(Image.fromarray(portrait_HW3).resize((256, 256)))
    regions = find_regions(landmarker, [small, np.zeros_like(small), small])
    assert np.isnan(regions.boxes_TP4[1]).all()
    assert np.isnan(regions.opening_TP[1]).all()
    assert np.isnan(regions.factors_TK[1]).all()
    assert np.isfinite(regions.boxes_TP4[[0, 2]]).all()
    assert np.array_equal(regions.boxes_TP4[0], regions.boxes_TP4[2])  # fractions, whatever the frame's place


def test_save_and_load(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    regions = {
        name: Regions(
            rng.random((count, 3, 4), np.float32),
            rng.random((count, 3), np.float32),
            rng.random((count, len(FACTORS)), np.float32),
        )
        for name, count in (("clips/a b.mp4", 5), ("ü:boxes.jpg", 1))
    }
    regions["ü:boxes.jpg"].boxes_TP4[:] = np.nan
    path = tmp_path / "regions.npz"
    save_regions(path, regions)
    assert [p.name for p in tmp_path.iterdir()] == ["regions.npz"]
    loaded = load_regions(path)
    assert loaded.keys() == regions.keys()
    for name, got in loaded.items():
        assert got.boxes_TP4.dtype == got.opening_TP.dtype == np.float32
        # Half precision: within a quarter of a pixel of a 512² picture.
        assert np.allclose(got.boxes_TP4, regions[name].boxes_TP4, atol=2**-11, equal_nan=True)
        assert np.allclose(got.opening_TP, regions[name].opening_TP, atol=2**-11)


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04 cut off"])
def test_other_files(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "regions.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WrongFileError, match=r"regions\.npz is not a file of measured regions") as told:
        load_regions(path)
    assert (told.value.path, told.value.wanted) == (path, "regions")


@pytest.fixture
def folder(tmp_path: Path, face_clip: Path, portrait_path: Path) -> Path:
    """A clip of twelve frames, a damaged one, a portrait: each in a split of its own."""
    (tmp_path / "clip.mp4").write_bytes(face_clip.read_bytes())
    (tmp_path / "bad.mp4").write_bytes(face_clip.read_bytes()[:600])
    Image.open(portrait_path).resize((256, 256)).save(tmp_path / "still.png")
    (tmp_path / "manifest.csv").write_text(
        "file,type,split,identity,frames\n"
        "clip.mp4,clip,train,a,10\nbad.mp4,clip,train,b,12\nstill.png,portrait,val,c,1\n"
    )
    return tmp_path


@pytest.fixture
def detected(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every frame that is measured."""
    frames: list[int] = []
    detect = regions_module.FaceLandmarker.detect

    def counted(self, image):
        frames.append(len(frames))
        return detect(self, image)

    monkeypatch.setattr(regions_module.FaceLandmarker, "detect", counted)
    return frames


def test_all_splits_without_the_damaged_file(
    folder: Path, detected: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    said = []
    output = folder / "regions.npz"
    with caplog.at_level(logging.WARNING, "liax"):
        failed = measure_regions(
            read_manifest(folder, None), output, progress=lambda *what: said.append(what)
        )
    assert failed == ["bad.mp4"]
    assert [r.getMessage() for r in caplog.records if "cannot decode" in r.getMessage()] != []
    regions = load_regions(output)
    assert {name: r.boxes_TP4.shape for name, r in regions.items()} == {
        "clip.mp4": (10, 3, 4),
        "still.png": (1, 3, 4),
    }
    assert all(np.isfinite(r.boxes_TP4).all() for r in regions.values())
    # The portrait moves to the right by one of the clip's 320 pixels a frame.
    step = np.diff(regions["clip.mp4"].boxes_TP4[:, 2, 0]).mean()
    assert step == pytest.approx(1 / 320, abs=5e-4)
    assert said[0] == ("measuring", 1, 23)
    assert said[-1] == ("measuring", 23, 23)
    assert not partial_path(output).exists()


def test_only_what_is_missing_is_measured(folder: Path, detected: list[int]) -> None:
    output = folder / "regions.npz"
    manifest = folder / "manifest.csv"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[:2]))
    assert measure_regions(read_manifest(folder, None), output) == []
    assert len(detected) == 10
    manifest.write_text("".join([*lines[:2], lines[3]]))
    assert measure_regions(read_manifest(folder, None), output) == []
    assert len(detected) == 11
    assert load_regions(output).keys() == {"clip.mp4", "still.png"}
    assert measure_regions(read_manifest(folder, None), output, overwrite=True) == []
    assert len(detected) == 22


def test_an_interrupted_run_goes_on(
    folder: Path, detected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = folder / "regions.npz"

    def stop(stage: str, done: int, total: int | None) -> None:
        if done == 23:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_regions(read_manifest(folder, None), output, progress=stop)
    assert not output.exists()
    assert load_regions(partial_path(output)).keys() == {"clip.mp4"}
    before = len(detected)
    measure_regions(read_manifest(folder, None), output)
    assert len(detected) == before + 1  # the still alone
    assert load_regions(output).keys() == {"clip.mp4", "still.png"}
    assert not partial_path(output).exists()
