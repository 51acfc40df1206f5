"""Weights by path and by the name of an installed package, and weights that get other controls."""

from __future__ import annotations

from importlib.metadata import EntryPoints
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from liax.errors import LiaxError
from liax.model import LIAX, PRESETS
from liax.portrait import Animator
from liax.weights import fingerprint, installed_names, load, save, set_controls
from liax.weights.checkpoint import convert_file
from liax.weights.controls import LIMITS_KEY, CoefficientLimits, Control, read_controls, read_limits

YAW = Control("yaw", "head", {3: 0.02, 1: -0.5}, -30.0, 25.0, "deg")
SMILE = Control("smile", "mouth", {2: 1.0}, 0.0, 1.0)


def test_missing_file(tmp_path: Path) -> None:
    for name in (tmp_path / "absent.safetensors", str(tmp_path / "absent.safetensors")):
        with pytest.raises(LiaxError, match=r"There is no file .*absent\.safetensors"):
            load(name)
    with pytest.raises(LiaxError, match=f"{tmp_path.name} is a folder"):
        load(tmp_path)


def test_pictures_of_a_size_that_the_network_does_not_draw(tiny_weights: Path) -> None:
    assert load(tiny_weights, size=64).drawn_size == load(tiny_weights).drawn_size == 64
    for size in (32, 128):
        with pytest.raises(LiaxError, match=rf"draws no pictures of {size} pixels; choose one of 64"):
            load(tiny_weights, size=size)


def test_weights_are_found_by_entry_point(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an installed distribution declares them, whatever it is called."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "weights_of_mine.py").write_text(
        f"from pathlib import Path\nHERE = Path({str(tiny_weights)!r})\nGONE = HERE / 'gone'"
    )
    declared = tmp_path / "weights_of_mine-1.dist-info" / "entry_points.txt"
    declared.parent.mkdir()
    declared.write_text(
        "[liax.weights]\nmine = weights_of_mine:HERE\ngone = weights_of_mine:GONE\n"
        "broken = weights_of_mine:NOTHING\n"
    )
    assert {"mine", "gone", "broken", "small"} <= set(installed_names())
    assert load("mine").config == PRESETS["tiny"]
    with pytest.raises(LiaxError, match=r"weights gone lack their file .*gone; install their package again"):
        load("gone")
    with pytest.raises(LiaxError, match=r"weights broken cannot be found \(weights_of_mine:NOTHING"):
        load("broken")
    installed = r"no file tinny; .*installed weights \(broken, gone, live, mine, small\)"
    with pytest.raises(LiaxError, match=installed):
        load("tinny")


def test_default_weights_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liax.weights.loading.entry_points", lambda **_: EntryPoints())
    with pytest.raises(LiaxError, match="weights small are not installed; install the package liax-weights"):
        load()
    with pytest.raises(LiaxError, match=r"no file tinny; .*installed weights \(none are installed\)"):
        load("tinny")


def test_new_controls_change_no_tensor(tmp_path: Path, tiny: LIAX) -> None:
    plain, named = tmp_path / "plain.safetensors", tmp_path / "named.safetensors"
    save(tiny, plain, metadata={"licence": "CC0"})
    set_controls(plain, named, [YAW, SMILE])
    before, after = load_file(plain), load_file(named)
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert value.dtype == after[name].dtype
        assert torch.equal(value, after[name]), name
    network = load(named)
    assert network.metadata["licence"] == "CC0"
    assert read_controls(network.metadata, 8).items == (YAW, SMILE)
    assert fingerprint(network) == fingerprint(load(plain))
    set_controls(named, named, [SMILE])  # in place, and instead of the old ones
    assert read_controls(load(named).metadata, 8).items == (SMILE,)
    assert sorted(tmp_path.iterdir()) == [named, plain]


def test_controls_that_do_not_fit_are_not_written(tmp_path: Path, tiny_weights: Path) -> None:
    out = tmp_path / "out.safetensors"
    with pytest.raises(LiaxError, match="a vector that does not exist"):
        set_controls(tiny_weights, out, [Control("far", "other", {8: 1.0}, -1, 1)])
    with pytest.raises(LiaxError, match="share a name"):
        set_controls(tiny_weights, out, [YAW, YAW])
    assert not out.exists()


def test_weights_with_controls_convert_back(tmp_path: Path, published_state: dict[str, Tensor]) -> None:
    torch.save(published_state, tmp_path / "lia-x.pt")
    convert_file(tmp_path / "lia-x.pt", tmp_path / "ours.safetensors")
    set_controls(tmp_path / "ours.safetensors", tmp_path / "ours.safetensors", [YAW])
    convert_file(tmp_path / "ours.safetensors", tmp_path / "back.pt")
    back = torch.load(tmp_path / "back.pt", weights_only=True)
    assert back.keys() == published_state.keys()
    for name, value in published_state.items():
        assert torch.equal(back[name], value), name


def test_limits_stay_when_controls_change(tmp_path: Path, tiny: LIAX) -> None:
    limits = CoefficientLimits(np.linspace(-2, -1, 8), np.linspace(0.5, 1, 8))
    path = tmp_path / "reaching.safetensors"
    save(tiny, path, metadata={LIMITS_KEY: limits.to_json()})
    set_controls(path, path, [Control("yaw", "head", {0: 0.02}, -30, 30, "deg")])
    network = load(path)
    for found in (read_limits(network.metadata, 8), Animator(network, "cpu").controls.limits):
        assert found is not None
        np.testing.assert_allclose(found.low_M, limits.low_M, atol=1e-4)
        np.testing.assert_allclose(found.high_M, limits.high_M, atol=1e-4)
