import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from liax.data.augment import PairBatch
from liax.face.factors import FACTORS
from liax.model.decoder import State
from liax.training.config import LossConfig
from liax.training.losses import (
    ReconstructionLoss,
    SparsityController,
    hoyer,
    landmark_flow_error,
    region_crops,
    sample_boxes,
)


def pictures(seed: int, size: int = 64) -> torch.Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def identity_grid(size: int) -> torch.Tensor:
    line = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y], -1).expand(2, size, size, 2)


def states(image: torch.Tensor, grid_shift: float = 0.0) -> list[State]:
    """Levels of 8² to R² with the image itself, smaller by area, and grids that are (almost) the identity."""
    levels = []
    for side in (8, 16, 32, 64):
        grid = identity_grid(side) + grid_shift
        small = torch.nn.functional.adaptive_avg_pool2d(image, side)
        known = {"image": small, "grid": grid}
        levels.append(State(**{name: known.get(name) for name in State._fields}))
    return levels


def batch(source: torch.Tensor, target: torch.Tensor, boxes: torch.Tensor | None = None) -> PairBatch:
    boxes = torch.full((2, 3, 4), torch.nan) if boxes is None else boxes
    unknown_BK = torch.full((2, len(FACTORS)), torch.nan)
    return PairBatch(
        source, target, target, boxes, unknown_BK, unknown_BK, torch.zeros(len(source), dtype=torch.bool)
    )


@pytest.fixture(scope="module")
def criterion() -> ReconstructionLoss:
    return ReconstructionLoss(LossConfig())


def test_hoyer_known_values() -> None:
    alpha_BM = torch.tensor([[0.0, 5.0, 0.0, 0.0], [2.0, 2.0, -2.0, 2.0], [1.0, 1.0, 0.0, 0.0]])
    assert hoyer(alpha_BM).tolist() == pytest.approx([1.0, 0.0, 2 - math.sqrt(2)], abs=1e-5)


@given(
    st.lists(st.floats(-100, 100), min_size=2, max_size=40).filter(lambda a: max(map(abs, a)) > 0.1),
    st.floats(0.1, 100),
)
def test_hoyer_lies_between_0_and_1_whatever_the_scale(alpha: list[float], scale: float) -> None:
    alpha_BM = torch.tensor([alpha], dtype=torch.float64)
    value = float(hoyer(alpha_BM))
    assert -1e-6 <= value <= 1 + 1e-4
    assert float(hoyer(alpha_BM * scale)) == pytest.approx(value, abs=1e-3)


def test_controller_rises_and_falls_within_its_limits() -> None:
    controller = SparsityController(largest=0.01, target=0.5, rate=0.01)
    weights = []
    for measured in [0.0] * 4 + [0.9] * 4:
        controller.update(torch.tensor(measured))
        weights.append(float(controller.weight))
    assert weights == pytest.approx([0.005, 0.01, 0.01, 0.01, 0.006, 0.002, 0.0, 0.0])
    assert "weight" in controller.state_dict()  # resumed runs push as hard as before


def test_controllers_term_ignores_scale_and_the_common_part() -> None:
    controller = SparsityController(largest=3.0, target=0.5)
    controller.weight.fill_(2.0)
    alpha_BM = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    value = float(controller(alpha_BM))
    assert float(controller(alpha_BM * 7 + 3)) == pytest.approx(value, rel=1e-4)
    centred = alpha_BM - alpha_BM.mean(0)
    by_hand = (centred.abs().sum(1) / centred.square().sum(1).sqrt()).mean() / math.sqrt(8)
    assert value == pytest.approx(2 * float(by_hand), rel=1e-4)


def test_controllers_gradient_makes_sparse() -> None:
    alpha_BM = torch.randn(6, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    controller = SparsityController(largest=3.0, target=0.5)
    controller.weight.fill_(1.0)
    before = hoyer(alpha_BM - alpha_BM.mean(0)).mean()
    controller(alpha_BM).backward()
    after_BM = alpha_BM - 0.5 * alpha_BM.grad
    assert hoyer(after_BM - after_BM.mean(0)).mean() > before


def test_perfect_picture_costs_nothing(criterion: ReconstructionLoss) -> None:
    image = pictures(0)
    terms = criterion(states(image), batch(image, image), torch.float32)
    assert set(terms) == {"l1", "perceptual", "deep", "warp", "parts"}
    for name, value in terms.items():
        assert float(value) == pytest.approx(0, abs=1e-6), name
    assert float(criterion.weighted(terms)) == pytest.approx(0, abs=1e-5)


def test_each_term_sees_its_own_fault(criterion: ReconstructionLoss) -> None:
    image, other = pictures(0), pictures(1)
    wrong_flow = criterion(states(image, grid_shift=0.3), batch(image, image), torch.float32)
    assert [name for name, value in wrong_flow.items() if value > 1e-4] == ["warp"]
    wrong_source = criterion(states(image), batch(other, image), torch.float32)
    assert [name for name, value in wrong_source.items() if value > 1e-4] == ["warp"]
    levels = states(image)
    levels[2] = levels[2]._replace(image=levels[2].image + 0.25)
    wrong_level = criterion(levels, batch(image, image), torch.float32)
    assert float(wrong_level["deep"]) == pytest.approx(0.25)
    assert float(wrong_level["l1"]) == 0
    levels = states(image)
    levels[0] = levels[0]._replace(image=levels[0].image + 0.25)  # below 32² nothing is supervised
    assert float(criterion(levels, batch(image, image), torch.float32)["deep"]) == pytest.approx(0, abs=1e-6)


def test_l1_and_l2_of_a_constant_error(criterion: ReconstructionLoss) -> None:
    target = pictures(0) / 2
    terms = criterion(states(target + 0.125), batch(target, target), torch.float32)
    assert float(terms["l1"]) == pytest.approx(0.125)
    assert float(terms["deep"]) == pytest.approx(0.125)  # one coarse level of 32²
    squared = ReconstructionLoss(LossConfig(l2=3.0))
    terms = squared(states(target + 0.125), batch(target, target), torch.float32)
    assert float(terms["l2"]) == pytest.approx(0.125**2)
    assert float(squared.weighted({"l2": terms["l2"]})) == pytest.approx(3 * 0.125**2)


def test_parts_count_known_boxes_only(criterion: ReconstructionLoss) -> None:
    """An error within the left half costs a box there, and none on the right; unknown boxes do not dilute."""
    target = pictures(0)
    wrong = target.clone()
    wrong[..., :32] = -wrong[..., :32]
    boxes = torch.full((2, 3, 4), torch.nan)
    boxes[0, 0] = torch.tensor([0.1, 0.2, 0.4, 0.5])
    left = criterion(states(wrong), batch(target, target, boxes), torch.float32)["parts"]
    boxes[1, 2] = boxes[0, 0]
    twice = criterion(states(wrong), batch(target, target, boxes), torch.float32)["parts"]
    assert left > 0.5
    assert float(twice) == pytest.approx(float(left), rel=0.5)
    boxes = torch.full((2, 3, 4), torch.nan)
    boxes[0, 0] = torch.tensor([0.6, 0.2, 0.9, 0.5])
    assert float(criterion(states(wrong), batch(target, target, boxes), torch.float32)["parts"]) < 1e-5


def test_eyes_and_mouth_have_weights_of_their_own() -> None:
    """The same fault in the same box costs what its part weighs."""
    target = pictures(0)
    wrong = -target
    costs = []
    for part in range(3):
        boxes = torch.full((2, 3, 4), torch.nan)
        boxes[0, part] = torch.tensor([0.1, 0.2, 0.4, 0.5])
        criterion = ReconstructionLoss(LossConfig(eye_weight=2.0, mouth_weight=3.0))
        costs.append(float(criterion(states(wrong), batch(target, target, boxes), torch.float32)["parts"]))
    assert costs[0] == pytest.approx(costs[1])
    assert costs[2] == pytest.approx(costs[0] * 1.5)


@pytest.mark.parametrize(("size", "side"), [(64, 64), (256, 64), (512, 128)])
def test_crops_follow_the_pictures_size(size: int, side: int) -> None:
    target = pictures(0, size)
    boxes = torch.full((2, 3, 4), torch.nan)
    boxes[1, 2] = torch.tensor([0.25, 0.25, 0.5, 0.5])
    got, want, known_N = region_crops(-target, batch(target, target, boxes))
    assert got.shape == want.shape == (6, 3, side, side)
    assert known_N.tolist() == [False] * 5 + [True]
    torch.testing.assert_close(got, -want)
    if size > 64:
        quarter = slice(size // 4, size // 2)
        torch.testing.assert_close(want[5], target[1, :, quarter, quarter], rtol=0, atol=1e-5)


def test_weights_and_the_flows_decline() -> None:
    config = LossConfig(
        l1=2.0, perceptual=3.0, deep_supervision=5.0, warp=(1.0, 0.2), warp_steps=100, region_loss=7.0
    )
    criterion = ReconstructionLoss(config)
    weighted = criterion.weighted
    one, zero = torch.tensor(1.0), torch.tensor(0.0)
    for name, weight in (("l1", 2), ("perceptual", 3), ("deep", 5), ("parts", 7)):
        assert float(weighted({name: one, "warp": zero})) == weight
    falling = []
    for step in (0, 50, 100, 1000):
        criterion.schedule(step)
        falling.append(float(weighted({"warp": one})))
    assert falling == pytest.approx([1.0, 0.6, 0.2, 0.2])


def test_terms_of_weight_0_are_left_out() -> None:
    image = pictures(0)
    criterion = ReconstructionLoss(LossConfig(perceptual=0.0, region_loss=0.0))
    assert set(criterion(states(image), batch(image, image), torch.float32)) == {"l1", "deep", "warp"}


def test_crop_of_an_aligned_box_is_a_slice() -> None:
    image = pictures(0, 128)[:1]
    boxes = torch.tensor([[[0.25, 0.125, 0.75, 0.625], [0.0, 0.5, 0.5, 1.0]]])  # 64 by 64 pixels each
    got = sample_boxes(image, boxes)
    assert torch.allclose(got[0], image[0, :, 16:80, 32:96], atol=1e-5)
    assert torch.allclose(got[1], image[0, :, 64:, :64], atol=1e-5)


def test_crop_beyond_the_picture_repeats_its_border() -> None:
    image = torch.zeros(1, 3, 64, 64)
    image[..., 0] = 1.0
    got = sample_boxes(image, torch.tensor([[[-0.5, 0.0, 0.5, 1.0]]]), side=64)
    assert torch.allclose(got[..., :32], torch.ones(1))
    assert got[..., 34:].max() == 0


def test_flow_at_landmarks_by_hand() -> None:
    """A flow that looks 0.1 half pictures further right and 0.05 higher than everything is."""
    points_BP2 = torch.tensor([[[0.3, 0.4], [0.5, 0.7], [0.9, 0.2]], [[0.5, 0.5], [0.25, 0.6], [0.1, 0.9]]])
    shift = torch.tensor([0.1, -0.05])
    for side in (32, 64):
        grid_BHW2 = identity_grid(side) + shift
        same = torch.stack([points_BP2, points_BP2], 1)
        assert float(landmark_flow_error(grid_BHW2, same)) == pytest.approx(0.15, abs=1e-4)
        moved = torch.stack([points_BP2 + shift * (side - 1) / side / 2, points_BP2], 1)
        assert float(landmark_flow_error(grid_BHW2, moved)) == pytest.approx(0, abs=1e-4)


def test_flow_at_landmarks_that_are_unknown_or_outside() -> None:
    points_B2P2 = torch.full((1, 2, 2, 2), 0.5)
    grid_BHW2 = identity_grid(32)[:1] + 0.1
    points_B2P2[:, 0, 0] = torch.nan
    points_B2P2[:, 1, 1] = 1.2
    assert landmark_flow_error(grid_BHW2, points_B2P2) == 0
    points_B2P2[:, 1, 1] = 0.5
    assert float(landmark_flow_error(grid_BHW2, points_B2P2)) == pytest.approx(0.2, abs=1e-4)
