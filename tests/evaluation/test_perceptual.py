"""ST-LPIPS gives the reference implementation's numbers; LPIPS says what it lacks."""

from urllib.error import URLError

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchmetrics.image import lpip

from liax.errors import LiaxError, MissingPackageError
from liax.evaluation import perceptual
from liax.evaluation.perceptual import PerceptualDistance, open_perceptual

# What stlpips_pytorch 0.0.2 gives for `pairs` · 2 - 1: LPIPS(net="alex", variant="shift_tolerant").eval().
REFERENCE = {
    (64, 64): [0.02896923, 0.02826031],
    (256, 256): [0.02792292, 0.15369023],
    (97, 131): [0.02711, 0.06754125],
}


def pairs(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Two pictures (2, 3, H, W) in [0, 1], and what became of them: waves, moved; a fine pattern, faded."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    waves = [np.sin(x / (3 + c) + y / 7) * np.cos(y / (5 + c) - x / 11) for c in range(3)]
    moved = [np.sin((x + 2) / (3 + c) + y / 7) * np.cos(y / (5 + c) - (x + 2) / 11) for c in range(3)]
    fine = [np.sign(np.sin(x * y / (40 + 9 * c))) for c in range(3)]
    faded = [0.5 * pattern + 0.2 * np.sin(x / 2) for pattern in fine]
    a, b = (np.stack(group) / 2 + 0.5 for group in ([waves, fine], [moved, faded]))
    return torch.from_numpy(a.clip(0, 1)).float(), torch.from_numpy(b.clip(0, 1)).float()


@pytest.fixture(scope="module")
def distance() -> PerceptualDistance:
    return open_perceptual()


@pytest.fixture
def picture_13HW(portrait_HW3: np.ndarray) -> Tensor:
    return torch.from_numpy(portrait_HW3[:256, 100:356].copy()).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize("size", REFERENCE)
def test_the_numbers_of_the_reference_implementation(
    distance: PerceptualDistance, size: tuple[int, int]
) -> None:
    assert distance.name == "ST-LPIPS (AlexNet)"
    assert distance(*pairs(*size)).tolist() == pytest.approx(REFERENCE[size], abs=1e-5)


def test_zero_for_equal_symmetric_and_one_number_a_pair(
    distance: PerceptualDistance, picture_13HW: Tensor
) -> None:
    levels = torch.linspace(0, 0.3, 10)[:, None, None, None]  # more than are compared at once
    noise = torch.randn(picture_13HW.shape, generator=torch.Generator().manual_seed(0))
    small = picture_13HW[..., ::2, ::2]
    noisy = (small + levels * noise[..., ::2, ::2]).clamp(0, 1)
    there = distance(small.expand_as(noisy), noisy)
    assert there[0] == 0
    assert (there.diff() > 0).all()
    assert torch.allclose(distance(noisy, small.expand_as(noisy)), there, atol=1e-7)


def test_a_shift_matters_less_than_a_blur(distance: PerceptualDistance, picture_13HW: Tensor) -> None:
    """In squared error it is the other way round: what the shift-tolerant form is for."""
    shifted = picture_13HW.roll(2, -1)
    blurred = nn.functional.avg_pool2d(picture_13HW, 5, 1, 2, count_include_pad=False)
    errors = [(picture_13HW - other).square().mean() for other in (shifted, blurred)]
    assert errors[0] > errors[1]
    assert distance(picture_13HW, shifted) < 0.5 * distance(picture_13HW, blurred)


def test_pictures_that_do_not_compare_are_refused(distance: PerceptualDistance) -> None:
    with pytest.raises(ValueError, match="do not compare"):
        distance(torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 32))
    with pytest.raises(ValueError, match="at least 32 pixels"):
        distance(torch.zeros(1, 3, 16, 64), torch.zeros(1, 3, 16, 64))


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (ModuleNotFoundError("torchvision"), "torchvision is not installed"),
        (URLError("no route"), "no route"),
    ],
)
def test_without_its_weights_lpips_names_the_offline_choice(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, reason: str
) -> None:
    def fail(network: str) -> None:
        raise failure

    monkeypatch.setattr(lpip, "LearnedPerceptualImagePatchSimilarity", fail)
    with pytest.raises(LiaxError, match=f"weights of VGG16.*{reason}.*choose st-lpips") as told:
        open_perceptual("lpips-vgg")
    assert len(str(told.value).splitlines()) == 1


def test_lpips_is_given_pictures_as_it_expects_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchmetrics' network takes [-1, 1] and returns (B, 1, 1, 1)."""

    class Network(nn.Module):
        def forward(self, a_B3HW: Tensor, b_B3HW: Tensor) -> Tensor:
            return torch.cat([a_B3HW, b_B3HW], 1).amin((1, 2, 3), keepdim=True)

    class Metric:
        def __init__(self, network: str) -> None:
            assert network == "alex"
            self.net = Network()

    monkeypatch.setattr(lpip, "LearnedPerceptualImagePatchSimilarity", Metric)
    lpips = open_perceptual("lpips-alex")
    assert lpips.name == "LPIPS (AlexNet)"
    levels = torch.tensor([0.0, 0.25, 1.0])[:, None, None, None].expand(3, 3, 32, 32)
    assert lpips(levels, levels).tolist() == [-1, -0.5, 1]


def test_unknown_names_and_a_missing_package_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LiaxError, match=r"choose one of auto, st-lpips, lpips-alex, lpips-vgg\."):
        open_perceptual("lpips")
    monkeypatch.setattr(perceptual, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"install liax with the extra evaluate"):
        open_perceptual()
