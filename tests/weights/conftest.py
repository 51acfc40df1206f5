"""A shrunken network with published names: 512² and all 41 filters, but few channels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liax.model import LIAX, ModelConfig
from liax.weights.published import fir_kernels, published_shape, tensor_names

SHRUNKEN = ModelConfig(512, width=2, max_width=8, latent=12, vectors=5, flow_blocks=2, render_blocks=3)


@pytest.fixture(scope="session")
def shrunken() -> LIAX:
    torch.manual_seed(5)
    return LIAX(SHRUNKEN).requires_grad_(False).eval()


@pytest.fixture
def published_state(shrunken: LIAX) -> dict[str, Tensor]:
    """The shrunken network as a published state dict, a copy for each test."""
    ours = shrunken.state_dict()
    state = {
        t: ours[o].clone().reshape(published_shape(t, tuple(ours[o].shape)))
        for t, o in tensor_names(SHRUNKEN)
    }
    return state | dict(fir_kernels())
