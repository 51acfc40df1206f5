"""Before export: the coordinates in which the trained motion space is sparsest, without changing a picture.

Two moves leave every decoded image as it is: shifting the coefficients' zero, and rotating the dictionary
within its span. As in factor analysis' "simple structure", both are chosen to make the coefficients of the
training material sparse; the penalties of training do the same but only ever by small steps.
"""

from __future__ import annotations

import torch
from torch import Tensor

from liax.model import LIAX
from liax.model.layers import ModulatedConv


@torch.enable_grad()
def simple_structure(alpha_NM: Tensor, steps: int = 600) -> tuple[Tensor, Tensor]:
    """The origin o (M,) and rotation R (M, M), RᵀR = 1, that minimise the mean L1/L2 ratio of Rᵀ (a − o).

    alpha_NM: coefficients of N frames, best several thousand of many people. R is a matrix exponential of a
    skew matrix, found by Adam from the identity; o starts at the median.
    """
    alpha_NM = alpha_NM.detach().float().cpu()
    origin_M = alpha_NM.median(0).values.requires_grad_()
    skew_MM = torch.zeros(alpha_NM.shape[1], alpha_NM.shape[1], requires_grad=True)
    optimizer = torch.optim.Adam([{"params": [skew_MM], "lr": 0.01}, {"params": [origin_M], "lr": 0.001}])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        rotated_NM = (alpha_NM - origin_M) @ torch.matrix_exp(skew_MM - skew_MM.T)
        loss = (rotated_NM.abs().sum(1) / (rotated_NM.norm(dim=1) + 1e-6)).mean()
        loss.backward()
        optimizer.step()
        schedule.step()
    return origin_M.detach(), torch.matrix_exp(skew_MM - skew_MM.T).detach()


@torch.no_grad()
def recentre(network: LIAX, origin_M: Tensor) -> None:
    """Subtracts `origin_M` from every image's coefficients without changing any picture.

    The decoder sees a code only through its affine layers, and
    affine(z + Q (a + o)) = affine(z + Q a) + W Q o, so the constant moves into their biases.
    """
    shift_D = network.dictionary.displacement(origin_M[None])[0]
    network.to_alpha.bias.sub_(origin_M)
    for module in network.decoder.modules():
        if isinstance(module, ModulatedConv):
            module.affine.bias.add_((module.affine.weight * module.affine.scale) @ shift_D)


@torch.no_grad()
def rotate(network: LIAX, rotation_MM: Tensor) -> None:
    """Replaces Q by Q R and every a by Rᵀ a, whose product is the same; the dictionary is frozen."""
    vectors_DM = network.dictionary.vectors_DM() @ rotation_MM
    network.to_alpha.weight.copy_(rotation_MM.T @ network.to_alpha.weight)
    network.to_alpha.bias.copy_(rotation_MM.T @ network.to_alpha.bias)
    network.dictionary.freeze(vectors_DM)
