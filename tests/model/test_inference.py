"""The network prepared for inference computes what the network does.

On a GPU the kernels run there; elsewhere Triton's interpreter runs them, on a network of the least size.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from liax.model import LIAX, ModelConfig
from liax.model.pixels import from_uint8

pytest.importorskip("triton", reason="the kernels are Triton's")
from liax.model.inference import InferenceNetwork

pytestmark = pytest.mark.usefixtures("large_blocks")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(scope="module", params=["one encoder", "driver, flow to 32"])
def network(request: pytest.FixtureRequest) -> LIAX:
    """With all parameters away from their initial zeros and ones; twelve channels are no power of two."""
    torch.manual_seed(0)
    config = ModelConfig(64, width=8, max_width=12, latent=16, vectors=4, flow_blocks=1, render_blocks=1)
    if request.param != "one encoder":
        config = replace(config, flow_size=32, driver_size=64)
    network = LIAX(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.numel() < 200:
                parameter.add_(0.3 * torch.randn_like(parameter))
    network.dictionary.freeze()
    return network.to(DEVICE)


def close(got: Tensor, wanted: Tensor) -> bool:
    return bool((got - wanted).norm() <= 1e-5 * wanted.norm())


@torch.inference_mode()
def test_it_is_the_same_network(network: LIAX, monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes, coefficients, features, and pictures: of own sources, and of one source at half the side."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    side = network.config.size
    levels_BRR3 = torch.randint(0, 256, (2, side, side, 3), dtype=torch.uint8).to(DEVICE)
    pictures_BCHW = from_uint8(levels_BRR3.permute(0, 3, 1, 2))
    wanted = network.encode(pictures_BCHW)
    prepared = InferenceNetwork(network, torch.float32)
    assert close(prepared.read(levels_BRR3[1:]), wanted.alpha_BM[1:])
    if network.driver is None:  # the other's encoder is the same
        got = prepared.encode(levels_BRR3[:1])
        assert close(got.code_BD, wanted.code_BD[:1])
        assert close(got.alpha_BM, wanted.alpha_BM[:1])
        assert all(
            close(ours, theirs[:1]) for ours, theirs in zip(got.features, wanted.features, strict=True)
        )
    code_BD = wanted.code_BD + 0.5 * torch.randn_like(wanted.code_BD)
    for features in (wanted.features, tuple(each[:1] for each in wanted.features[:-1])):
        state = network.render(code_BD, features)[-1]
        image, grid = prepared.draw(code_BD, features)
        assert close(image, state.image)
        assert close(grid, state.grid)
