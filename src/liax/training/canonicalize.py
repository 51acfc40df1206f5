"""The coordinates of a trained motion space: shifted, rotated and scaled without changing a picture.

Three moves leave every decoded image as it is: shifting the coefficients' zero, rotating the dictionary
within its span, and scaling all codes. As in factor analysis' "simple structure", the first two are chosen to
make the coefficients of the training material sparse (the penalties of training do the same, but by small
steps); the last to make them lie within ±1, so that edits of a few tenths mean something with any weights.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from liax.model import LIAX
from liax.model.layers import EqualLinear, ModulatedConv
from liax.training.losses import l1_over_l2


def canonicalize(network: LIAX, alpha_NM: Tensor, fixed: int = 0) -> Tensor:
    """Moves a network to its sparsest coordinates, in place; returns alpha_NM there.

    Its dictionary is frozen.

    Args:
        alpha_NM: Its coefficients of N frames: several thousand, of many people, work best.
        fixed: How many of the first vectors have a meaning already. They stay as they are, and so does the
            scale.
    """
    device = network.to_alpha.bias.device
    origin_M, rotation_MM = simple_structure(alpha_NM, fixed)
    simple_NM = (alpha_NM.float().cpu() - origin_M) @ rotation_MM
    recentre(network, origin_M.to(device))
    rotate(network, rotation_MM.to(device))
    if not fixed:
        unit = float(simple_NM.abs().amax(1).quantile(0.99))
        scale_codes(network, unit)
        simple_NM = simple_NM / unit
    return simple_NM


@torch.enable_grad()
def simple_structure(alpha_NM: Tensor, fixed: int = 0, steps: int = 600) -> tuple[Tensor, Tensor]:
    """The origin o (M,) and rotation R (M, M), RᵀR = 1, that minimise the mean L1/L2 ratio of Rᵀ (a − o).

    R is a matrix exponential of a skew matrix, found by Adam from the identity; o starts at the median. The
    columns of R are in the order of their coefficients' standard deviation over alpha_NM, largest first.
    The first `fixed` coefficients are neither moved nor rotated, but count in the ratio.
    """
    alpha_NM = alpha_NM.detach().float().cpu()
    free_M = (torch.arange(alpha_NM.shape[1]) >= fixed).float()
    origin_M = alpha_NM.median(0).values.requires_grad_()
    skew_MM = torch.zeros(alpha_NM.shape[1], alpha_NM.shape[1], requires_grad=True)
    optimizer = torch.optim.Adam([{"params": [skew_MM], "lr": 0.01}, {"params": [origin_M], "lr": 0.001}])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def rotation() -> Tensor:
        return torch.matrix_exp((skew_MM - skew_MM.T) * free_M * free_M[:, None])

    for _ in range(steps):
        optimizer.zero_grad()
        rotated_NM = (alpha_NM - origin_M * free_M) @ rotation()
        l1_over_l2(rotated_NM).mean().backward()
        optimizer.step()
        schedule.step()
    rotation_MM = rotation().detach()
    spread_M = (alpha_NM @ rotation_MM).std(0)
    order_M = torch.cat([torch.arange(fixed), fixed + spread_M[fixed:].argsort(descending=True)])
    return (origin_M * free_M).detach(), rotation_MM[:, order_M]


@torch.no_grad()
def recentre(network: LIAX, origin_M: Tensor) -> None:
    """Subtracts `origin_M` from every image's coefficients without changing any picture.

    The decoder sees a code only through its affine layers, and
    affine(z + Q (a + o)) = affine(z + Q a) + W Q o, so the constant moves into their biases.
    """
    shift_D = network.dictionary.displacement(origin_M[None])[0]
    network.to_alpha.bias.sub_(origin_M)
    for affine in _affine_layers(network):
        affine.bias.add_((affine.weight * affine.scale) @ shift_D)


@torch.no_grad()
def rotate(network: LIAX, rotation_MM: Tensor) -> None:
    """Replaces Q by Q R and every a by Rᵀ a, whose product is the same; the dictionary is frozen."""
    vectors_DM = network.dictionary.vectors_DM() @ rotation_MM
    network.to_alpha.weight.copy_(rotation_MM.T @ network.to_alpha.weight)
    network.to_alpha.bias.copy_(rotation_MM.T @ network.to_alpha.bias)
    network.dictionary.freeze(vectors_DM)


@torch.no_grad()
def scale_codes(network: LIAX, unit: float) -> None:
    """Divides codes and coefficients by `unit`; the decoder's affine layers compensate."""
    network.encoder.to_code.weight.div_(unit)
    network.to_alpha.bias.div_(unit)
    for affine in _affine_layers(network):
        affine.weight.mul_(unit)


@torch.no_grad()
def scale_coefficients(network: LIAX, factor_M: Tensor) -> None:
    """Multiplies coefficient i by factor_M[i]; codes follow along the vectors, the decoder compensates.

    With T = 1 + Q (S - 1) Qᵀ, S = diag(factor_M), T (z + Q a) = T z + Q S a.
    """
    vectors_DM = network.dictionary.vectors_DM()
    there_DD = (vectors_DM * (factor_M - 1)) @ vectors_DM.T
    back_DD = (vectors_DM * (1 / factor_M - 1)) @ vectors_DM.T
    code = network.encoder.to_code.weight
    code.add_((there_DD @ code.flatten(1)).view_as(code))
    network.to_alpha.weight.add_(network.to_alpha.weight @ back_DD).mul_(factor_M[:, None])
    network.to_alpha.bias.mul_(factor_M)
    for affine in _affine_layers(network):
        affine.weight.add_(affine.weight @ back_DD)


def _affine_layers(network: LIAX) -> Iterator[EqualLinear]:
    """The layers through which the decoder sees a code."""
    for module in network.decoder.modules():
        if isinstance(module, ModulatedConv):
            yield module.affine
