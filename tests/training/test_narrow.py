"""A narrower network begins with the channels that a trained one uses most."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from runs import pictures, with_biases
from torch import Tensor

from liax.errors import LiaxError
from liax.model import LIAX, ModelConfig
from liax.training.narrow import narrow

WIDE = ModelConfig(64, width=8, max_width=32, latent=32, vectors=4, flow_blocks=1, render_blocks=2)


@pytest.fixture
def wide() -> LIAX:
    return with_biases(WIDE)


@pytest.fixture
def faces() -> Tensor:
    return pictures(6, 64)


def test_nothing_is_lost_where_nothing_is_cut(wide: LIAX, faces: Tensor) -> None:
    """Only the code's coordinates change."""
    same = narrow(wide, WIDE, faces)
    expected, source_BM, alpha_BM = wide(faces[:3], faces[3:])
    levels, same_source_BM, same_BM = same(faces[:3], faces[3:])
    torch.testing.assert_close(same_BM, alpha_BM, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(same_source_BM, source_BM, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(levels[-1].image, expected[-1].image, rtol=1e-3, atol=1e-4)


def test_channels_that_carry_nothing_are_the_ones_cut(wide: LIAX, faces: Tensor) -> None:
    """Half of each side's channels are silent: codes stay the same, and the other half are the features."""
    silence(wide)
    narrower = narrow(wide, replace(WIDE, width=4, max_width=16), faces)
    expected = wide.encode(faces)
    got = narrower.encode(faces)
    torch.testing.assert_close(got.alpha_BM, expected.alpha_BM, rtol=1e-4, atol=1e-5)
    for feature, wider in zip(got.features, expected.features, strict=True):
        torch.testing.assert_close(feature, wider[:, ::2], rtol=1e-4, atol=1e-5)


def silence(network: LIAX) -> None:
    """Zeroes every second channel of the encoder's maps, and what reads them and the renderer's."""
    network.encoder.from_rgb.weight[1::2] = 0
    assert network.encoder.from_rgb.bias is not None
    network.encoder.from_rgb.bias[1::2] = 0
    for block in network.encoder.blocks:
        for layer in (block.conv, block.down, block.skip):
            layer.weight[1::2] = 0
            if layer.bias is not None:
                layer.bias[1::2] = 0
    network.encoder.to_code.weight[:, 1::2] = 0
    network.decoder.constant[:, 1::2] = 0
    for level in network.decoder.levels:
        for block in level.render_blocks:
            block.first.weight[:, 1::2] = 0


def test_a_shorter_code_keeps_the_motion_vectors_and_what_varies_most(wide: LIAX, faces: Tensor) -> None:
    """Of six faces' codes there are at most six directions besides the vectors: 16 values hold them all."""
    shorter = narrow(wide, replace(WIDE, latent=16), faces)
    vectors_EM = shorter.dictionary.vectors_DM()
    torch.testing.assert_close(vectors_EM.T @ vectors_EM, torch.eye(4), rtol=1e-4, atol=1e-5)
    expected = wide(faces[:3], faces[3:])[0][-1].image
    torch.testing.assert_close(shorter(faces[:3], faces[3:])[0][-1].image, expected, rtol=1e-3, atol=1e-3)


def test_flow_may_end_at_a_lower_level(wide: LIAX, faces: Tensor) -> None:
    coarse = narrow(wide, replace(WIDE, flow_size=16), faces)
    expected, got = (network(faces[:3], faces[3:])[0] for network in (wide, coarse))
    torch.testing.assert_close(got[1].image, expected[1].image, rtol=1e-3, atol=1e-4)
    assert got[-1].image.shape == expected[-1].image.shape
    assert not hasattr(coarse.decoder.levels[-1], "flow_head")


def test_a_driver_is_new(wide: LIAX, faces: Tensor) -> None:
    driven = narrow(wide, replace(WIDE, driver_size=64), faces)
    assert driven.driver is not None
    assert driven.read(faces).shape == (6, 4)


@pytest.mark.parametrize(
    "config",
    [
        replace(WIDE, width=16),
        replace(WIDE, size=128),
        replace(WIDE, render_blocks=1),
        replace(WIDE, vectors=5),
    ],
)
def test_other_networks_are_refused(wide: LIAX, faces: Tensor, config: ModelConfig) -> None:
    with pytest.raises(LiaxError, match="cannot start from one of 64² with 8 to 32"):
        narrow(wide, config, faces)
