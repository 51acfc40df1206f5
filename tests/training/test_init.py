"""A run does not begin with kernels that compute something else than plain PyTorch."""

from __future__ import annotations

import pytest
import torch

from liax.errors import LiaxError
from liax.kernels import fir
from liax.model import LIAX, ModelConfig
from liax.training.init import check_kernels

pytest.importorskip("triton", reason="the kernels are Triton's")
pytestmark = pytest.mark.usefixtures("large_blocks")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture
def network() -> LIAX:
    torch.manual_seed(0)
    narrow = ModelConfig(64, width=2, max_width=8, latent=8, vectors=4, flow_blocks=1, render_blocks=1)
    return LIAX(narrow).to(DEVICE)


def faces() -> torch.Tensor:
    return (torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1).to(DEVICE)


def test_right_kernels_pass_and_leave_nothing(network: LIAX) -> None:
    before = {name: p.clone() for name, p in network.named_parameters()}
    check_kernels(network, faces())
    assert all(torch.equal(p, before[name]) and p.grad is None for name, p in network.named_parameters())


def test_a_wrong_picture(network: LIAX, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a compiler made it that took two of the filter's four rows for zeros."""
    right = fir.smooth
    monkeypatch.setattr(fir, "smooth", lambda x, padding, gain: right(x, padding, gain / 2))
    with pytest.raises(LiaxError, match=r"picture is \d+% off .*compile = false"):
        check_kernels(network, faces())


def test_a_wrong_gradient(network: LIAX, monkeypatch: pytest.MonkeyPatch) -> None:
    right = fir._Smooth.backward
    monkeypatch.setattr(fir._Smooth, "backward", lambda ctx, g: right(ctx, g * 2))
    with pytest.raises(LiaxError, match=r"gradient is \d+% off"):
        check_kernels(network, faces())
