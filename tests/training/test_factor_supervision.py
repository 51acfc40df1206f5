import copy
import math

import numpy as np
import pytest
import torch

from liax.data.augment import PairBatch
from liax.face.factors import FACTORS
from liax.model import LIAX, ModelConfig
from liax.training.factor_supervision import (
    FACTOR_COUNT,
    FactorLoss,
    align_to_factors,
    factor_controls,
    factor_scale,
    unnamed_mask,
)


@pytest.fixture(scope="module")
def network() -> LIAX:
    torch.manual_seed(0)
    return LIAX(ModelConfig(64, width=8, max_width=32, latent=64, vectors=20, flow_blocks=1, render_blocks=1))


UNKNOWN = torch.full((2, FACTOR_COUNT), torch.nan)
IMAGE = torch.zeros(2, 3, 8, 8)


def measured(source_BK: torch.Tensor, driving_BK: torch.Tensor) -> PairBatch:
    return PairBatch(
        IMAGE, IMAGE, IMAGE, torch.zeros(2, 3, 4), source_BK, driving_BK, torch.zeros(2, dtype=torch.bool)
    )


def test_no_distance_where_coefficients_are_what_is_measured() -> None:
    factors_2BK = torch.randn(2, 2, FACTOR_COUNT) * torch.tensor([f.usual for f in FACTORS.values()])
    free_2BM = torch.randn(2, 2, 5)
    read_2BM = torch.cat([factors_2BK * factor_scale(), free_2BM], 2)
    assert float(FactorLoss()(*read_2BM, measured(*factors_2BK))) == pytest.approx(0, abs=1e-6)


def test_distance_is_smooth_l1_of_what_is_known() -> None:
    """The source's first factor is known, the driving frame's as well, and so is its change; and another.

    They are off by 0.2, 1.2, 1.0 and 0.1 in coefficients: 0.2², 1.2 - 0.25, 1.0 - 0.25 and 0.1².
    """
    source_BK, driving_BK = UNKNOWN.clone(), UNKNOWN.clone()
    source_BK[0, 0] = driving_BK[0, 0] = driving_BK[1, 3] = 0.0
    source_BM, driving_BM = (torch.full((2, FACTOR_COUNT + 1), 7.0, requires_grad=True) for _ in range(2))
    with torch.no_grad():
        source_BM[0, 0], driving_BM[0, 0], driving_BM[1, 3] = 0.2, 1.2, 0.1
    loss = FactorLoss()(source_BM, driving_BM, measured(source_BK, driving_BK))
    assert loss.item() == pytest.approx((0.04 + 0.95 + 0.75 + 0.01) / 4)
    loss.backward()
    for read_BM, known in ((source_BM, 1), (driving_BM, 2)):
        assert read_BM.grad is not None
        assert int((read_BM.grad != 0).sum()) == known
    assert FactorLoss()(source_BM, driving_BM, measured(UNKNOWN, UNKNOWN)).item() == 0


def test_controls_are_the_factors_in_their_units() -> None:
    named = factor_controls(40)
    assert [control.name for control in named] == list(FACTORS)
    yaw = named["yaw"]
    assert (yaw.group, yaw.unit) == ("head", "deg")
    # 30 degrees of yaw are a coefficient of 1 of the first vector, and the end of the range.
    assert yaw.vectors[0] * 30 == pytest.approx(1)
    assert yaw.high == pytest.approx(30)
    assert np.linalg.matrix_rank(named.directions_MK) == FACTOR_COUNT


@torch.no_grad()
def test_adopting_finds_known_directions_and_changes_no_picture(network: LIAX) -> None:
    """Coefficients made of factors along known orthonormal directions: each factor gets its own vector."""
    generator = torch.Generator().manual_seed(1)
    usual_K = torch.tensor([f.usual for f in FACTORS.values()])
    factors_NK = torch.randn(500, FACTOR_COUNT, generator=generator) * usual_K
    factors_NK[3] = torch.nan  # a frame without a face is left out
    factors_NK[4:9, FACTOR_COUNT - 1] = torch.nan  # these count as the mean
    directions_MM = torch.linalg.qr(torch.randn(20, 20, generator=generator))[0]
    wanted_NK = factors_NK.nan_to_num() * factor_scale()
    rest_NM = torch.randn(500, 20 - FACTOR_COUNT, generator=generator) * 0.1
    alpha_NM = torch.cat([wanted_NK / 1.5, rest_NM], 1) @ directions_MM.T + 0.3

    moved = copy.deepcopy(network)
    align_to_factors(moved, alpha_NM, factors_NK)
    image = torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1
    before, _, alpha_BM = network(image, image.flip(3))
    after, _, moved_BM = moved(image, image.flip(3))
    assert torch.allclose(before[-1].image, after[-1].image, atol=1e-4)
    # The map of coefficients that did this, applied to the made ones, gives the factors.
    known_N = (torch.arange(500) < 3) | (torch.arange(500) > 8)
    rotation_MM = network.dictionary.vectors_DM().T @ moved.dictionary.vectors_DM()
    made_NK = ((alpha_NM - 0.3) @ rotation_MM)[known_N, :FACTOR_COUNT] * 1.5
    assert float((made_NK - wanted_NK[known_N]).abs().max()) < 0.05
    # And the network's own coefficients went the same way.
    expected_BM = (alpha_BM - 0.3) @ rotation_MM
    assert torch.allclose(moved_BM[:, :FACTOR_COUNT], expected_BM[:, :FACTOR_COUNT] * 1.5, atol=0.15)
    assert math.isclose(float(moved.dictionary.vectors_DM().square().sum()), 20, rel_tol=1e-4)


def test_free_coefficients() -> None:
    mask_BM = unnamed_mask(torch.tensor([True, False]), FACTOR_COUNT + 2)
    assert mask_BM.sum(1).tolist() == [2, 0]
    assert mask_BM[0, FACTOR_COUNT:].all()
