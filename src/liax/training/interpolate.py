"""Weights part of the way from one run to its next: `liax train interpolate`.

A run that is shown other pairs than the run before gains on those and loses a little on the old ones.
Weights on the line between its start and its end have most of the gain and little of the loss (as in arXiv
2109.01903, of classifiers).
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from liax.errors import LiaxError, OptionError
from liax.files import check_output
from liax.model import LIAX
from liax.training.canonicalize import rotate
from liax.training.history import read_history, write_history
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
        raise LiaxError("There is nothing between networks of two presets", "choose weights of one")
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


def interpolate_files(
    first: str | os.PathLike[str],
    second: str | os.PathLike[str],
    share: float,
    out: Path,
    *,
    overwrite: bool = False,
) -> None:
    """Write the weights that lie `share` of the way from `first` to `second`.

    They keep the coordinates of `first`, and so its controls and limits; they have the history of `second`.

    Args:
        first, second: Weights, named as for `load`: those that a run started from, and those it ended with.
        share: From 0 to 1.
        out: A .safetensors file.
        overwrite: Whether `out` may exist already.

    Raises:
        LiaxError: If the weights cannot be read or are of two sizes, if `share` is not between 0 and 1, or if
            `out` cannot be written.
    """
    if not 0 <= share <= 1:
        raise OptionError({"share": share}, f"{share:g} is not a share of the way", "choose one from 0 to 1")
    inputs = (Path(first), Path(second))
    check_output(out, suffixes=(".safetensors",), overwrite=overwrite, inputs=inputs)
    start, end = load(first), load(second)
    about = start.metadata | write_history([*read_history(end.metadata), {"interpolated": share}])
    about.pop("steps", None)  # of the first; the history has every run's
    save(interpolate_networks(start, end, share), out, metadata=about)
