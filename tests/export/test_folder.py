"""An exported folder is complete and checked, or not there."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("onnx", reason="the extra onnxruntime is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnxruntime is not installed")

from liax.errors import LiaxError, OutputExistsError  # noqa: E402
from liax.export import parity as parity_module  # noqa: E402
from liax.export.folder import check_folder, export_folder  # noqa: E402
from liax.model import LIAX  # noqa: E402
from liax.weights.controls import CoefficientLimits, Control, Controls, VerifiedRange  # noqa: E402
from liax.weights.licence import Licence  # noqa: E402

FILES = [f"{role}{ending}.onnx" for role in ("decoder", "driver", "encoder") for ending in ("-float16", "")]


@pytest.fixture
def named(network: LIAX) -> LIAX:
    count = network.config.vectors
    yaw = Control("yaw", "head", {0: 0.1, 2: -0.2}, -20, 25, "deg", "turns", VerifiedRange(-10, 10, 2, 0.9))
    limits = CoefficientLimits(-np.arange(1.0, count + 1), np.arange(1.0, count + 1))
    network.metadata = {"name": "n", "controls": Controls(count, (yaw,)).to_json(), "reach": limits.to_json()}
    return network


def test_another_program_needs_nothing_else(named: LIAX, tmp_path: Path, image: torch.Tensor) -> None:
    """What the card says suffices to draw the portrait with an edit and a driving image's motion."""
    export_folder(named, tmp_path / "out", Licence("MIT", "text"))
    assert sorted(os.listdir(tmp_path / "out")) == sorted([*FILES, "card.json"])
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["weights"]["licence"] == "MIT"
    for model in card["models"]:
        content = (tmp_path / "out" / model["file"]).read_bytes()
        assert (model["bytes"], model["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        least = {"float32": 100, "float16": 45}[model["dtype"]]
        assert all(parity >= least for parity in model["parity_db"].values())
        assert model["parity_db"].keys() == {output["name"] for output in model["outputs"]}

    sessions = {
        model["role"]: (model, onnxruntime.InferenceSession(str(tmp_path / "out" / model["file"])))
        for model in card["models"]
        if model["dtype"] == "float32"
    }

    def run(role: str, values: dict[str, object]) -> dict[str, np.ndarray]:
        model, session = sessions[role]
        inputs = {each["name"]: np.asarray(values[each["name"]], each["dtype"]) for each in model["inputs"]}
        outputs = [each["name"] for each in model["outputs"]]
        return dict(zip(outputs, session.run(outputs, inputs), strict=True))

    source = run("encoder", {"image": image[:1]})
    driven = run("driver", {"image": image})
    yaw = np.zeros(card["motion"]["vectors"], np.float32)
    (control,) = card["controls"]
    assert (control["name"], control["unit"], control["low"], control["high"]) == ("yaw", "deg", -20, 25)
    assert control["verified"] == {"low": -10, "high": 10, "tolerance": 2, "share": 0.9}
    for index, amount in control["vectors"].items():
        yaw[int(index)] = 5 * amount
    alpha = source["alpha"] + driven["alpha"] - driven["alpha"][:1] + yaw
    alpha = alpha.clip(card["motion"]["reach"]["low"], card["motion"]["reach"]["high"])
    drawn = run("decoder", source | {"alpha": alpha})["image"]

    seen = named.encode(image)
    wanted_BM = seen.alpha_BM[:1] + seen.alpha_BM - seen.alpha_BM[:1]
    wanted_BM[:, 0] += 0.5
    wanted_BM[:, 2] -= 1.0
    limit_M = torch.arange(1.0, named.config.vectors + 1)
    wanted_BM = wanted_BM.clamp(-limit_M, limit_M)
    wanted = named.decode(
        named.reenact(seen.code_BD[:1], wanted_BM), tuple(each[:1] for each in seen.features)
    )
    assert np.abs(drawn - wanted.numpy()).max() < 1e-3


def test_folders_with_other_things_are_refused(network: LIAX, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(LiaxError, match=r"has something else in it \(notes\.txt\); name a new folder"):
        export_folder(network, tmp_path, overwrite=True)
    with pytest.raises(LiaxError, match=r"notes\.txt is not a folder; name a new one"):
        check_folder(tmp_path / "notes.txt", overwrite=True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "card.json").write_text('{"format": "another program\'s"}')
    with pytest.raises(LiaxError, match=r"other has something else in it \(card\.json\); name a new folder"):
        check_folder(other, overwrite=True)
    assert os.listdir(other) == ["card.json"]


def test_what_a_killed_export_left_is_no_hindrance(network: LIAX, tmp_path: Path) -> None:
    (tmp_path / ".pictures.0a1b2c3d.part").mkdir()
    check_folder(tmp_path, overwrite=False)


def test_an_earlier_export_is_replaced_on_request(network: LIAX, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export_folder(network, folder, precisions=["float32"])
    with pytest.raises(OutputExistsError):
        export_folder(network, folder)
    done = export_folder(network, folder, precisions=["float16"], overwrite=True)
    assert sorted(os.listdir(folder)) == sorted(["card.json", *(name for name in FILES if "16" in name)])
    assert done.parity_db.keys() == {"float16"}


def test_a_model_that_differs_is_not_written(
    network: LIAX, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(parity_module.LEAST, "float16", 150.0)
    with pytest.raises(
        LiaxError,
        match=r"encoder in float16 computes something else than the network "
        r"\(\w+: \d+ dB, at least 150 wanted\); export float32 only",
    ):
        export_folder(network, tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_nothing(network: LIAX, tmp_path: Path, full_disk: object) -> None:
    with full_disk(20_000), pytest.raises(LiaxError, match="cannot be written"):  # type: ignore[operator]
        export_folder(network, tmp_path / "out")
    assert os.listdir(tmp_path) == []
