import math

import pytest
import torch

from liax.training.adversarial import (
    Discriminator,
    _minibatch_deviation,
    discriminator_loss,
    feature_matching_loss,
    generator_loss,
    r1_penalty,
)


@pytest.fixture
def discriminator() -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(64, width=4)


def pictures(batch: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(batch, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 8])
def test_one_logit_a_picture_in_batches_of_any_size(discriminator: Discriminator, batch: int) -> None:
    (logits,) = discriminator(pictures(batch))
    assert logits.shape == (batch, 1)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


def test_minibatch_deviation_by_hand() -> None:
    """Six images make two groups of three: numbers 0, 2, 4 and numbers 1, 3, 5."""
    values = torch.tensor([0.0, 1.0, 3.0, 1.0, 6.0, 1.0])
    x = values[:, None, None, None].expand(6, 2, 4, 4).clone()
    x[:, 1] = 7.0  # the second channel does not vary
    deviation = _minibatch_deviation(x)
    assert deviation.shape == (6, 1, 4, 4)
    first = (math.sqrt(6.0) + 1e-4) / 2  # of 0, 3, 6; the mean of two channels, one of them sqrt(1e-8)
    expected = [first, 1e-4] * 3
    assert deviation[:, 0, 1, 2].tolist() == pytest.approx(expected, rel=1e-4)


def test_minibatch_deviation_of_one_picture_is_nothing() -> None:
    assert _minibatch_deviation(torch.randn(1, 4, 4, 4)).max() < 1e-3


def test_losses_known_values() -> None:
    zero, sure = torch.zeros(4, 1), torch.full((4, 1), 20.0)
    assert generator_loss([zero]).tolist() == pytest.approx([math.log(2)] * 4)
    assert generator_loss([sure]).tolist() == pytest.approx([0] * 4, abs=1e-6)  # the fakes pass for real
    assert discriminator_loss([zero], [zero]).tolist() == pytest.approx([2 * math.log(2)] * 4)
    assert discriminator_loss([sure], [-sure]).tolist() == pytest.approx([0] * 4, abs=1e-6)
    assert discriminator_loss([-sure], [sure]).tolist() == pytest.approx([40] * 4)


def test_every_map_of_logits_counts_the_same() -> None:
    """One map with 100 places of loss 20 and one with a single place of loss 40."""
    assert generator_loss([torch.full((2, 100), -20.0), torch.full((2, 1), -40.0)]).tolist() == [30, 30]


def test_distance_of_maps_by_hand(discriminator: Discriminator) -> None:
    """A map off by 1 and one off by 3 are 2 apart; a picture's own maps are not apart."""
    zero = [torch.zeros(2, 4, 8, 8), torch.zeros(2, 8, 4, 4)]
    off = [torch.ones(2, 4, 8, 8), torch.full((2, 8, 4, 4), -3.0)]
    assert feature_matching_loss(off, zero).tolist() == [2, 2]
    image = pictures(2)
    (logits,), maps = discriminator.logits_and_maps(image)
    assert torch.equal(logits, discriminator(image)[0])
    assert [m.shape[-1] for m in maps] == [32, 16, 8, 4]
    assert feature_matching_loss(maps, discriminator.logits_and_maps(image)[1]).max() == 0


def test_r1_of_a_linear_function() -> None:
    """D(x) = <w, x> has the gradient w everywhere: half its square."""
    w = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0))
    real = pictures(5)[..., :8, :8].requires_grad_()
    logits = (real * w).sum((1, 2, 3))[:, None]
    assert float(r1_penalty(logits, real)) == pytest.approx(float(w.square().sum()) / 2, rel=1e-5)


def test_r1_can_be_differentiated(discriminator: Discriminator) -> None:
    real = pictures(4).requires_grad_()
    r1_penalty(discriminator(real)[0], real).backward()
    missing = [name for name, p in discriminator.named_parameters() if p.grad is None]
    assert missing == ["logit.bias"]  # a constant has no part in a gradient
    assert all(p.grad.isfinite().all() for p in discriminator.parameters() if p.grad is not None)


def test_gradients_reach_every_weight_and_the_picture(discriminator: Discriminator) -> None:
    fake = pictures(4, seed=1).requires_grad_()
    generator_loss(discriminator(fake)).mean().backward()
    assert fake.grad is not None
    assert (fake.grad.abs().mean((1, 2, 3)) > 0).all()
    for name, parameter in discriminator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_it_learns_to_tell_two_textures_apart(discriminator: Discriminator) -> None:
    """Noise from smoothed noise: the loss falls from chance to below a third of it in 40 steps."""
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.002, betas=(0.0, 0.99))
    for step in range(40):
        real, fake = pictures(4, seed=2 * step), pictures(4, seed=2 * step + 1)
        fake = torch.nn.functional.avg_pool2d(fake, 5, 1, 2) * 3
        loss = discriminator_loss(discriminator(real), discriminator(fake)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 2 * math.log(2) / 3
