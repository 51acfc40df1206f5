"""Controls in a weights file: read, written, published; tensors stay as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from liax.errors import LiaxError
from liax.model import LIAX, PRESETS
from liax.weights import fingerprint, load, save, set_controls
from liax.weights.checkpoint import convert_file
from liax.weights.controls import CONTROLS_KEY, GROUPS, Control, Controls, VerifiedRange, read_controls
from liax.weights.files import expected_shapes
from liax.weights.published import fir_kernels, published_shape, tensor_names, to_ours

YAW = Control(
    "yaw",
    "head",
    {3: 0.02, 1: -0.5},
    -30.0,
    25.0,
    "deg",
    "turns the head to the viewer's right",
    VerifiedRange(-12.5, 10.0, 4.0, 0.88),
)
SMILE = Control("smile", "mouth", {2: 1.0}, 0.0, 1.0)

numbers = st.floats(-1e3, 1e3)
promises = st.builds(
    VerifiedRange, st.just(0.0), st.floats(1e-4, 1e-3), tolerance=st.floats(1e-3, 10), share=st.floats(0, 1)
)
controls = st.builds(
    Control,
    name=st.from_regex(r"[a-z][a-z0-9-]*", fullmatch=True),
    group=st.sampled_from(GROUPS),
    vectors=st.dictionaries(st.integers(0, 7), numbers, min_size=1),
    low=st.floats(-1e3, 0),
    high=st.floats(1e-3, 1e3),
    unit=st.sampled_from(["", "deg"]),
    meaning=st.text(),
    verified=st.none() | promises,
)


@given(st.lists(controls, unique_by=lambda control: control.name))
def test_json_keeps_everything(items: list[Control]) -> None:
    written = Controls(8, tuple(items))
    assert read_controls({CONTROLS_KEY: written.to_json()}, 8) == written


def test_directions() -> None:
    directions_MK = Controls(4, (YAW, SMILE)).directions_MK
    np.testing.assert_array_equal(directions_MK, [[0, 0], [-0.5, 0], [0, 1], [0.02, 0]])


def test_none_is_fine() -> None:
    assert len(read_controls({}, 8)) == 0


def test_controls_of_older_files_promise_nothing() -> None:
    """They know neither the word nor what it means."""
    values = json.loads(Controls(8, (YAW,)).to_json())
    del values[0]["promise"]
    (old,) = read_controls({CONTROLS_KEY: json.dumps(values)}, 8)
    assert old == replace(YAW, verified=None)
    assert (old.range, old.verified_text) == ("-30 to 25 deg", "")


def test_what_people_are_told() -> None:
    assert (YAW.range, YAW.verified_text) == ("-30 to 25 deg", "±4 in -12.5 to 10")
    assert replace(SMILE, verified=VerifiedRange(0, 0.75, 1 / 30, 1)).verified_text == "±0.033 in 0 to 0.75"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vectors": {"8": 1}}, "a vector that does not exist"),
        ({"vectors": {}}, "no vector by a finite amount"),
        ({"vectors": {"1": float("nan")}}, "no vector by a finite amount"),
        ({"low": 1}, "impossible range: 1 to 25"),
        ({"high": float("inf")}, "impossible range"),
        ({"group": "ears"}, "no known group: ears"),
        ({"colour": "red"}, "colour"),
        ({"vectors": [1]}, "cannot be used"),
        (
            {"promise": {"low": -31, "high": 10, "tolerance": 4, "share": 1}},
            "yaw promises more than its range",
        ),
        ({"promise": {"low": 0, "high": 0, "tolerance": 4, "share": 1}}, "impossible range: 0 to 0"),
        ({"promise": {"low": 0, "high": 9, "tolerance": 0, "share": 1}}, "is no promise"),
        ({"promise": {"low": 0, "high": 9, "tolerance": 4, "share": 1.1}}, "is no promise"),
        ({"promise": {"low": 0, "high": 9, "tolerance": 4, "share": float("nan")}}, "is no promise"),
        ({"promise": {"low": 0, "high": 9}}, "cannot be used"),
        ({"promise": 4}, "cannot be used"),
    ],
)
def test_unusable_controls(changes: dict[str, object], words: str) -> None:
    values = json.loads(Controls(8, (YAW,)).to_json())[0] | changes
    with pytest.raises(LiaxError, match=words):
        read_controls({CONTROLS_KEY: json.dumps([values])}, 8)


def test_into_a_file_without_touching_its_tensors(tmp_path: Path, tiny: LIAX) -> None:
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


def test_what_does_not_fit_is_not_written(tmp_path: Path, tiny_weights: Path) -> None:
    out = tmp_path / "out.safetensors"
    with pytest.raises(LiaxError, match="a vector that does not exist"):
        set_controls(tiny_weights, out, [Control("far", "other", {8: 1.0}, -1, 1)])
    with pytest.raises(LiaxError, match="share a name"):
        set_controls(tiny_weights, out, [YAW, YAW])
    assert not out.exists()


def test_published_checkpoint_gets_its_fourteen() -> None:
    """On tensors without storage: the real ones are 3.6 GB."""
    config = PRESETS["large"]
    shapes = expected_shapes(config)
    state = {t: torch.empty(published_shape(t, shapes[o]), device="meta") for t, o in tensor_names(config)}
    stored = to_ours(state | dict(fir_kernels()), Path("lia-x.pt"))
    published = read_controls(stored.metadata, 40)
    assert len(published) == 14
    assert {(c.name, *c.vectors, c.low, c.high) for c in published if c.group == "head"} == {
        ("yaw", 37, -1.0, 0.5),
        ("yaw-shoulders", 39, -1.0, 0.5),
        ("pitch", 28, -1.0, 0.5),
        ("roll", 15, -0.5, 0.5),
        ("roll-2", 33, -0.5, 0.5),
        ("neck", 31, -0.5, 0.5),
    }
    limits = {"mouth": 0.4, "eyes": 0.4, "brows": 0.4, "gaze": 0.2}
    rest = [c for c in published if c.group != "head"]
    assert {v for c in rest for v in c.vectors} == {6, 25, 16, 19, 13, 24, 17, 26}
    assert all((c.low, c.high) == (-limits[c.group], limits[c.group]) for c in rest)
    assert set(published.directions_MK.sum(0)) == {1.0}


def test_controls_do_not_hinder_the_way_back(tmp_path: Path, published_state: dict[str, Tensor]) -> None:
    torch.save(published_state, tmp_path / "lia-x.pt")
    convert_file(tmp_path / "lia-x.pt", tmp_path / "ours.safetensors")
    set_controls(tmp_path / "ours.safetensors", tmp_path / "ours.safetensors", [YAW])
    convert_file(tmp_path / "ours.safetensors", tmp_path / "back.pt")
    back = torch.load(tmp_path / "back.pt", weights_only=True)
    assert back.keys() == published_state.keys()
    for name, value in published_state.items():
        assert torch.equal(back[name], value), name


def test_a_movement_is_told_without_remarks() -> None:
    yaw = Control("yaw", "head", {0: 1.0}, -1.0, 1.0, meaning="turns right; leaks 18 % into wink")
    assert yaw.movement == "turns right"
    assert Control("yaw", "head", {0: 1.0}, -1.0, 1.0, meaning="turns right").movement == "turns right"
