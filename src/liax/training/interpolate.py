"""`python -m liax.training.interpolate FIRST SECOND SHARE OUT`: weights part of the way from one run to its
next.

A run from trained weights that is shown other pairs gains on those and loses a little on what it is shown no
more. Weights on the line between its start and its end have most of the gain and little of the loss (as in
arXiv 2109.01903, of classifiers)."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor

from liax.errors import LiaxError
from liax.model import LIAX
from liax.training.canonicalize import rotate
from liax.weights import load, save


@torch.no_grad()
def interpolate_networks(first: LIAX, second: LIAX, share: float) -> LIAX:
    """`share` of the way from `first`, in its coordinates, to `second`; both are used up.

    A run may have turned the basis of its motion space. No picture depends on that, but a mean of two
    networks does: the second's vectors become those nearest to the first's (orthogonal Procrustes), and the
    mean of both is made orthonormal again (polar decomposition).

    Raises:
        LiaxError: If the networks are of two sizes.
    """
    if first.config != second.config:
        raise LiaxError("there is nothing between networks of two presets", "choose weights of one")
    wanted_DM = first.dictionary.vectors_DM()
    rotate(second, _nearest_orthonormal(second.dictionary.vectors_DM().T @ wanted_DM))
    first.dictionary.freeze()
    values, ends = first.state_dict(), second.state_dict()
    first.load_state_dict({name: torch.lerp(value, ends[name], share) for name, value in values.items()})
    first.dictionary.freeze(_nearest_orthonormal(first.dictionary.vectors_DM()))
    return first


def _nearest_orthonormal(matrix_NM: Tensor) -> Tensor:
    """The nearest matrix of orthonormal columns, N ≥ M: the polar decomposition's factor."""
    u_NM, _, v_MM = torch.linalg.svd(matrix_NM, full_matrices=False)
    return u_NM @ v_MM


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: python -m liax.training.interpolate FIRST SECOND SHARE OUT")
    try:
        first, second = load(sys.argv[1]), load(sys.argv[2])
        save(
            interpolate_networks(first, second, float(sys.argv[3])),
            Path(sys.argv[4]),
            metadata=first.metadata,
        )
    except LiaxError as error:
        sys.exit(f"liax: {error}")
