"""Motion vectors supervised by measured factors: coefficient k of every frame is pulled to factor k.

Sparsity alone leaves open which vector turns the head and whether any closes the eyes, and expressions, which
move few pixels, come late. Where a data set's factors are measured (`liax regions`), coefficient k of every
driving frame is pulled to `liax.face.factors.FACTORS[k]`, in units in which usual faces stay within ±1; the
other coefficients remain unnamed, and sparse.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liax.data.augment import PairBatch
from liax.face.factors import FACTORS
from liax.model import LIAX
from liax.training.canonicalize import recentre, rotate, scale_coefficients
from liax.training.losses import masked_mean
from liax.weights.controls import Control, Controls

FACTOR_COUNT = len(FACTORS)
# A coefficient of 1 stands for this many of a factor's usual deviations.
_USUAL_DEVIATIONS = 2.5
# Within this distance of the measured value the pull weakens. With a narrow one, rare movements would never
# be read: where a blink is likely but not certain, open eyes have the least absolute error.
_TOLERANCE = 0.5
# Largest stretch of a vector of the weights that a run starts from, to its factor's unit.
_LARGEST_STRETCH = 2.0


def factor_scale() -> Tensor:
    """Change of its coefficient for a change of each factor by one of its units (degrees, ...): (K,)."""
    return torch.tensor([1 / (_USUAL_DEVIATIONS * factor.usual) for factor in FACTORS.values()])


class FactorLoss(nn.Module):
    """Distance of the first K coefficients of both frames, and of their change, from the measured factors.

    The change is what reenactment takes over (equation 8). It is also what is hardest to read: between two
    frames of a person expressions differ less than between people, of whom some always seem to smile.
    """

    scale_K: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale_K", factor_scale(), persistent=False)

    def forward(self, source_BM: Tensor, driving_BM: Tensor, batch: PairBatch) -> Tensor:
        """The loss of the coefficients read from a batch's pairs: a scalar, 0 if no factor is known."""
        source_BK, driving_BK = batch.source_factors_BK, batch.factors_BK
        read_BK = torch.cat([source_BM, driving_BM, driving_BM - source_BM])[:, :FACTOR_COUNT]
        wanted_BK = torch.cat([source_BK, driving_BK, driving_BK - source_BK]) * self.scale_K
        known_BK = ~wanted_BK.isnan()
        off_BK = F.smooth_l1_loss(read_BK, wanted_BK.nan_to_num(0.0), reduction="none", beta=_TOLERANCE)
        return masked_mean(off_BK, known_BK)


def unnamed_mask(where_B: Tensor, vectors: int) -> Tensor:
    """Mask (B, M) of the coefficients that no factor names, in the rows that are true.

    Where these stay the source's, the named ones alone draw the motion. Without such pairs the decoder is
    free to take everything from the others, and a control that is read well may draw nothing.
    """
    return where_B[:, None] & (torch.arange(vectors, device=where_B.device) >= FACTOR_COUNT)


def factor_controls(vectors: int) -> Controls:
    """The controls of weights trained this way: every factor by its own vector, as far as faces usually go.

    Args:
        vectors: Number M of the weights' motion vectors.
    """
    return Controls(
        vectors,
        tuple(
            Control(
                name,
                factor.group,
                {k: 1 / (_USUAL_DEVIATIONS * factor.usual)},
                -_USUAL_DEVIATIONS * factor.usual,
                _USUAL_DEVIATIONS * factor.usual,
                factor.unit,
                factor.meaning,
            )
            for k, (name, factor) in enumerate(FACTORS.items())
        ),
    )


@torch.no_grad()
def align_to_factors(network: LIAX, alpha_NM: Tensor, factors_NK: Tensor) -> None:
    """Moves trained weights to the coordinates that their first K vectors are to have; no picture changes.

    How the coefficients change with each factor, the others being equal, is a direction (least squares over N
    frames); the nearest orthonormal set of them becomes the first K vectors, stretched to the factors' units.
    What is not known of a frame of which something is counts as the mean. Fewer than 2 K frames of which
    something is known tell too little, and change nothing.
    """
    device = network.to_alpha.bias.device
    known_N = ~factors_NK.isnan().all(1)
    if known_N.sum() < 2 * FACTOR_COUNT:
        return
    alpha_NM, factors_NK = alpha_NM[known_N].float().cpu(), factors_NK[known_N].float().cpu() * factor_scale()
    mean_K = factors_NK.nanmean(0, keepdim=True).nan_to_num(0.0)
    factors_NK = torch.where(factors_NK.isnan(), mean_K, factors_NK)
    ones_N1 = torch.ones(len(factors_NK), 1)
    change = torch.linalg.lstsq(torch.cat([factors_NK, ones_N1], 1), alpha_NM).solution
    change_KM, origin_M = change[:-1], change[-1]
    weighted_MK = change_KM.T * factors_NK.std(0)
    basis_MM, _, mix_KK = torch.linalg.svd(weighted_MK)
    rotation_MM = torch.cat([basis_MM[:, :FACTOR_COUNT] @ mix_KK, basis_MM[:, FACTOR_COUNT:]], 1)
    stretch_M = torch.ones(len(origin_M))
    sizes_K = (change_KM.T * rotation_MM[:, :FACTOR_COUNT]).sum(0)
    fitting_K = (1 / sizes_K.clamp(min=1e-3)).clamp(1 / _LARGEST_STRETCH, _LARGEST_STRETCH)
    stretch_M[:FACTOR_COUNT] = torch.where(factors_NK.std(0) > 0, fitting_K, 1.0)
    recentre(network, origin_M.to(device))
    rotate(network, rotation_MM.to(device))
    scale_coefficients(network, stretch_M.to(device))
