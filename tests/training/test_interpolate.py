"""A mean of weights is a network only if both see their motion space in the same coordinates."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from liax.errors import LiaxError, OptionError, OutputExistsError
from liax.model import LIAX, PRESETS
from liax.training.canonicalize import rotate
from liax.training.history import read_history, write_history
from liax.training.interpolate import interpolate_files, interpolate_networks
from liax.weights import load, save

ROTATION_MM = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(2)))[0]


@pytest.fixture
def first() -> LIAX:
    torch.manual_seed(0)
    return LIAX(PRESETS["tiny"]).requires_grad_(False).eval()


def trained_on(network: LIAX, by: float) -> LIAX:
    """Every weight a little different."""
    other, generator = copy.deepcopy(network), torch.Generator().manual_seed(3)
    for parameter in other.parameters():
        parameter.add_(torch.randn(parameter.shape, generator=generator) * by)
    return other


def picture(network: LIAX) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    source, driving = (torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1 for _ in range(2))
    image: Tensor = network(source, driving)[0][-1].image
    return image


def off(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_network_in_another_basis_is_the_same_network(first: LIAX, share: float) -> None:
    wanted, vectors_DM = picture(first), first.dictionary.vectors_DM()
    turned = copy.deepcopy(first)
    rotate(turned, ROTATION_MM)
    mixed = interpolate_networks(first, turned, share)
    assert off(picture(mixed), wanted) < 1e-4
    torch.testing.assert_close(mixed.dictionary.vectors_DM(), vectors_DM, rtol=0, atol=1e-5)


def test_the_ends_are_the_two_networks_and_the_middle_lies_between(first: LIAX) -> None:
    second = trained_on(first, 0.02)
    start, end = picture(first), picture(second)
    rotate(second, ROTATION_MM)
    mixes = [
        interpolate_networks(copy.deepcopy(first), copy.deepcopy(second), share) for share in (0.0, 0.5, 1.0)
    ]
    near, middle, far = (picture(mixed) for mixed in mixes)
    assert off(near, start) < 1e-4
    assert off(far, end) < 1e-4
    assert max(off(middle, start), off(middle, end)) < off(start, end)
    for mixed in mixes:
        vectors_DM = mixed.dictionary.vectors_DM()
        torch.testing.assert_close(vectors_DM.T @ vectors_DM, torch.eye(8), rtol=0, atol=1e-5)


def test_the_driver_alone_comes_from_the_second() -> None:
    torch.manual_seed(0)
    config = replace(PRESETS["tiny"], size=128, driver_size=64)
    drawing = LIAX(config).requires_grad_(False).eval()
    reading = trained_on(drawing, 0.1)
    image = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(1)) * 2 - 1
    drawn, wanted_BM = drawing.encode(image), reading.read(image)
    assert off(drawn.alpha_BM, wanted_BM) > 0.01
    mixed = interpolate_networks(copy.deepcopy(drawing), reading, 1.0, driver_only=True).encode(image)
    torch.testing.assert_close(mixed.alpha_BM, wanted_BM)
    torch.testing.assert_close(mixed.code_BD, drawn.code_BD)


def test_weights_without_a_driver_have_none_to_take(first: LIAX) -> None:
    with pytest.raises(LiaxError, match="have no driver"):
        interpolate_networks(first, copy.deepcopy(first), 1.0, driver_only=True)


def test_two_presets_have_nothing_between_them(first: LIAX) -> None:
    with pytest.raises(LiaxError, match="two presets"), torch.device("meta"):
        interpolate_networks(first, LIAX(PRESETS["small"]), 0.5)


def test_files_keep_the_coordinates_of_the_first_and_the_history_of_both(first: LIAX, tmp_path: Path) -> None:
    start, end, out = (tmp_path / f"{name}.safetensors" for name in ("start", "end", "out"))
    before, after = {"steps": 10, "minutes": 1.5}, {"steps": 20, "minutes": 3.0}
    save(first, start, metadata={"name": "small", "steps": "10", "controls": "[]"} | write_history([before]))
    second = trained_on(first, 0.02)
    save(second, end, metadata={"name": "other", "steps": "20"} | write_history([before, after]))
    interpolate_files(start, end, 0.75, out)
    mixed = load(out)
    assert read_history(mixed.metadata) == [before, after, {"interpolated": 0.75}]
    assert {key: mixed.metadata.get(key) for key in ("name", "steps", "controls")} == {
        "name": "small", "steps": None, "controls": "[]",
    }  # fmt: skip
    with pytest.raises(OutputExistsError):
        interpolate_files(start, end, 0.5, out)
    with pytest.raises(OptionError, match="not a share"):
        interpolate_files(start, end, 1.5, tmp_path / "more.safetensors")


def test_a_damaged_history_is_none() -> None:
    assert read_history({"training": "[1]"}) == read_history({"training": "{"}) == read_history({}) == []
