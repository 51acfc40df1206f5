"""Weights between those of two runs: `liax train interpolate`.

A run that is shown other pairs than the run before gains on those and loses a little on the old ones.
Weights on the line between its start and its end have most of the gain and little of the loss (as in arXiv
2109.01903, of classifiers). Or two runs train side by side, one of them the driver alone, and the other
network gets its driver.
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
from liax.training.history import Entry, read_history, write_history
from liax.weights import load, save

# What reads coefficients in a network with a driver.
_DRIVER = ("driver.", "to_alpha.")


@torch.no_grad()
def interpolate_networks(first: LIAX, second: LIAX, share: float, driver_only: bool = False) -> LIAX:
    """`share` of the way from `first`, in its coordinates, to `second`; both are used up.

    A run may have turned the basis of its motion space. No picture depends on that, but a mean of two
    networks does: the second's vectors become those nearest to the first's (orthogonal Procrustes), and the
    mean of both is made orthonormal again (polar decomposition).

    Args:
        driver_only: Only the driver goes there; the rest stays that of `first`. Both learnt to read the
            coefficients of one teacher, so that these mean the same.

    Raises:
        LiaxError: If the networks are of two sizes, or have no driver although it is to go.
    """
    if driver_only and first.driver is None:
        raise LiaxError("These weights have no driver", "let all of them go the way")
    if first.config != second.config:
        raise LiaxError("There is nothing between networks of two presets", "choose weights of one")
    if not driver_only:
        wanted_DM = first.dictionary.vectors_DM()
        rotate(second, _nearest_orthonormal(second.dictionary.vectors_DM().T @ wanted_DM))
    first.dictionary.freeze()
    values, ends = first.state_dict(), second.state_dict()
    moved = [name for name in values if not driver_only or name.startswith(_DRIVER)]
    first.load_state_dict(values | {name: torch.lerp(values[name], ends[name], share) for name in moved})
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
    driver_only: bool = False,
    overwrite: bool = False,
) -> None:
    """Write the weights that lie `share` of the way from `first` to `second`.

    They keep the coordinates of `first`, and so its controls and limits; they have the history of both.

    Args:
        first, second: Weights, named as for `load`: those that a run started from, and those it ended with.
        share: From 0 to 1.
        out: A .safetensors file.
        driver_only: Only the driver goes there; the rest stays that of `first`.
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
    before, after = read_history(start.metadata), read_history(end.metadata)
    runs = [*before, *(entry for entry in after if entry not in before)]
    last: Entry = {"interpolated": share} | ({"driver_only": True} if driver_only else {})
    about = start.metadata | write_history([*runs, last])
    about.pop("steps", None)  # of the first; the history has every run's
    save(interpolate_networks(start, end, share, driver_only), out, metadata=about)
