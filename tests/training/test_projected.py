import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from liax.training.adversarial import discriminator_loss, generator_loss
from liax.training.projected import ProjectedDiscriminator


@pytest.fixture
def discriminator() -> ProjectedDiscriminator:
    torch.manual_seed(0)
    return ProjectedDiscriminator(width=8)


def blurred(image_B3RR: Tensor) -> Tensor:
    return F.interpolate(F.avg_pool2d(image_B3RR, 2), scale_factor=2, mode="bilinear")


def pictures(seed: int, side: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(8, 3, side, side, generator=generator) * 2 - 1


@pytest.mark.parametrize("side", [64, 128])
def test_judges_place_by_place(discriminator: ProjectedDiscriminator, side: int) -> None:
    logits, maps = discriminator.logits_and_maps(pictures(0, side))
    places = [hidden.shape[-1] ** 2 for hidden in maps]
    assert [each.shape for each in logits] == [(8, count) for count in places]
    assert places[0] == ((side - 1) // 2 // 2) ** 2
    assert all(each.dtype == torch.float32 for each in logits)


def test_learns_to_tell_blurred_pictures_within_a_few_steps(discriminator: ProjectedDiscriminator) -> None:
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.002, betas=(0.0, 0.99))
    for step in range(12):
        real = pictures(step)
        loss = discriminator_loss(discriminator(real), discriminator(blurred(real))).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    unseen = pictures(99)
    with torch.no_grad():
        real_loss, fake_loss = (generator_loss(discriminator(x)).mean() for x in (unseen, blurred(unseen)))
    assert real_loss < fake_loss - 0.3


def test_gradients_reach_the_picture_but_not_the_features(discriminator: ProjectedDiscriminator) -> None:
    image = pictures(0).requires_grad_()
    generator_loss(discriminator(image)).sum().backward()
    assert image.grad is not None
    assert image.grad.abs().mean() > 0
    assert all("features" not in name for name, _ in discriminator.named_parameters())
    assert all("features" not in name for name in discriminator.state_dict())


def test_judges_change_slowly_with_features(discriminator: ProjectedDiscriminator) -> None:
    """However large weights grow, a convolution's largest singular value is 1 after a few calls."""
    judge = discriminator.judges[0]
    with torch.no_grad():
        judge.mix.parametrizations.weight.original.mul_(50)
        for _ in range(20):
            weight = judge.mix.weight
    assert float(torch.linalg.matrix_norm(weight[:, :, 0, 0], 2)) == pytest.approx(1, rel=0.02)
