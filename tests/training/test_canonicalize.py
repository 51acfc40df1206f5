"""The two moves change coordinates and no picture, and they find sparse coordinates where there are some."""

from __future__ import annotations

import torch

from liax.model import LIAX, PRESETS
from liax.training.canonicalize import (
    canonicalize,
    recentre,
    rotate,
    scale_codes,
    scale_coefficients,
    simple_structure,
)
from liax.training.losses import hoyer
from liax.weights import load, save


def network() -> LIAX:
    torch.manual_seed(0)
    return LIAX(PRESETS["tiny"]).requires_grad_(False).eval()


def reenacted(net: LIAX) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    source, driving = (torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1 for _ in range(2))
    states, _, alpha_BM = net(source, driving)
    return states[-1].image, alpha_BM


def test_recentring_shifts_coefficients_and_keeps_the_picture() -> None:
    net, origin_M = network(), torch.linspace(-1, 1, 8)
    before, alpha_BM = reenacted(net)
    recentre(net, origin_M)
    after, shifted_BM = reenacted(net)
    torch.testing.assert_close(shifted_BM, alpha_BM - origin_M)
    assert (before - after).norm() / before.norm() < 1e-5


def test_rotating_turns_coefficients_and_keeps_the_picture_also_on_disk(tmp_path) -> None:
    net = network()
    rotation_MM = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(2)))[0]
    before, alpha_BM = reenacted(net)
    rotate(net, rotation_MM)
    after, rotated_BM = reenacted(net)
    torch.testing.assert_close(rotated_BM, alpha_BM @ rotation_MM, rtol=1e-4, atol=1e-5)
    assert (before - after).norm() / before.norm() < 1e-5
    vectors_DM = net.dictionary.vectors_DM()
    torch.testing.assert_close(vectors_DM.T @ vectors_DM, torch.eye(8), rtol=0, atol=1e-5)
    save(net, tmp_path / "w.safetensors", dtype=torch.float32)
    assert torch.equal(load(tmp_path / "w.safetensors").dictionary.vectors_DM(), vectors_DM)


def test_rescaling_divides_coefficients_and_keeps_the_picture() -> None:
    net = network()
    before, alpha_BM = reenacted(net)
    scale_codes(net, 5.0)
    after, scaled_BM = reenacted(net)
    torch.testing.assert_close(scaled_BM, alpha_BM / 5, rtol=1e-4, atol=1e-6)
    assert (before - after).norm() / before.norm() < 1e-5


def test_stretching_multiplies_coefficients_and_keeps_the_picture() -> None:
    net, factor_M = network(), torch.linspace(0.5, 3, 8)
    before, alpha_BM = reenacted(net)
    scale_coefficients(net, factor_M)
    after, stretched_BM = reenacted(net)
    torch.testing.assert_close(stretched_BM, alpha_BM * factor_M, rtol=1e-4, atol=1e-5)
    assert (before - after).norm() / before.norm() < 1e-5


def test_vectors_with_a_meaning_stay() -> None:
    """Of ten coefficients three are fixed; the rest is mixed up, and only it is unmixed."""
    generator = torch.Generator().manual_seed(6)
    sparse_NM = torch.randn(2000, 10, generator=generator) * (torch.rand(2000, 10, generator=generator) < 0.2)
    mixed_MM = torch.eye(10)
    mixed_MM[3:, 3:] = torch.linalg.qr(torch.randn(7, 7, generator=generator))[0]
    origin_M, rotation_MM = simple_structure(sparse_NM @ mixed_MM + 0.3, fixed=3)
    assert torch.equal(rotation_MM[:3], torch.eye(10)[:3])
    assert torch.equal(rotation_MM[:, :3], torch.eye(10)[:, :3])
    assert torch.equal(origin_M[:3], torch.zeros(3))
    assert (mixed_MM @ rotation_MM)[3:, 3:].abs().amax(1).min() > 0.95  # a permutation but for signs


def test_simplified_coefficients_lie_within_one_in_order_of_use() -> None:
    net = network()
    images = torch.rand(64, 3, 64, 64, generator=torch.Generator().manual_seed(4)) * 2 - 1
    images += torch.randn(64, 3, 1, 1, generator=torch.Generator().manual_seed(5))
    before, alpha_NM = reenacted(net)[0], net.encode(images).alpha_BM
    told_NM = canonicalize(net, alpha_NM)
    simple_NM = net.encode(images).alpha_BM
    torch.testing.assert_close(told_NM, simple_NM, atol=1e-4, rtol=1e-3)
    assert (before - reenacted(net)[0]).norm() / before.norm() < 1e-4
    assert hoyer(simple_NM).mean() > hoyer(alpha_NM).mean()
    assert 0.9 <= simple_NM.abs().max() <= 1.2
    deviation_M = simple_NM.std(0)
    assert torch.equal(deviation_M, deviation_M.sort(descending=True).values)


def test_simple_structure_finds_hidden_sparse_coordinates() -> None:
    generator = torch.Generator().manual_seed(3)
    sparse_NM = torch.randn(2000, 8, generator=generator)
    sparse_NM *= torch.rand(2000, 8, generator=generator) < 0.2
    sparse_NM = sparse_NM[sparse_NM.norm(dim=1) > 0]
    hidden_MM = torch.linalg.qr(torch.randn(8, 8, generator=generator))[0]
    offset_M = torch.full((8,), 0.3)
    mixed_NM = sparse_NM @ hidden_MM.T + offset_M

    origin_M, rotation_MM = simple_structure(mixed_NM)

    found_NM = (mixed_NM - origin_M) @ rotation_MM
    assert hoyer(mixed_NM).mean() < 0.45
    assert hoyer(found_NM).mean() > 0.95 * hoyer(sparse_NM).mean()
    torch.testing.assert_close(origin_M, offset_M, rtol=0, atol=0.05)
    # Each hidden vector is found, up to sign and order.
    overlap_MM = (hidden_MM.T @ rotation_MM).abs()
    assert overlap_MM.max(1).values.min() > 0.95
    torch.testing.assert_close(rotation_MM.T @ rotation_MM, torch.eye(8), rtol=0, atol=1e-4)
