"""Networks that are exported: of one encoder, and with a driver of their own."""

from __future__ import annotations

import pytest
import torch

from liax.model import LIAX, ModelConfig

NETWORKS = {
    # Groups of several channels, and of one; predicted and enlarged flow.
    "encoder reads": ModelConfig(
        64, width=8, max_width=64, latent=32, vectors=8, flow_blocks=2, render_blocks=1
    ),
    "driver reads": ModelConfig(
        128,
        width=2,
        max_width=16,
        latent=24,
        vectors=6,
        flow_blocks=1,
        render_blocks=2,
        flow_size=16,
        driver_size=64,
    ),
}


@pytest.fixture(scope="session", params=NETWORKS)
def network(request: pytest.FixtureRequest) -> LIAX:
    torch.manual_seed(0)
    network = LIAX(NETWORKS[request.param]).eval().requires_grad_(False)
    for name, parameter in network.named_parameters():
        if "flow_head" in name:
            parameter.normal_(0, 0.1)
        elif name.endswith(("gamma", "bias", "norm.weight")):  # so that no term is nearly nothing
            parameter.normal_(0.5, 0.5)
    return network


@pytest.fixture(scope="session")
def image(network: LIAX) -> torch.Tensor:
    size = network.config.size
    return torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1
