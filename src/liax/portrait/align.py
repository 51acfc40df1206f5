"""The edit that makes a source start as the driving does: v of equation (10), found and not set by hand."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.face.landmarks import Face, FaceLandmarker
from liax.model import Encoded
from liax.options import Alignment
from liax.portrait.animator import Animator
from liax.portrait.edit_vector import LARGEST_EDIT
from liax.portrait.motion import group_gains
from liax.weights.controls import GROUPS, Controls

log = logging.getLogger(__name__)

_GROUPS = {"pose": ("head",), "expression": ("mouth", "eyes", "brows", "gaze"), "all": GROUPS}
# A head is turned as it should be when this close, in degrees: the landmarker itself is not much surer.
_CLOSE = 1.5
_STEPS = 5
# Of a control's range: how far it is moved to see what it does to this portrait, and at most in one step.
_PROBE, _LONGEST = 0.15, 0.5
# A step's shares that are tried until one brings the head closer.
_SHARES = (1.0, 0.5, 0.25)
# Of the strongest control's effect; much weaker ones are left alone rather than moved far.
_DAMPING = 0.15


def align_source(
    animator: Animator,
    source: Encoded,
    first_RR3: NDArray[np.uint8] | None,
    alpha_first_M: NDArray[np.float32],
    what: Alignment,
    landmarker: FaceLandmarker | None,
) -> NDArray[np.float32]:
    """The edit v (M,) with which G(z_sr + Q (a_s + v)) matches the first driving frame  (equation 10).

    It starts from the coefficients' difference a_1 − a_s, as far as it belongs to `what` and stays within
    the controls' ranges. Networks turn a head less than its coefficients say, so its pose is then measured
    in what is decoded, and the controls of the group "head" are adjusted until it is within 1.5° of the
    frame's or gets no closer; it is never further away than without any edit. Without a picture (a motion
    template) or landmarker, or where the landmarker finds no face, the coefficients' difference is all there
    is.

    Args:
        source: Of one portrait (batch 1).
        first_RR3, alpha_first_M: The first driving frame, RGB uint8 (R, R, 3), and its coefficients a_1.
        what: What should match; the rest of the source stays.

    Raises:
        LiaxError: For "pose" and "expression" when the weights have no controls that tell them apart.
    """
    alpha_source_M = source.alpha_BM[0].float().cpu().numpy()
    change_M = _relevant(animator.controls, what) @ (alpha_first_M - alpha_source_M)
    edit_M = within_ranges(animator.controls, change_M)
    if what == "expression" or first_RR3 is None or landmarker is None:
        return edit_M
    target = _largest(landmarker, first_RR3)
    if target is None:
        log.warning("The first driving frame shows no face to measure; aligning by its coefficients alone.")
        return edit_M
    return _PoseSearch(animator, source, target, landmarker).refined(edit_M)


def within_ranges(controls: Controls, edit_M: NDArray[np.floating]) -> NDArray[np.float32]:
    """The edit (M,) with no vector farther than a control takes it, and none beyond ±LARGEST_EDIT."""
    directions_MK = controls.directions_MK
    ends_2K = np.array([(control.low, control.high) for control in controls]).reshape(-1, 2).T
    ends_M2K = directions_MK[:, None] * ends_2K
    limited_M = edit_M.clip(ends_M2K.min((1, 2), initial=0.0), ends_M2K.max((1, 2), initial=0.0))
    edit_M = np.where(directions_MK.any(1), limited_M, edit_M)
    return edit_M.clip(-LARGEST_EDIT, LARGEST_EDIT).astype(np.float32)


def head_turn(start: Face, end: Face) -> NDArray[np.float64]:
    """The rotation (3,) that takes the head of `start` to that of `end`: its axis times degrees, 0 to 180."""
    turn_33 = _rotation(end) @ _rotation(start).T
    axis_3 = np.array(
        [turn_33[2, 1] - turn_33[1, 2], turn_33[0, 2] - turn_33[2, 0], turn_33[1, 0] - turn_33[0, 1]]
    )
    sine, cosine = np.linalg.norm(axis_3) / 2, (np.trace(turn_33) - 1) / 2
    return axis_3 / max(2 * sine, 1e-12) * np.degrees(np.arctan2(sine, cosine))


class _Candidate(NamedTuple):
    """An edit, the face in what it decodes to, and the turn (3,) that its head still lacks."""

    edit_M: NDArray[np.float32]
    face: Face
    lack_3: NDArray[np.float64]

    @property
    def error(self) -> float:
        return float(np.linalg.norm(self.lack_3))


class _PoseSearch:
    """Damped Gauss-Newton over the controls of the head, with Broyden's update of its Jacobian."""

    def __init__(self, animator: Animator, source: Encoded, target: Face, landmarker: FaceLandmarker) -> None:
        self._animator, self._source = animator, source
        self._alpha_M = source.alpha_BM[0].float().cpu().numpy()
        self._target, self._landmarker = target, landmarker
        heads = [control for control in animator.controls if control.group == "head"]
        # Columns: what a control's whole range changes, so that all are of one size whatever their unit.
        self._directions_MK = Controls(len(self._alpha_M), tuple(heads)).directions_MK
        self._directions_MK *= [control.high - control.low for control in heads]

    def refined(self, start_M: NDArray[np.float32]) -> NDArray[np.float32]:
        """The best edit found from `start_M`; from no edit, should that have come no closer than no edit."""
        start, none = self._try([start_M, np.zeros_like(start_M)])
        if start is None and none is None:
            log.warning("The landmarker finds no face in the result; aligning by the coefficients alone.")
            return start_M
        best = None if start is None else self._search(start)
        if none is not None and (best is None or best.error > none.error):
            best = self._search(none)
        assert best is not None
        return best.edit_M

    def _search(self, best: _Candidate) -> _Candidate:
        """The closest candidate on the way from this one."""
        if best.error <= _CLOSE or not self._directions_MK.size:
            return best
        jacobian_3K = self._effects(best)
        for _ in range(_STEPS):
            nearer, jacobian_3K = self._step(best, jacobian_3K)
            if nearer is None:
                return best
            best = nearer
            if best.error <= _CLOSE:
                return best
        return best

    def _step(
        self, base: _Candidate, jacobian_3K: NDArray[np.float64]
    ) -> tuple[_Candidate | None, NDArray[np.float64]]:
        """A closer candidate, None if no share of the step gives one, and the Jacobian with what was seen."""
        step_K = _damped(jacobian_3K, base.lack_3)
        for share in _SHARES:
            (tried,) = self._try([base.edit_M + self._directions_MK @ (share * step_K)])
            if tried is None:
                continue
            taken_K = _amounts(self._directions_MK, tried.edit_M - base.edit_M)
            surprise_3 = head_turn(base.face, tried.face) - jacobian_3K @ taken_K
            jacobian_3K = jacobian_3K + np.outer(surprise_3, taken_K) / max(float(taken_K @ taken_K), 1e-6)
            if tried.error < base.error:
                return tried, jacobian_3K
        return None, jacobian_3K

    def _effects(self, base: _Candidate) -> NDArray[np.float64]:
        """How each control's range turns this very head, (3, K), by moving each a little, inwards."""
        sides_K: NDArray[np.float64] = np.where(
            _amounts(self._directions_MK, base.edit_M) > 0, -_PROBE, _PROBE
        )
        probes = self._try([base.edit_M + way_M for way_M in (self._directions_MK * sides_K).T])
        turns = [np.zeros(3) if probe is None else head_turn(base.face, probe.face) for probe in probes]
        return np.stack(turns, 1) / sides_K

    def _try(self, edits: Sequence[NDArray[np.floating]]) -> list[_Candidate | None]:
        """What comes of edits, brought into range; None where the result shows no face."""
        allowed = [within_ranges(self._animator.controls, edit_M) for edit_M in edits]
        pictures = self._animator.render(self._source, [self._alpha_M + edit_M for edit_M in allowed])
        faces = [_largest(self._landmarker, picture_RR3) for picture_RR3 in pictures]
        return [
            None if face is None else _Candidate(edit_M, face, head_turn(face, self._target))
            for edit_M, face in zip(allowed, faces, strict=True)
        ]


def _relevant(controls: Controls, what: Alignment) -> NDArray[np.float64]:
    """P (M, M): the part of a change of the coefficients that belongs to `what`."""
    if what == "all":
        return np.eye(controls.count)
    present = {control.group for control in controls}.intersection(_GROUPS[what])
    if not present:
        raise LiaxError(
            f"These weights have no controls of the group {' or '.join(_GROUPS[what])}, "
            f"so the {what} cannot be told from the rest; align all."
        )
    return group_gains(controls, dict.fromkeys(present, 1.0), others=0.0)


def _amounts(directions_MK: NDArray[np.float64], edit_M: NDArray[np.floating]) -> NDArray[np.float64]:
    """How much of each direction is in an edit, (K,); what two share is divided between them."""
    lengths_K = np.linalg.norm(directions_MK, axis=0).clip(1e-12)
    return np.linalg.pinv(directions_MK / lengths_K, rcond=0.1) @ edit_M / lengths_K


def _damped(jacobian_3K: NDArray[np.float64], lack_3: NDArray[np.float64]) -> NDArray[np.float64]:
    """The step (K,), in control ranges, that closes `lack_3` as far as the controls can and is short."""
    left, sizes, right = np.linalg.svd(jacobian_3K, full_matrices=False)
    damping = _DAMPING * sizes.max(initial=1e-9)
    step_K = right.T @ (sizes / (sizes**2 + damping**2) * (left.T @ lack_3))
    return step_K * min(1.0, _LONGEST / max(float(np.abs(step_K).max()), 1e-9))


def _largest(landmarker: FaceLandmarker, picture_RR3: NDArray[np.uint8]) -> Face | None:
    return next(iter(landmarker.detect(picture_RR3)), None)


def _rotation(face: Face) -> NDArray[np.float64]:
    """The head's rotation (3, 3), the nearest to what the pose holds."""
    left, _, right = np.linalg.svd(face.pose[:3, :3].astype(np.float64))
    return left @ right
