import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from liax.data.augment import PairBatch, augment
from liax.data.config import AugmentConfig
from liax.data.pairs import PairIndices
from liax.face.factors import FACTORS, measure_factors
from liax.face.landmarks import FaceLandmarker

PLAIN = AugmentConfig.none()
STILLS = replace(PLAIN, still_rotation=15.0, still_scale=0.12, still_shift=0.08)


def picture(batch: int = 4, size: int = 32, seed: int = 0) -> torch.Tensor:
    """Smooth coloured noise, uint8 (B, 3, R, R)."""
    coarse = torch.rand(batch, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    return (F.interpolate(coarse, (size, size), mode="bicubic") * 200 + 25).clamp(0, 255).to(torch.uint8)


def boxes(batch: int = 4) -> torch.Tensor:
    """Of the eyes and the mouth, (B, 3, 4)."""
    left, right, mouth = [0.5, 0.25, 0.75, 0.375], [0.125, 0.25, 0.375, 0.375], [0.25, 0.625, 0.625, 0.75]
    return torch.tensor([left, right, mouth]).expand(batch, 3, 4)


def factors(batch: int = 4) -> torch.Tensor:
    return torch.arange(1.0, 1 + len(FACTORS)).expand(batch, -1) / 20


def pairs(batch: int = 4, stills: int = 0, boxes_BP4: torch.Tensor | None = None) -> PairIndices:
    """What is known of pairs; the source's factors are twice the driving frame's."""
    factors_BK = factors(batch).numpy()
    boxes_BP4 = boxes(batch) if boxes_BP4 is None else boxes_BP4
    numbers = np.arange(batch)
    return PairIndices(numbers, numbers, boxes_BP4.numpy(), 2 * factors_BK, factors_BK, stills)


def made(config: AugmentConfig, stills: int = 0, seed: int = 1) -> PairBatch:
    generator = torch.Generator().manual_seed(seed)
    return augment(picture(), picture(seed=1), pairs(stills=stills), config, generator)


def test_without_augmentation_nothing_changes() -> None:
    batch = made(PLAIN)
    assert torch.allclose((batch.source + 1) * 127.5, picture().float(), atol=1e-4)
    assert torch.allclose((batch.target + 1) * 127.5, picture(seed=1).float(), atol=1e-4)
    assert torch.equal(batch.boxes_BP4, boxes())
    assert torch.equal(batch.factors_BK, factors())
    assert torch.equal(batch.source_factors_BK, 2 * factors())
    assert not batch.named_only_B.any()
    assert torch.allclose(batch.driving, batch.target, atol=1e-6)


def test_flip_mirrors_pictures_and_boxes() -> None:
    """What was the left eye's picture and box is the right eye's."""
    plain, flipped = made(PLAIN), made(replace(PLAIN, flip=1.0))
    assert torch.allclose(flipped.source, plain.source.flip(3), atol=1e-6)
    assert torch.allclose(flipped.target, plain.target.flip(3), atol=1e-6)
    told = dict(zip(FACTORS, (flipped.factors_BK / plain.factors_BK)[0].tolist(), strict=True))
    assert {name for name, ratio in told.items() if ratio == -1} == {"yaw", "roll", "x", "gaze-x", "wink"}
    assert set(told.values()) == {1, -1}
    assert torch.equal(flipped.source_factors_BK, 2 * flipped.factors_BK)
    left, right, mouth = flipped.boxes_BP4[0].tolist()
    assert left == [1 - 0.375, 0.25, 1 - 0.125, 0.375]
    assert right == [1 - 0.75, 0.25, 1 - 0.5, 0.375]
    assert mouth == [1 - 0.625, 0.625, 1 - 0.25, 0.75]


def test_half_are_flipped() -> None:
    batch = 2000
    image = torch.zeros(batch, 3, 2, 2, dtype=torch.uint8)
    image[..., 0] = 255
    generator = torch.Generator().manual_seed(0)
    done = augment(image, image, pairs(batch), replace(PLAIN, flip=0.5), generator)
    flipped = done.source[:, 0, 0, 1] > 0
    assert abs(int(flipped.sum()) - 1000) < 5 * math.sqrt(batch / 4)
    assert torch.equal(flipped, done.boxes_BP4[:, 0, 0] != 0.5)  # boxes with their picture


@settings(max_examples=25)
@given(st.integers(0, 2**62), st.floats(0, 1), st.floats(0, 1), st.integers(0, 4))
def test_values_stay_in_range(seed: int, colour: float, driving_colour: float, stills: int) -> None:
    config = AugmentConfig(
        colour=colour, driving_colour=driving_colour, hue=90, elastic=0.05, driving_cutout=0.5
    )
    batch = made(config, stills, seed)
    for image in (batch.source, batch.target, batch.driving):
        assert image.shape == (4, 3, 32, 32)
        assert float(image.min()) >= -1
        assert float(image.max()) <= 1


def test_colours_change_for_source_and_target_alike() -> None:
    same = picture()
    generator = torch.Generator().manual_seed(3)
    batch = augment(same, same, pairs(), replace(PLAIN, colour=0.3, driving_colour=0.3), generator)
    assert torch.equal(batch.source, batch.target)
    assert (batch.source - made(PLAIN).source).abs().mean() > 0.02
    assert (batch.driving - batch.target).abs().mean() > 0.02
    # The middle of the picture stays where it is: colours change, places do not.
    flat = [
        torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]
        for a, b in zip(batch.driving.mean(1), batch.target.mean(1), strict=True)
    ]
    assert min(flat) > 0.95


def test_the_driving_frame_is_the_target_where_it_has_no_jitter_of_its_own() -> None:
    batch = made(replace(STILLS, colour=0.3), stills=2)
    assert torch.allclose(batch.driving, batch.target, atol=1e-6)


def test_the_generator_decides_everything() -> None:
    one, again, other = (made(AugmentConfig(), 2, seed) for seed in (5, 5, 6))
    assert torch.equal(one.source, again.source)
    assert torch.equal(one.driving, again.driving)
    assert not torch.equal(one.source, other.source)


def test_however_divided_a_pair_is_augmented_alike() -> None:
    """Four pairs at once, the first two of them stills, and every other one of them on its own."""
    whole = made(AugmentConfig(), stills=2)
    for index in range(2):
        generator = torch.Generator().manual_seed(1)
        images = picture()[index::2], picture(seed=1)[index::2]
        part = augment(*images, pairs(2, stills=1), AugmentConfig(), generator, part=(index, 2))
        assert part.rendered_BM is None
        for field in fields(PairBatch)[:-2]:
            wanted = getattr(whole, field.name)[index::2]
            assert torch.allclose(getattr(part, field.name), wanted, atol=1e-5, equal_nan=True), field.name


def test_a_still_becomes_two() -> None:
    batch = made(STILLS, stills=2)
    assert (batch.source - batch.target)[:2].abs().mean(dim=(1, 2, 3)).min() > 0.02
    assert (batch.boxes_BP4[:2] - boxes(2)).abs().amax((1, 2)).min() > 0.005
    assert torch.equal(batch.boxes_BP4[2:], boxes(2))
    assert torch.equal(batch.source[2:], made(PLAIN).source[2:])


def test_a_clips_frames_move_alike() -> None:
    """Both frames by the same motion, so that what lies between them stays what it was."""
    same = picture()
    config = replace(PLAIN, pair_share=1.0, pair_rotation=10.0, pair_scale=0.1, pair_shift=0.05, stretch=0.1)
    batch = augment(same, same, pairs(), config, torch.Generator().manual_seed(2))
    assert torch.equal(batch.source, batch.target)
    assert (batch.source - made(PLAIN).source).abs().mean(dim=(1, 2, 3)).min() > 0.02
    assert (batch.factors_BK != factors()).any(1).all()


def test_boxes_go_with_what_they_frame() -> None:
    """A bright rectangle in an empty picture lies in its box after any motion."""
    image = torch.zeros(8, 3, 64, 64, dtype=torch.uint8)
    image[..., 24:36, 16:40] = 255
    box_BP4 = torch.tensor([16, 24, 40, 36]).div(64).expand(8, 3, 4)
    config = replace(PLAIN, pair_share=1.0, pair_scale=0.2, pair_shift=0.1, stretch=0.2, flip=0.5)
    batch = augment(image, image, pairs(8, boxes_BP4=box_BP4), config, torch.Generator().manual_seed(4))
    for picture_3RR, (left, top, right, bottom) in zip(
        batch.target, (batch.boxes_BP4[:, 0] * 64).tolist(), strict=True
    ):
        rows, columns = (picture_3RR[0] > 0).nonzero().unbind(1)
        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert found == pytest.approx((left, top, right, bottom), abs=0.6)


def ramp(size: int = 64) -> torch.Tensor:
    """Red tells x and green y, from 0 to 255: (1, 3, size, size)."""
    line = torch.linspace(0, 255, size)
    planes = (line.expand(size, size), line[:, None].expand(size, size), torch.zeros(size, size))
    return torch.stack(planes).round().to(torch.uint8)[None]


def test_a_bend_is_smooth_and_leaves_the_middle_of_the_face() -> None:
    image = ramp().expand(32, -1, -1, -1)
    config = replace(PLAIN, pair_share=1.0, elastic=0.04)
    batch = augment(image, image, pairs(32), config, torch.Generator().manual_seed(5))
    assert torch.equal(batch.source, batch.target)
    shift = (batch.target - (image.float() / 127.5 - 1))[:, :2, 8:-8, 8:-8] / 2  # in pictures
    assert 0.01 < float(shift.std()) < 0.04
    assert float(shift.abs().max()) < 3 * 0.04
    at_face = shift[..., round(0.56 * 63) - 8, round(0.5 * 63) - 8]
    assert float(at_face.abs().max()) < 0.004
    assert float(shift.diff(dim=-1).abs().max()) < 0.7 / 64  # no fold
    torch.testing.assert_close(batch.factors_BK, factors(32))


def test_a_turn_of_colours_keeps_grey_and_how_colourful_a_picture_is() -> None:
    soft = picture() // 4 + 96  # nothing is clipped
    config = replace(PLAIN, hue=180.0)
    batch = augment(soft, soft, pairs(), config, torch.Generator().manual_seed(7))
    before = soft.float() / 127.5 - 1
    assert torch.equal(batch.source, batch.target)
    torch.testing.assert_close(batch.target.mean(1), before.mean(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(batch.target.norm(dim=1), before.norm(dim=1), atol=1e-5, rtol=0)
    assert (batch.target - before).abs().mean(dim=(1, 2, 3)).min() > 0.01


def test_the_drivings_view_is_covered_in_a_share_of_pairs() -> None:
    image = torch.full((400, 3, 32, 32), 255, dtype=torch.uint8)
    config = replace(PLAIN, driving_cutout=0.25)
    batch = augment(image, image, pairs(400), config, torch.Generator().manual_seed(8))
    assert torch.equal(batch.target, torch.ones_like(batch.target))
    hidden_B = (batch.driving == 0).all(1).float().mean((1, 2))
    assert set(batch.driving.unique().tolist()) == {0, 1}
    assert float((hidden_B > 0).float().mean()) == pytest.approx(0.25, abs=0.08)
    assert float(hidden_B.max()) <= 0.25 + 0.05
    assert float(hidden_B[hidden_B > 0].mean()) == pytest.approx(1 / 16, abs=0.03)


def test_what_only_the_drivings_view_gets() -> None:
    batch = made(replace(PLAIN, driving_stretch=0.2, driving_blur=1.0))
    assert torch.equal(batch.target, made(PLAIN).target)
    for config in (replace(PLAIN, driving_stretch=0.2), replace(PLAIN, driving_blur=1.0)):
        assert (made(config).driving - batch.target).abs().mean() > 0.005


def test_in_some_pairs_named_coefficients_are_alone() -> None:
    """Independently of all other changes."""
    image = torch.zeros(2000, 3, 2, 2, dtype=torch.uint8)
    config = replace(STILLS, named_only_share=0.3, flip=0.5)
    batch = augment(image, image, pairs(2000, stills=1000), config, torch.Generator().manual_seed(0))
    flipped_B = batch.factors_BK[:, list(FACTORS).index("gaze-x")] < 0
    for group in (slice(1000), slice(1000, None), flipped_B, ~flipped_B):
        assert float(batch.named_only_B[group].float().mean()) == pytest.approx(0.3, abs=0.06)


@pytest.mark.parametrize("seed", range(5))
def test_stills_are_moved_by_similarities(seed: int) -> None:
    """Seen in a coordinate picture: red tells x and green y, so that the warp can be read off and fitted."""
    image = ramp()
    config = STILLS
    moved = augment(image, image, pairs(1, stills=1), config, torch.Generator().manual_seed(seed))
    middle = slice(24, 40)  # where no warp of this strength reflects at the border
    at_y, at_x = torch.meshgrid(torch.arange(24, 40.0), torch.arange(24, 40.0), indexing="ij")
    places = torch.stack([at_x.flatten(), at_y.flatten(), torch.ones(256)], 1) / torch.tensor([31.5, 31.5, 1])
    for picture_3RR in (moved.source[0], moved.target[0]):
        seen = picture_3RR[:2, middle, middle].flatten(1).T
        fit_32 = torch.linalg.lstsq(places, seen).solution
        assert (places @ fit_32 - seen).abs().max() < 0.02
        (a, b), (c, d) = fit_32[:2].tolist()
        assert a == pytest.approx(d, abs=0.01)
        assert b == pytest.approx(-c, abs=0.01)
        scale, angle = math.hypot(a, b), math.degrees(math.atan2(b, a))
        assert 1 / 1.13 < scale < 1.13
        assert abs(angle) < 15.5
        centre = fit_32[2] + fit_32[0] + fit_32[1]
        assert centre.abs().max() < 2 * 0.08 + 0.03


def test_a_moved_stills_factors_are_those_of_the_moved_picture(portrait_HW3: NDArray[np.uint8]) -> None:
    """What the landmarker measures in the moved still is what the batch says of it."""
    still = torch.from_numpy(portrait_HW3.copy()).permute(2, 0, 1)[None]
    config = replace(PLAIN, still_rotation=15, still_scale=0.2, still_shift=0.05)
    with FaceLandmarker() as landmarker:

        def measured(image_HW3: NDArray[np.uint8]) -> torch.Tensor:
            return torch.from_numpy(measure_factors(landmarker.detect(image_HW3)[0], 512))[None]

        before = measured(portrait_HW3)
        for seed in range(3):
            generator = torch.Generator().manual_seed(seed)
            known = replace(pairs(1, stills=1), source_factors_BK=before.numpy(), factors_BK=before.numpy())
            moved = augment(still, still, known, config, generator)
            frames = (moved.source, moved.source_factors_BK), (moved.target, moved.factors_BK)
            for image_1HW3, factors_1K in frames:
                image_HW3 = ((image_1HW3[0].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
                off = (factors_1K - measured(image_HW3))[0].abs()
                assert (off[:3] < 3).all()  # degrees
                assert (off[3:6] < 0.03).all()
            change = (moved.factors_BK - before)[0].abs()
            assert change[2] + change[3:6].max() * 100 > 5


def test_landmarks_go_with_the_pictures() -> None:
    """A bright dot on black is where the augmented landmark says, in source and target."""
    points_B2P2 = np.array([[[[0.4, 0.45]], [[0.55, 0.6]]]] * 6, np.float32)
    dots = torch.zeros(2, 6, 3, 64, 64, dtype=torch.uint8)
    for k in range(2):
        x, y = (points_B2P2[0, k, 0] * 64).astype(int)
        dots[k, :, :, y - 2 : y + 3, x - 2 : x + 3] = 255
    points_B2P2 = (np.floor(points_B2P2 * 64) + 0.5).astype(np.float32) / 64
    known = replace(pairs(6, stills=2), points_B2P2=points_B2P2)
    config = replace(AugmentConfig(), colour=0, driving_blur=0, pair_share=0.7, elastic=0)
    batch = augment(dots[0], dots[1], known, config, torch.Generator().manual_seed(3))
    assert batch.points_B2P2 is not None
    for k, image in enumerate((batch.source, batch.target)):
        light_BHW = ((image + 1) / 2).mean(1).clamp(min=0)
        axis = (torch.arange(64) + 0.5) / 64
        total_B = light_BHW.sum((1, 2))
        x_B, y_B = (light_BHW.sum(1) @ axis) / total_B, (light_BHW.sum(2) @ axis) / total_B
        off_B2 = torch.stack([x_B, y_B], 1) - batch.points_B2P2[:, k, 0]
        assert off_B2.abs().max() < 0.01
    assert (batch.points_B2P2 - torch.from_numpy(points_B2P2)).abs().amax((1, 2, 3)).min() > 0.01
