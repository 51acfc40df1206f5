"""L1, PSNR and SSIM against torchmetrics and by hand."""

from __future__ import annotations

import pytest
import torch
from numpy.testing import assert_allclose
from torchmetrics.functional.image import structural_similarity_index_measure

from liax.data.fidelity import fidelity, ssim


def test_ssim_is_torchmetrics_without_the_mirrored_border() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 3, 40, 48)
    y = (x + 0.1 * torch.randn_like(x)).clamp(0, 1)
    _, full = structural_similarity_index_measure(
        x, y, data_range=1.0, sigma=1.5, return_full_image=True, reduction="none"
    )
    expected = full[..., 5:-5, 5:-5].mean((1, 2, 3))
    assert_allclose(ssim(x, y), expected, rtol=1e-4)


def test_fidelity_of_known_differences() -> None:
    target = torch.full((2, 3, 16, 16), 0.5)
    output = torch.stack([target[0], target[0] + 0.1])
    scores = fidelity(output, target)
    assert_allclose(scores[:, 0], [0, 0.1], atol=1e-6)
    assert_allclose(scores[:, 1], [60, 20], atol=1e-4)
    assert scores[0, 2] == pytest.approx(1, abs=1e-4)
