"""Presets have the sizes that they promise, and configurations refuse what cannot be built."""

from __future__ import annotations

import pytest
import torch

from liax.model import LIAX, PRESETS, ModelConfig


def millions(preset: str) -> float:
    with torch.device("meta"):
        network = LIAX(PRESETS[preset])
    return sum(p.numel() for p in network.parameters()) / 1e6


def test_published_sizes() -> None:
    """Large is the published network: 910.6 M, of which the encoder has 115.8 M and the decoder 794.8 M."""
    assert millions("large") == pytest.approx(910.57, abs=0.005)
    assert millions("published-1") == pytest.approx(227.7, abs=0.05)
    with torch.device("meta"):
        network = LIAX(PRESETS["large"])
    encoder = sum(p.numel() for part in (network.encoder, network.to_alpha) for p in part.parameters())
    decoder = sum(p.numel() for part in (network.decoder, network.dictionary) for p in part.parameters())
    assert encoder / 1e6 == pytest.approx(115.8, abs=0.05)
    assert decoder / 1e6 == pytest.approx(794.8, abs=0.05)


def test_sizes_named_in_the_paper() -> None:
    assert millions("middle") == pytest.approx(300, rel=0.05)
    assert millions("base") == pytest.approx(50, rel=0.05)


def test_small_sizes() -> None:
    assert millions("small") <= 24
    assert millions("tiny") < 0.5


def test_channels_double_up_to_the_cap() -> None:
    large = PRESETS["large"]
    assert large.sides == [8, 16, 32, 64, 128, 256, 512]
    assert [large.channels(side) for side in large.sides] == [1024, 1024, 1024, 1024, 512, 256, 128]
    small = PRESETS["small"]
    assert [small.channels(side) for side in small.sides] == [256, 256, 256, 128, 64, 32]


@pytest.mark.parametrize("preset", PRESETS)
def test_dict_round_trip(preset: str) -> None:
    assert ModelConfig.from_dict(PRESETS[preset].to_dict()) == PRESETS[preset]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"size": 32}, "size"),
        ({"size": 500}, "size"),
        ({"size": 0}, "size"),
        ({"vectors": 0}, "vectors"),
        ({"latent": 16, "vectors": 17}, "vectors"),
        ({"width": 0}, "width"),
        ({"max_width": 0}, "max_width"),
        ({"flow_blocks": 0}, "flow_blocks"),
        ({"render_blocks": -1}, "render_blocks"),
    ],
)
def test_impossible_sizes(wrong: dict[str, int], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        ModelConfig(**wrong)


def test_unknown_key() -> None:
    with pytest.raises(TypeError):
        ModelConfig.from_dict({"depth": 3})
