import json
import logging
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from linear_faces import Brightness, FakeFactor
from numpy.typing import NDArray
from PIL import Image

from clips import write_clip
from liax.errors import LiaxError, MissingPackageError, OptionError
from liax.interpretation import run, stages
from liax.interpretation.dataset import HEAD_FACTORS, HEAD_PEOPLE
from liax.interpretation.options import InterpretOptions
from liax.interpretation.run import interpret
from liax.model import LIAX
from liax.portrait import Animator

# Coefficients are moved, and pictures measured, by the tiny network of random weights: what it draws shows no
# face, so an instrument that needs none takes MediaPipe's place.


@pytest.fixture(scope="module")
def data(portrait_HW3: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips and six stills of the portrait, moved and shaded: eight people."""
    folder = tmp_path_factory.mktemp("data")
    small = np.asarray(Image.fromarray(portrait_HW3).resize((80, 80)))
    views = [small[k % 16 : k % 16 + 64, k // 4 : k // 4 + 64] for k in range(48)]
    for name, shift in (("a", 0), ("b", 20)):
        write_clip(folder / f"{name}.mp4", views[shift : shift + 24], rate=12)
    for k in range(6):
        Image.fromarray((views[5 * k] * (0.5 + 0.08 * k)).astype(np.uint8)).save(folder / f"still{k}.png")
    return folder


@pytest.fixture
def instrument(monkeypatch: pytest.MonkeyPatch) -> Brightness:
    """The one instrument, to which little is much; dlib is not there."""
    found = Brightness()
    found.factors = {name: FakeFactor(0.2, "mouth") for name in found.factors}
    monkeypatch.setattr(stages, "_PATHS", 4)
    monkeypatch.setattr(run, "INSTRUMENTS", {"mediapipe": lambda processes: found})
    lacking(monkeypatch, "dlib")
    return found


def lacking(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    def there(name: str) -> object:
        return None if name in packages else util.find_spec(name)

    monkeypatch.setattr(run, "find_spec", there)


Interpret = Callable[..., dict[str, Any]]


@pytest.fixture
def interpreted(tiny: LIAX, data: Path, tmp_path: Path) -> Interpret:
    def call(**changes: Any) -> dict[str, Any]:
        options = InterpretOptions(**{"frames": 24, "values": 3, "count": 3, **changes})
        out = tmp_path / "out"
        animator = Animator(tiny, "cpu", torch.float32)
        interpret(animator, data, out, options, name="tiny", command="liax interpret tiny")
        results: dict[str, Any] = json.loads((out / "results.json").read_text())
        return results

    return call


def test_from_data_to_a_report(
    interpreted: Interpret, instrument: Brightness, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "liax"):
        results = interpreted()
    assert [record.message for record in caplog.records] == results["left_out"]
    assert any("dlib-bin" in sentence for sentence in results["left_out"])
    assert results["drawing"]["precision"] == "float32"
    assert results["drawing"]["limits"] is False
    assert results["material"] == {"clips": 2, "stills": 6, "people": 8, "frames": 54}
    assert results["portraits"] == {"measured": 3, "held_out": 1}
    assert results["sparsity"]["frames"] == sum(results["used_K"]) == 54
    assert len(results["course"]["alpha_TK"]) == 24
    effects = results["effects"]["brightness"]
    assert np.shape(effects["travel_MF"]) == (results["vectors"], 2)
    assert results["disentanglement"][0]["people"] == 8
    assert results["path_length"]["length"] > 0

    # Random vectors change how bright a picture is: that becomes a control, verified and drawn.
    control = next(control for control in results["controls"] if control["name"] == "bright")
    verified = control["verified"]["brightness"]
    assert np.shape(verified["got_PA"]) == (1, len(verified["asked"]))
    assert verified["got_PA"][0][verified["asked"].index(0)] == 0
    assert np.ptp(verified["got_PA"]) > 0.1
    assert verified["identity"] is None  # without dlib
    out = tmp_path / "out"
    assert len(list((out / "strips").glob("*.webp"))) == len(results["controls"])
    page = (out / "report.html").read_text()
    assert "What you can steer" in page
    assert "bright" in (out / "results.md").read_text()

    # A second run measures nothing anew, and says the same.
    seen = instrument.seen
    assert interpreted() == results
    assert instrument.seen == seen


def test_a_stopped_run_goes_on(
    interpreted: Interpret, instrument: Brightness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "additivity_of_edits", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    lacking(monkeypatch, "dlib", "sklearn", "stlpips_pytorch")
    with pytest.raises(KeyboardInterrupt):
        interpreted()
    stopped = instrument.seen
    monkeypatch.setattr(run, "additivity_of_edits", lambda *_: [])
    results = interpreted()
    assert instrument.seen == stopped
    assert results["disentanglement"] == []
    assert results["path_length"] is None


def test_scores_by_rendered_heads_can_be_added(
    interpreted: Interpret, instrument: Brightness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "heads"
    random = np.random.default_rng(0)
    low_F, high_F = np.array(list(HEAD_FACTORS.values()), np.float64).T
    factors_NF, person_N = (
        random.uniform(low_F, high_F, (120, len(HEAD_FACTORS))),
        np.arange(120) % HEAD_PEOPLE,
    )
    folder.mkdir()
    names = np.array(list(HEAD_FACTORS))
    made = np.array([1, 0, 64])
    np.savez(folder / "heads.npz", factors=factors_NF, person=person_N, made=made, names=names)
    for i, (yaw, *_) in enumerate(factors_NF):
        level = np.clip(128 + 3 * yaw + random.normal(0, 4, (64, 64, 3)), 0, 255)
        Image.fromarray(level.astype(np.uint8)).save(folder / f"{i:05d}.png")
    lacking(monkeypatch, "dlib", "stlpips_pytorch")
    monkeypatch.setattr(run, "additivity_of_edits", lambda *_: [])
    assert len(interpreted()["disentanglement"]) == 1
    added = interpreted(heads=folder)["disentanglement"][1]
    assert added["title"] == "Against the truth of rendered heads"
    assert (added["frames"], added["people"]) == (120, 12)
    informed = dict(zip(added["own"]["factors"], added["own"]["informativeness_F"], strict=True))
    assert informed["yaw"] > 0.5 > informed["smile"]


def test_other_settings_need_another_folder(
    interpreted: Interpret, instrument: Brightness, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "settings.json").write_text('{"frames": 60}')
    said = "made with other weights, manifest, precision, split, frames, values, count;"
    with pytest.raises(LiaxError, match=said):
        interpreted()


def test_what_cannot_be_is_told_before_anything_is_written(
    interpreted: Interpret, instrument: Brightness, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="4 values do not lie evenly about 0"):
        interpreted(values=4)
    with pytest.raises(MissingPackageError, match="The instrument dlib needs the packages dlib-bin and"):
        interpreted(instrument=("dlib",))
    assert not (tmp_path / "out" / "results.json").exists()
