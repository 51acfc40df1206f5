"""Weights that are damaged or made to harm: one sentence each, at once."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from liax.errors import LiaxError
from liax.model import LIAX, ModelConfig
from liax.portrait import Animator
from liax.weights import load, save
from liax.weights.controls import CONTROLS_KEY, LIMITS_KEY

pytestmark = pytest.mark.timeout(10)

CONTROL: dict[str, Any] = {"name": "yaw", "group": "head", "vectors": {"0": 1.0}, "low": -1, "high": 1}


@pytest.fixture(scope="module")
def whole(tiny: LIAX, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    path = tmp_path_factory.mktemp("w") / "w.safetensors"
    save(tiny, path)
    return load_file(path)


@pytest.fixture
def written(whole: dict[str, Tensor], tiny: LIAX, tmp_path: Path) -> Callable[..., Path]:
    """Weights with some tensors and metadata replaced."""

    def write(tensors: dict[str, Tensor] | None = None, **metadata: str) -> Path:
        path = tmp_path / "w.safetensors"
        facts = {"liax.format": "1", "liax.config": json.dumps(tiny.config.to_dict())} | metadata
        save_file(whole | (tensors or {}), path, metadata=facts)
        return path

    return write


def refused(path: Path, words: str) -> None:
    with pytest.raises(LiaxError, match=words) as caught:
        Animator(load(path), "cpu")
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_as_it_is_it_is_taken(written: Callable[..., Path]) -> None:
    animator = Animator(load(written(controls=json.dumps([CONTROL]))), "cpu")
    assert [control.name for control in animator.controls] == ["yaw"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["to_alpha.bias", "dictionary.frozen_DM"])
def test_values_that_are_not_finite(
    written: Callable[..., Path], whole: dict[str, Tensor], name: str, value: float
) -> None:
    damaged = whole[name].clone()
    damaged.view(-1)[3] = value
    refused(written({name: damaged}), "values that are not finite")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"flow_blocks": 10**9}, "flow_blocks must be at most 64, not 1e\\+09"),
        ({"render_blocks": 2**62}, "render_blocks must be at most"),
        ({"size": 2**40}, "size must be at most"),
        ({"latent": 10**12}, "latent must be at most"),
        ({"width": 8.5}, "width must be a whole number, not 8.5"),
        ({"width": True}, "width must be a whole number, not True"),
        ({"vectors": None}, "vectors must be a whole number, not None"),
        ({"vectors": "x" * 10_000}, "vectors must be a whole number"),
        ({"size": 10**400}, "too large"),
        ({"size": [[[]]]}, "size must be a whole number"),
        ({"x" * 10_000: 1}, "describes no usable network"),
        ({"\x1b[2J": 1}, "describes no usable network"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_absurd_sizes(written: Callable[..., Path], tiny: LIAX, changes: dict[str, Any], words: str) -> None:
    config: dict[str, Any] = tiny.config.to_dict() | changes
    refused(written(**{"liax.config": json.dumps(config)}), words)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"size":' * 100_000, "[]", "null", "NaN", '"' * 9999])
def test_absurd_configurations(written: Callable[..., Path], text: str) -> None:
    refused(written(**{"liax.config": text}), "describes no usable network")


def test_the_largest_network_that_is_described_takes_no_time() -> None:
    from liax.weights.files import expected_shapes

    assert expected_shapes(ModelConfig(4096, 4096, 16384, 16384, 4096, 64, 64))


NAMES = [
    5,
    None,
    True,
    "",
    "[/bogus]",
    "\x1b[2J",
    "Yaw",
    "two words",
    "a=b",
    "#3",
    "12",
    "a,b",
    "x" * 101,
    [],
]


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_names_that_are_none(written: Callable[..., Path], name: object) -> None:
    refused(written(**{CONTROLS_KEY: json.dumps([CONTROL | {"name": name}])}), "is no name of a control")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"vectors": {"0": 1e308}}, "impossible amount"),
        ({"vectors": {"0": "1e308"}}, "impossible amount"),
        ({"vectors": {"0": 1e999}}, "no vector by a finite amount"),
        ({"vectors": {"9" * 5000: 1}}, "cannot be used"),
        ({"vectors": {"-1": 1}}, "does not exist"),
        ({"high": 1e308}, "impossible amount"),
        ({"low": -1e300, "vectors": {"0": 1e300}}, "impossible amount"),
        ({"low": 10**400}, "too large"),
        ({"low": "a"}, "cannot be used"),
        ({"low": None}, "cannot be used"),
        ({"group": "\x1b[2J"}, "no known group"),
        ({"group": ["head"]}, "no known group"),
        ({"unit": "\x1b[2J"}, "is no unit of a control"),
        ({"meaning": 5}, "is no meaning of a control"),
        ({"meaning": "x" * 100_000}, "is no meaning of a control"),
        ({"promise": "x"}, "cannot be used"),
        ({"promise": {"low": "a", "high": 1, "tolerance": 1, "share": 1}}, "cannot be used"),
        ({"\x1b[2J": 1}, "cannot be used"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_absurd_controls(written: Callable[..., Path], changes: dict[str, Any], words: str) -> None:
    refused(written(**{CONTROLS_KEY: json.dumps([CONTROL | changes])}), words)


@pytest.mark.parametrize(
    "text", ["5", "null", "{}x", '{"a": 1}', "[5]", "[null]", "[[]]", "[" * 100_000, '"yaw"', "[{}]"]
)
def test_lists_of_controls_that_are_none(written: Callable[..., Path], text: str) -> None:
    refused(written(**{CONTROLS_KEY: text}), "controls cannot be used")


def test_too_many_controls(written: Callable[..., Path]) -> None:
    many = [CONTROL | {"name": f"c{k}"} for k in range(20_000)]
    refused(written(**{CONTROLS_KEY: json.dumps(many)}), "there are more than 1000")
    twice = json.dumps([CONTROL, CONTROL])
    refused(written(**{CONTROLS_KEY: twice}), "share a name")


@pytest.mark.parametrize(
    ("low", "high"), [([-1e999] * 8, [1] * 8), ([0] * 8, [1e999] * 8), (["a"] * 8, [1] * 8), ([10**400], [])]
)
def test_absurd_limits(written: Callable[..., Path], low: list[float], high: list[float]) -> None:
    text = json.dumps({"low": low, "high": high})
    refused(written(**{LIMITS_KEY: text}), "limits cannot be used")


@pytest.mark.parametrize("size", [0, 1, 2**31, 2**62, 2**64 - 1])
def test_headers_that_claim_what_is_not_there(whole: dict[str, Tensor], tmp_path: Path, size: int) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", size) + b"{" * 64)
    refused(path, "damaged or cut short")


def test_a_message_is_short_for_a_header_that_is_long(tmp_path: Path) -> None:
    header = json.dumps({"a": "x" * 10_000}).encode()
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    refused(tmp_path / "w.safetensors", "damaged or cut short")


@pytest.mark.parametrize("name", ["x" * 100_000, "\x1b[2J"], ids=["long", "control"])
def test_tensors_of_absurd_names(written: Callable[..., Path], name: str) -> None:
    refused(written({name: torch.ones(1)}), r"1 unexpected tensors \((x{80}|\\x1b\[2J)\)")


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float8_e4m3fn, torch.float64])
def test_other_kinds_of_numbers_are_converted_or_refused(
    written: Callable[..., Path], whole: dict[str, Tensor], dtype: torch.dtype
) -> None:
    name = "to_alpha.bias"
    with suppress(LiaxError):
        load(written({name: whole[name].to(dtype)}))


def test_a_message_is_short_for_a_name_that_is_long(written: Callable[..., Path]) -> None:
    controls = Animator(load(written(controls=json.dumps([CONTROL]))), "cpu").controls
    with pytest.raises(LiaxError) as caught:
        _ = controls["x" * 1_000_000]
    assert len(str(caught.value)) < 400
