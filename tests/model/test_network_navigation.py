"""Equations (1) to (3): codes along the dictionary, and self-reenactment as trained."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from liax.model import LIAX, PRESETS

CONFIG = PRESETS["tiny"]


@pytest.fixture(scope="module")
def network() -> LIAX:
    torch.manual_seed(3)
    return LIAX(CONFIG).requires_grad_(False).eval()


@pytest.fixture(scope="module")
def code_BD() -> Tensor:
    return torch.randn(2, CONFIG.latent)


def same(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_equation_as_written(network: LIAX, code_BD: Tensor) -> None:
    alpha_BM = torch.randn(2, CONFIG.vectors)
    q_DM = network.dictionary.vectors_DM()
    same(network.reenact(code_BD, alpha_BM), code_BD + alpha_BM @ q_DM.T)
    same(network.reenact(code_BD, torch.zeros_like(alpha_BM)), code_BD)


def test_one_source_for_many_codes(network: LIAX) -> None:
    """Features of one source serve every code, as copies of them do."""
    encoded = network.encode(torch.rand(1, 3, CONFIG.size, CONFIG.size) * 2 - 1)
    code_BD = network.reenact(encoded.code_BD, torch.randn(3, CONFIG.vectors))
    copies = tuple(maps.repeat(3, 1, 1, 1) for maps in encoded.features)
    same(network.decode(code_BD, encoded.features), network.decode(code_BD, copies))


def test_forward_is_self_reenactment(network: LIAX) -> None:
    source, driving = torch.rand(2, 1, 3, CONFIG.size, CONFIG.size) * 2 - 1
    states, source_BM, alpha_BM = network(source, driving)
    encoded = network.encode(source)
    same(source_BM, encoded.alpha_BM)
    same(alpha_BM, network.encode(driving).alpha_BM)
    image = network.decode(network.reenact(encoded.code_BD, alpha_BM), encoded.features)
    same(states[-1].image, image)


def test_forward_keeps_what_it_is_asked_to(network: LIAX) -> None:
    """The source's second coefficient, of the second pair; what was read is returned nevertheless."""
    source, driving = torch.rand(2, 2, 3, CONFIG.size, CONFIG.size) * 2 - 1
    kept_BM = torch.zeros(2, CONFIG.vectors, dtype=torch.bool)
    kept_BM[1, 1] = True
    states, source_BM, read_BM = network(source, driving, kept_BM)
    encoded, alpha_BM = network.encode(source), network.encode(driving).alpha_BM
    same(read_BM, alpha_BM)
    alpha_BM = alpha_BM.clone()
    alpha_BM[1, 1] = source_BM[1, 1]
    same(states[-1].image, network.decode(network.reenact(encoded.code_BD, alpha_BM), encoded.features))
