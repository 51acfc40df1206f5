import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liax.data import regions as measure_module
from liax.data.manifest import read_manifest
from liax.data.regions import load_regions, measure_regions, partial_path


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
    detect = measure_module.FaceLandmarker.detect

    def counted(self, image):
        frames.append(len(frames))
        return detect(self, image)

    monkeypatch.setattr(measure_module.FaceLandmarker, "detect", counted)
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
