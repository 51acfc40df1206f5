"""Coefficients as named amounts plus what no control explains, and back: the two sides of a track."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from liax.tracks.timing import Timing
from liax.tracks.track import Track
from liax.weights.controls import Control, Controls

# What is left of a vector below this is rounding.
_NOTHING = 1e-6


def track_of(alpha_TM: NDArray[np.float32], timing: Timing, controls: Controls, weights: str) -> Track:
    """The track of coefficients (T, M), from which `coefficients` makes the same ones.

    Args:
        weights: Fingerprint of the weights that read them, whose controls these are.
    """
    owners = controls_with_vectors(controls)
    amounts_TK = named_amounts(owners, alpha_TM.astype(np.float64))
    rest_TM = alpha_TM - amounts_TK @ Controls(controls.count, owners).directions_MK.T
    vectors = np.flatnonzero(np.abs(rest_TM).max(0) > _NOTHING)
    return Track(
        timing,
        tuple(control.name for control in owners),
        amounts_TK,
        tuple(vectors.tolist()),
        rest_TM[:, vectors],
        weights=weights,
    )


def coefficients(track: Track, controls: Controls) -> NDArray[np.float32]:
    """D c + r: the coefficients (T, M) that a track's amounts and motion vectors make.

    Its controls and vectors must be among those of the weights.
    """
    directions_MK = directions([controls[name] for name in track.controls], controls.count)
    alpha_TM = track.amounts_TK @ directions_MK.T
    alpha_TM[:, list(track.vectors)] += track.free_TV
    return alpha_TM.astype(np.float32)


def named_amounts(owners: Sequence[Control], alpha_TM: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of each of these controls is in coefficients (T, M), by its own vector: (T, K)."""
    if not owners:
        return np.zeros((len(alpha_TM), 0))
    own = [_main_vector(control) for control in owners]
    directions_MK = directions(owners, alpha_TM.shape[1])
    return np.asarray(np.linalg.solve(directions_MK[own], alpha_TM[:, own].T).T, np.float64)


def controls_with_vectors(controls: Controls) -> tuple[Control, ...]:
    """The controls that have a motion vector of their own: their largest one, of which no other has more.

    Two controls can move the same vector, as closing the eyes and looking down do. What the network reads in
    a face is then the one of which that vector is the larger part.
    """
    found: dict[int, Control] = {}
    for control in controls:
        own = _main_vector(control)
        if own not in found or _part(control, own) > _part(found[own], own):
            found[own] = control
    owners = tuple(control for control in controls if found[_main_vector(control)] is control)
    matrix_KK = directions(owners, controls.count)[[_main_vector(control) for control in owners]]
    # Never so with measured controls; then nothing is named.
    return owners if len(owners) == np.linalg.matrix_rank(matrix_KK) else ()


def shadowed_controls(names: Collection[str], controls: Controls) -> tuple[str, ...]:
    """Which of these controls have their largest vector from another one of them."""
    named = Controls(controls.count, tuple(control for control in controls if control.name in names))
    owners = controls_with_vectors(named)
    return tuple(control.name for control in named if control not in owners)


def directions(controls: Sequence[Control], count: int) -> NDArray[np.float64]:
    """(M, K): the change of `count` coefficients per unit of each of these controls."""
    return Controls(count, tuple(controls)).directions_MK


def known_part(track: Track, controls: Controls) -> tuple[Track, tuple[str, ...]]:
    """The track without the controls and vectors that these weights do not have, and what those are."""
    names = {control.name for control in controls}
    kept_V = [vector < controls.count for vector in track.vectors]
    left = [name for name in track.controls if name not in names]
    part = replace(
        track.without_controls(left),
        vectors=tuple(vector for vector in track.vectors if vector < controls.count),
        coefficients_TV=track.free_TV[:, kept_V],
    )
    left += [f"#{vector}" for vector in track.vectors if vector >= controls.count]
    return part, tuple(left)


def _main_vector(control: Control) -> int:
    return max(control.vectors, key=lambda index: abs(control.vectors[index]))


def _part(control: Control, vector: int) -> float:
    """Which part of a control's direction a vector is."""
    return abs(control.vectors[vector]) / float(np.linalg.norm(list(control.vectors.values())))
