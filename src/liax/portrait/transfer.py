"""How driving coefficients become the source's: equations (1)-(3), (8) and (10), shot by shot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.portrait.moment import Moment
from liax.weights.reach import Reach


@dataclass(frozen=True)
class Transfer:
    """What of the driving's coefficients a_t is taken over.

    relative: the change since a reference a_ref, by default the shot's first moment (equations 8 and 10);
        otherwise the coefficients as they are (equations 1-3).
    edit_M: v (M,), added throughout. gains_MM: G (M, M), what scales the motion (`liax.portrait.retarget`).
        None leaves either out.
    reach: where motion that is added to the source's own stops, unless the driving face itself goes further.
    """

    relative: bool = True
    edit_M: NDArray[np.floating] | None = None
    gains_MM: NDArray[np.floating] | None = None
    reach: Reach | None = None

    def moved(
        self,
        alpha_source_M: NDArray[np.float32],
        alpha_M: NDArray[np.float32],
        reference_M: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """The coefficients to decode, (M,): a_s + v + G (a_t − a_ref), or a_s + v + G (a_t − a_s).

        The second is for absolute motion; without G it is a_t + v.
        """
        change_M = self.scaled(alpha_M - (reference_M if self.relative else alpha_source_M))
        still_M = alpha_source_M if self.edit_M is None else alpha_source_M + self.edit_M
        moved_M = still_M + change_M
        if self.reach is not None:
            moved_M = self.reach.hold(moved_M, still_M, alpha_M)
        return moved_M.astype(np.float32)

    def scaled(self, change_M: NDArray[np.float32]) -> NDArray[np.floating]:
        """G x: a change of the coefficients (M,) as far as it is taken over."""
        return change_M if self.gains_MM is None else self.gains_MM @ change_M


def carry(
    alpha_source_M: NDArray[np.float32],
    moments: Iterable[Moment],
    transfer: Transfer,
    references: Sequence[NDArray[np.float32]] | None = None,
) -> Iterator[NDArray[np.float32]]:
    """The coefficients to decode, (M,), for each moment as it comes.

    alpha_source_M: a_s. references: a_ref of every shot (`nearest`); None takes each shot's first moment.
    """
    current, reference_M = -1, alpha_source_M
    for shot, moment in _shots(moments):
        if shot != current:
            current = shot
            reference_M = moment.alpha_M if references is None else references[shot]
        yield transfer.moved(alpha_source_M, moment.alpha_M, reference_M)


def nearest(
    alpha_source_M: NDArray[np.float32], moments: Iterable[Moment], transfer: Transfer
) -> list[NDArray[np.float32]]:
    """Each shot's coefficients (M,) nearest to the source's in the motion taken over: least |G (a_t − a_s)|.

    Taken as reference, they make the whole shot's change start from a pose that both have.
    """
    references: list[NDArray[np.float32]] = []
    least = 0.0
    for shot, moment in _shots(moments):
        distance = float(np.linalg.norm(transfer.scaled(moment.alpha_M - alpha_source_M)))
        if shot == len(references):
            references.append(moment.alpha_M)
        elif distance >= least:
            continue
        references[shot], least = moment.alpha_M, distance
    return references


def _shots(moments: Iterable[Moment]) -> Iterator[tuple[int, Moment]]:
    """Moments with the number of their shot; what precedes the first beginning belongs to the first shot."""
    shot, begun = 0, False
    for moment in moments:
        if moment.begins:
            shot += begun
            begun = True
        yield shot, moment
