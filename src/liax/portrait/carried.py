"""What a driving adds to the coefficients of a filmed face."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.media.footage import Footage
from liax.options import AnimateOptions
from liax.portrait.animator import Animator
from liax.portrait.driving import DrivingFootage
from liax.portrait.edit_vector import Edit
from liax.portrait.filmed import FaceFrame
from liax.portrait.motion import Driving, DrivingFrame, Transfer, nearest_references
from liax.portrait.pose import HeldStretches, PoseRange
from liax.portrait.reference import choose_references, driving_frames, first_frame
from liax.portrait.shots import Shot
from liax.portrait.track_driving import NamedDriving
from liax.progress import Progress
from liax.weights.controls import Controls


class CarriedMotion:
    """What one driving adds to the coefficients of one filmed face.

    Args:
        transfer: Says what of the motion is taken over.
        held: Is told where the head is held.

    Attributes:
        moves_head: Whether that may turn the head, or move it elsewhere.
    """

    def __init__(
        self,
        animator: Animator,
        footage: Footage,
        shots: Sequence[Shot],
        driving: Driving,
        transfer: Transfer,
        edit: Edit,
        options: AnimateOptions,
        held: HeldStretches,
        progress: Progress,
    ) -> None:
        self._controls, self._shots, self._edit = animator.controls, shots, edit
        self._options, self._held = options, held
        self.moves_head = _moves_head(transfer, animator.controls, driving)
        filmed = DrivingFootage(animator, footage, list(shots), footage.expected or 0)
        # What a driving that says changes of a face is laid on, which they count from.
        self._changed_M: NDArray[np.float32] | None = None
        if isinstance(driving, NamedDriving):
            first_M = first_frame(filmed).alpha_M
            if driving.track.changes:
                transfer = replace(transfer, relative=False)
                self._changed_M = first_M
            else:
                transfer = replace(transfer, gains_MM=transfer.scaled(driving.named_MM))
            driving = driving.on(first_M, options.force, options.absolute)
        self._driving, self._transfer = driving, transfer
        self._own: Sequence[NDArray[np.float32]] = ()
        self._references: Sequence[NDArray[np.float32]] = ()
        if transfer.relative:
            first_M = first_frame(filmed).alpha_M
            self._references = choose_references(
                driving, first_M, transfer, options, animator.controls, progress
            )
            beginning_M = self._references[0] if self._references else first_frame(driving).alpha_M
            with closing(filmed.frames()) as frames:
                self._own = nearest_references(beginning_M, frames, transfer)
        self._moments: Moments | None = None

    def __enter__(self) -> CarriedMotion:
        self._moments = Moments(driving_frames(self._driving, self._options.smooth), self._references)
        return self

    def __exit__(self, *_: object) -> None:
        if self._moments is not None:
            self._moments.close()

    def added(self, frame: FaceFrame, alpha_M: NDArray[np.float32]) -> NDArray[np.floating]:
        """What is added to a frame's coefficients (M,)."""
        assert self._moments is not None
        seen_M, reference_M = self._moments.at(frame.time)
        pose = frame.pose
        still_M = alpha_M + self._edit.vector_for(alpha_M, pose)
        if self._transfer.relative:
            own_M = self._own[self._shot_of(frame)]
            change_M = self._transfer.scaled((seen_M - reference_M) - (alpha_M - own_M))
        else:
            from_M = alpha_M if self._changed_M is None else self._changed_M
            change_M = self._transfer.scaled(seen_M - from_M)
        moved_M = still_M + change_M
        if self._transfer.limits is not None:
            moved_M = self._transfer.limits.clamp(moved_M, still_M, seen_M)
        added_M = moved_M - alpha_M
        if not self._options.force:
            added_M, beyond = PoseRange(self._controls, pose).hold(added_M)
            self._held.add(frame.time, beyond)
        return added_M

    def _shot_of(self, frame: FaceFrame) -> int:
        """Its number among the shots that show the face."""
        begun = sum(shot.first_face is not None for shot in self._shots if shot.first <= frame.shot.first)
        return max(0, begun - 1)


class Moments:
    """A driving's coefficients at times that rise, between its frames, and those that they count from.

    Args:
        references: Of the driving's first shots; others count from their first frames.
    """

    def __init__(self, frames: Generator[DrivingFrame], references: Sequence[NDArray[np.float32]]) -> None:
        self._frames, self._references = frames, references
        self._shot, self._begun = 0, False
        first = next(frames, None)
        if first is None:
            raise LiaxError("The driving has no frame.")
        self._before = self._after = first
        self._reference_M = self._next_reference_M = self._reference_of(first)

    def at(self, time: Fraction) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Coefficients, and reference, at a time that is not before the last one asked for."""
        while self._after.time <= time:
            following = next(self._frames, None)
            self._before, self._reference_M = self._after, self._next_reference_M
            if following is None:
                break
            self._after = following
            if following.starts_shot or not self._begun:
                self._next_reference_M = self._reference_of(following)
        before, after = self._before, self._after
        if after.starts_shot or after.time <= before.time:  # nothing lies between two shots
            return before.alpha_M, self._reference_M
        share = float((time - before.time) / (after.time - before.time))
        return before.alpha_M + share * (after.alpha_M - before.alpha_M), self._reference_M

    def close(self) -> None:
        """Stop reading the driving."""
        self._frames.close()

    def _reference_of(self, frame: DrivingFrame) -> NDArray[np.float32]:
        """That of the shot which begins here."""
        if frame.starts_shot:
            self._shot += self._begun
            self._begun = True
        known = self._shot < len(self._references)
        return self._references[self._shot] if known else frame.alpha_M


def _moves_head(transfer: Transfer, controls: Controls, driving: Driving) -> bool:
    heads = [control for control in controls if control.group == "head"]
    if isinstance(driving, NamedDriving) and not driving.track.vectors:
        heads = [control for control in heads if control.name in driving.track.controls]
    return any(
        transfer.scaled(head_M).any() for head_M in Controls(controls.count, tuple(heads)).directions_MK.T
    )
