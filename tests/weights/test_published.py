"""Names and shapes of the published checkpoint, from its own table where that is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from liax.model import PRESETS, ModelConfig
from liax.weights.controls import read_controls
from liax.weights.files import VECTORS, expected_shapes
from liax.weights.published import fir_kernels, published_shape, tensor_names, to_ours

Shapes = dict[str, tuple[int, ...]]


def ours_in_their_names(config: ModelConfig) -> Shapes:
    shapes = expected_shapes(config)
    named = {theirs: published_shape(theirs, shapes[ours]) for theirs, ours in tensor_names(config)}
    return named | {name: tuple(kernel.shape) for name, kernel in fir_kernels()}


@pytest.mark.parametrize(("preset", "column"), [("published-1", 1), ("large", 2)])
def test_every_published_tensor(shared: Path, preset: str, column: int) -> None:
    """All 596 names with their shapes, at both scales, and nothing else."""
    table = shared / "spec" / "published_state_dict.tsv"
    if not table.is_file():
        pytest.skip("needs the table of published tensors (../shared/spec/published_state_dict.tsv)")
    rows = [line.split("\t") for line in table.read_text().splitlines()[1:]]
    published = {row[0]: tuple(map(int, row[column].split("x"))) for row in rows}
    assert len(published) == 596
    assert ours_in_their_names(PRESETS[preset]) == published


def test_names_pair_up_one_to_one() -> None:
    config = PRESETS["large"]
    theirs, ours = zip(*tensor_names(config), strict=True)
    assert len(set(theirs)) == len(theirs) == 596 - 41
    assert set(ours) == set(expected_shapes(config)) - {VECTORS}
    assert len(set(ours)) == len(ours)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("enc.enc_2r.block1.0.weight", (128, 3, 1, 1)),
        ("enc.enc_2r.block_512.conv2.1.weight", (1024, 1024, 3, 3)),
        ("enc.enc_r2t.0.weight", (40, 1024)),
        ("dec.direction.weight", (1024, 40)),
        ("dec.input.input", (1, 1024, 4, 4)),
        ("dec.conv1.conv.weight", (1, 1024, 1024, 3, 3)),
        ("dec.conv_512_2.3.gamma", (1, 1024, 1, 1)),
        ("dec.conv2_2.0.norm.weight", (1024,)),
        ("dec.conv2_2_up.1.weight", (1024, 1024, 3, 3)),
        ("dec.flow2.conv.weight", (1, 3, 1024, 1, 1)),
        ("dec.flow2.conv.modulation.bias", (1024,)),
        ("dec.flow_512.bias", (1, 3, 1, 1)),
        ("dec.rgb_512.bias", (1, 3, 1, 1)),
        ("dec.rgb2.conv.0.weight", (3, 1024, 1, 1)),
        ("dec.rgb2.conv.1.bias", (3,)),
    ],
)
def test_shapes_of_each_kind(name: str, shape: tuple[int, ...]) -> None:
    assert ours_in_their_names(PRESETS["large"])[name] == shape


def test_filters() -> None:
    """[1,3,3,1] ⊗ [1,3,3,1] / 64 before strides; four times that after zeros were inserted."""
    filters = dict(fir_kernels())
    assert len(filters) == 41
    down = [name for name in filters if name.startswith("enc.")]
    assert len(down) == 14
    corner = torch.tensor([[1.0, 3.0], [3.0, 9.0]]) / 64
    for name, kernel in filters.items():
        gain = 1 if name in down else 4
        assert kernel.dtype == torch.float32
        assert torch.equal(kernel[:2, :2], gain * corner), name
        assert torch.equal(kernel, kernel.flip(0, 1)), name
        assert kernel.sum() == gain, name


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
