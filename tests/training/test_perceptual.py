from importlib.resources import files

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load

from liax.training.perceptual import PerceptualLoss, SqueezeNetFeatures, feature_distance


@pytest.fixture(scope="module")
def distance() -> PerceptualLoss:
    return PerceptualLoss("squeezenet")


def pictures(seed: int, batch: int = 2, size: int = 64) -> torch.Tensor:
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_first_layer_takes_rgb_as_the_original_took_bgr() -> None:
    """BGR · 255 less the mean of Caffe's models, through the unchanged weights."""
    weights = load(files("liax.assets").joinpath("squeezenet1_1.safetensors").read_bytes())
    image = pictures(0)
    bgr = ((image + 1) / 2 * 255).flip(1) - torch.tensor([104.006, 116.669, 122.679])[:, None, None]
    wanted = F.relu(F.conv2d(bgr, weights["conv1.weight"], weights["conv1.bias"], stride=2))
    got = SqueezeNetFeatures()(image)[0]
    assert torch.allclose(got, wanted, rtol=1e-4, atol=1e-3 * float(wanted.max()))


def test_features_are_those_of_the_five_layers() -> None:
    shapes = [tuple(f.shape[1:]) for f in SqueezeNetFeatures()(pictures(0, 1, 128))]
    assert shapes == [(64, 63, 63), (128, 31, 31), (256, 15, 15), (384, 7, 7), (512, 7, 7)]


def test_zero_for_equal_pictures_alone(distance: PerceptualLoss) -> None:
    one, other = pictures(0), pictures(1)
    assert distance(one, one, scales=3).tolist() == [0, 0]
    assert (distance(one, other, scales=3) > 1).all()


def test_symmetric_and_growing_with_the_difference(distance: PerceptualLoss) -> None:
    one, other = pictures(0), pictures(1)
    assert torch.allclose(distance(one, other, scales=2), distance(other, one, scales=2), rtol=1e-5)
    steps = [distance(one, one + (other - one) * s, scales=1) for s in (0.02, 0.1, 0.5)]
    assert (steps[0] < steps[1]).all()
    assert (steps[1] < steps[2]).all()


def test_scales_stop_at_32_pixels(distance: PerceptualLoss) -> None:
    one, other = pictures(0), pictures(1)
    halves = distance(F.avg_pool2d(one, 2), F.avg_pool2d(other, 2), scales=1)
    assert torch.allclose(distance(one, other, scales=3), distance(one, other, scales=1) + halves, rtol=1e-5)


def test_gradient_reaches_the_picture_not_the_weights(distance: PerceptualLoss) -> None:
    image = pictures(0).requires_grad_()
    distance(image, pictures(1), scales=1).sum().backward()
    assert image.grad is not None
    assert image.grad.abs().mean() > 0
    assert not list(distance.parameters())
    # Down the gradient the distance falls.
    closer = image.detach() - 0.05 * image.grad / image.grad.abs().max()
    assert (distance(closer, pictures(1), 1) < distance(image.detach(), pictures(1), 1)).all()


def test_feature_distance_by_hand() -> None:
    """At one of two positions the vectors are (3, 4) and (4, 3) times any length, at the other equal."""
    a = torch.tensor([[3.0, 1.0], [4.0, 0.0]])[None, :, None]  # (1, C, H = 1, W)
    b = torch.tensor([[40.0, 7.0], [30.0, 0.0]])[None, :, None]
    assert feature_distance(a, b).tolist() == pytest.approx([(0.2**2 + 0.2**2) / 2], rel=1e-4)
    assert feature_distance(a, torch.zeros_like(a)).tolist() == pytest.approx([1.0], rel=1e-4)
