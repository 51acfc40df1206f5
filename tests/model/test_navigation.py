"""Equations (1), (8), (10) and (11) as the identities that they imply."""

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


@pytest.fixture(scope="module")
def alphas() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """a_s, a_1, a_t and an edit v."""
    a, b, c = torch.randn(3, 2, CONFIG.vectors)
    return a, b, c, 0.3 * torch.randn(CONFIG.vectors)


def same(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_equations_as_written(network: LIAX, code_BD: Tensor, alphas: tuple[Tensor, ...]) -> None:
    a_s, a_1, a_t, v = alphas
    q = network.dictionary.vectors_DM()
    same(network.reenact(code_BD, a_t), code_BD + a_t @ q.T)
    same(network.transfer(code_BD, a_s, a_1, a_t), code_BD + a_s @ q.T + (a_t @ q.T - a_1 @ q.T))
    same(network.transfer(code_BD, a_s, a_1, a_t, v), code_BD + (a_s + v) @ q.T + (a_t @ q.T - a_1 @ q.T))
    same(network.edit(code_BD, a_s, v), code_BD + (a_s + v) @ q.T)


def test_first_driving_frame_moves_nothing(
    network: LIAX, code_BD: Tensor, alphas: tuple[Tensor, ...]
) -> None:
    """Equation (8) with a_t = a_1 is self-reenactment, equation (10) is then the edit (11)."""
    a_s, a_1, _, v = alphas
    same(network.transfer(code_BD, a_s, a_1, a_1), network.reenact(code_BD, a_s))
    same(network.transfer(code_BD, a_s, a_1, a_1, v), network.edit(code_BD, a_s, v))


def test_driving_oneself(network: LIAX, code_BD: Tensor, alphas: tuple[Tensor, ...]) -> None:
    """With the source as first driving frame, transfer takes over the driving coefficients."""
    a_s, _, a_t, _ = alphas
    same(network.transfer(code_BD, a_s, a_s, a_t), network.reenact(code_BD, a_t))


def test_zero_edit(network: LIAX, code_BD: Tensor, alphas: tuple[Tensor, ...]) -> None:
    a_s, a_1, a_t, v = alphas
    zero = torch.zeros_like(v)
    same(network.edit(code_BD, a_s, zero), network.reenact(code_BD, a_s))
    same(network.transfer(code_BD, a_s, a_1, a_t, zero), network.transfer(code_BD, a_s, a_1, a_t))


def test_edits_add_up_and_cancel(network: LIAX, code_BD: Tensor, alphas: tuple[Tensor, ...]) -> None:
    a_s, _, _, v = alphas
    same(network.edit(code_BD, a_s + v, v), network.edit(code_BD, a_s, 2 * v))
    same(network.edit(code_BD, a_s + v, -v), network.reenact(code_BD, a_s))


def test_an_edit_per_sample(network: LIAX, code_BD: Tensor, alphas: tuple[Tensor, ...]) -> None:
    """v may be (M,) for all or (B, M)."""
    a_s, a_1, a_t, v = alphas
    both = torch.stack([v, -v])
    rows = network.transfer(code_BD, a_s, a_1, a_t, both)
    same(rows[:1], network.transfer(code_BD[:1], a_s[:1], a_1[:1], a_t[:1], v))
    same(rows[1:], network.transfer(code_BD[1:], a_s[1:], a_1[1:], a_t[1:], -v))


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
