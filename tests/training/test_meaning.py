import copy
import math

import numpy as np
import pytest
import torch

from liax.face.factors import FACTORS
from liax.model import LIAX, ModelConfig
from liax.training.meaning import COUNT, Meaning, adopt, controls, per_unit


@pytest.fixture(scope="module")
def network() -> LIAX:
    torch.manual_seed(0)
    return LIAX(ModelConfig(64, width=8, max_width=32, latent=64, vectors=20, flow_blocks=1, render_blocks=1))


def test_no_distance_where_coefficients_are_what_is_measured() -> None:
    factors_BK = torch.randn(6, COUNT) * torch.tensor([f.usual for f in FACTORS.values()])
    alpha_BM = torch.cat([factors_BK * per_unit(), torch.randn(6, 5)], 1)  # what follows is free
    assert float(Meaning()(alpha_BM, factors_BK)) == pytest.approx(0, abs=1e-6)


def test_distance_is_smooth_l1_of_what_is_known() -> None:
    """Two known entries off by 0.5 and 0.05: (0.5 - 0.05) and 0.05² / 0.2, in coefficients."""
    factors_BK = torch.full((2, COUNT), torch.nan)
    factors_BK[0, 0], factors_BK[1, 3] = 0.0, 0.0
    alpha_BM = torch.full((2, COUNT + 1), 7.0, requires_grad=True)
    with torch.no_grad():
        alpha_BM[0, 0], alpha_BM[1, 3] = 0.5, 0.05
    loss = Meaning()(alpha_BM, factors_BK)
    assert loss.item() == pytest.approx((0.45 + 0.0125) / 2)
    loss.backward()
    assert alpha_BM.grad is not None
    assert int((alpha_BM.grad != 0).sum()) == 2
    assert Meaning()(alpha_BM, torch.full((2, COUNT), torch.nan)).item() == 0


def test_controls_are_the_factors_in_their_units() -> None:
    named = controls(40)
    assert [control.name for control in named] == list(FACTORS)
    yaw = named["yaw"]
    assert (yaw.group, yaw.unit) == ("head", "deg")
    # 30 degrees of yaw are a coefficient of 1 of the first vector, and the end of the range.
    assert yaw.vectors[0] * 30 == pytest.approx(1)
    assert yaw.high == pytest.approx(30)
    assert np.linalg.matrix_rank(named.directions_MK) == COUNT


@torch.no_grad()
def test_adopting_finds_known_directions_and_changes_no_picture(network: LIAX) -> None:
    """Coefficients made of factors along known orthonormal directions: each factor gets its own vector."""
    generator = torch.Generator().manual_seed(1)
    usual_K = torch.tensor([f.usual for f in FACTORS.values()])
    factors_NK = torch.randn(500, COUNT, generator=generator) * usual_K
    factors_NK[3, 2] = torch.nan  # a frame without a face is left out
    directions_MM = torch.linalg.qr(torch.randn(20, 20, generator=generator))[0]
    wanted_NK = factors_NK.nan_to_num() * per_unit()
    rest_NM = torch.randn(500, 20 - COUNT, generator=generator) * 0.1
    alpha_NM = torch.cat([wanted_NK / 1.5, rest_NM], 1) @ directions_MM.T + 0.3

    moved = copy.deepcopy(network)
    adopt(moved, alpha_NM, factors_NK)
    image = torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1
    (before, alpha_BM), (after, moved_BM) = network(image, image.flip(3)), moved(image, image.flip(3))
    assert torch.allclose(before[-1].image, after[-1].image, atol=1e-4)
    # The map of coefficients that did this, applied to the made ones, gives the factors.
    known_N = torch.arange(500) != 3
    rotation_MM = network.dictionary.vectors_DM().T @ moved.dictionary.vectors_DM()
    made_NK = ((alpha_NM - 0.3) @ rotation_MM)[known_N, :COUNT] * 1.5
    assert float((made_NK - wanted_NK[known_N]).abs().max()) < 0.05
    # And the network's own coefficients went the same way.
    expected_BM = (alpha_BM - 0.3) @ rotation_MM
    assert torch.allclose(moved_BM[:, :COUNT], expected_BM[:, :COUNT] * 1.5, atol=0.15)
    assert math.isclose(float(moved.dictionary.vectors_DM().square().sum()), 20, rel_tol=1e-4)
