"""The motion vectors: orthonormal, spanning W's columns, stable in sign, frozen when told."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from liax.model import ModelConfig
from liax.model.dictionary import MotionDictionary


def dictionary(latent: int, vectors: int, seed: int = 0) -> MotionDictionary:
    torch.manual_seed(seed)
    return MotionDictionary(ModelConfig(64, width=8, max_width=32, latent=latent, vectors=vectors))


@settings(max_examples=30)
@given(st.data())
def test_orthonormal_basis_of_w(data: st.DataObject) -> None:
    latent = data.draw(st.integers(1, 64))
    vectors = data.draw(st.integers(1, latent))
    motion = dictionary(latent, vectors, data.draw(st.integers(0, 2**31)))
    q_DM = motion.vectors_DM()
    assert q_DM.shape == (latent, vectors)
    torch.testing.assert_close(q_DM.T @ q_DM, torch.eye(vectors), rtol=0, atol=1e-5)
    # Gram-Schmidt: W = Q R with R upper triangular, so vector i lies in the span of W's first i + 1 columns.
    r_MM = q_DM.T @ motion.weight
    torch.testing.assert_close(q_DM @ r_MM, motion.weight.detach(), rtol=0, atol=1e-4)
    torch.testing.assert_close(r_MM.tril(-1), torch.zeros(vectors, vectors), rtol=0, atol=1e-4)


def test_displacement_is_a_sum_of_vectors() -> None:
    motion = dictionary(32, 8)
    alpha_BM = torch.randn(3, 8)
    summed = sum(alpha_BM[:, i : i + 1] * motion.vectors_DM()[:, i] for i in range(8))
    torch.testing.assert_close(motion.displacement(alpha_BM), summed)
    torch.testing.assert_close(motion.displacement(alpha_BM).norm(dim=1), alpha_BM.norm(dim=1))


def test_signs_survive_small_steps_and_a_second_qr() -> None:
    """A training step must not flip a vector, and Q taken as W gives Q again."""
    motion = dictionary(512, 40)
    before = motion.vectors_DM().detach()
    with torch.no_grad():
        motion.weight.add_(1e-3 * torch.randn_like(motion.weight))
    assert ((before * motion.vectors_DM()).sum(0) > 0.99).all()
    with torch.no_grad():
        motion.weight.copy_(before)
    torch.testing.assert_close(motion.vectors_DM().detach(), before, rtol=0, atol=1e-5)


def test_steady_vectors_do_not_jump_where_householders_do() -> None:
    """The plain QR flips vector 0 as its first element passes zero; while training on, it must not."""
    motion = dictionary(32, 8)
    flips = {}
    for steady in (False, True):
        motion.steady = steady
        ends = []
        for first in (-1e-3, 1e-3):
            with torch.no_grad():
                motion.weight[0, 0] = first
            ends.append(motion.vectors_DM().detach())
        flips[steady] = int(((ends[0] * ends[1]).sum(0) < 0).sum())
    assert flips == {False: 1, True: 0}


def test_training_on_starts_from_the_frozen_vectors() -> None:
    motion = dictionary(32, 8)
    frozen_DM = -motion.vectors_DM().detach()
    motion.freeze(frozen_DM)
    motion.train_on()
    torch.testing.assert_close(motion.vectors_DM().detach(), frozen_DM, rtol=0, atol=1e-5)
    motion.displacement(torch.randn(2, 8)).square().sum().backward()
    assert motion.weight.grad is not None


def test_freeze_keeps_the_vectors_whatever_becomes_of_w() -> None:
    motion = dictionary(32, 8)
    before = motion.vectors_DM().detach().clone()
    motion.freeze()
    with torch.no_grad():
        motion.weight.normal_()
    assert torch.equal(motion.vectors_DM(), before)
    assert not motion.vectors_DM().requires_grad
    assert torch.equal(motion.state_dict()["frozen_DM"], before)


def test_freeze_takes_given_vectors() -> None:
    motion = dictionary(32, 8)
    given_DM = -motion.vectors_DM().detach()
    motion.freeze(given_DM)
    alpha_BM = torch.randn(2, 8)
    torch.testing.assert_close(motion.displacement(alpha_BM), alpha_BM @ given_DM.T)


def test_unfrozen_vectors_train() -> None:
    motion = dictionary(32, 8)
    motion.displacement(torch.randn(2, 8))[0, 0].backward()
    assert motion.weight.grad is not None
    assert motion.weight.grad.abs().max() > 0


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_scale_of_w_does_not_matter(scale: float) -> None:
    motion = dictionary(64, 8)
    before = motion.vectors_DM().detach()
    with torch.no_grad():
        motion.weight.mul_(scale)
    torch.testing.assert_close(motion.vectors_DM().detach(), before, rtol=0, atol=1e-4)
