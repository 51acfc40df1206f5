"""Motion coefficients from the driving to the source.

What the network takes from a driving frame, how it becomes the source's (equations (1)-(3), (8) and (10),
shot by shot), a One-Euro filter against jitter, and which of the motion is taken over and how strongly."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.options import ALL_MOTION, Strength
from liax.portrait.pose import HeldStretches, PoseRange
from liax.weights.controls import GROUPS, CoefficientLimits, Control, Controls


@dataclass(frozen=True)
class DrivingFrame:
    """One driving frame as the network sees it.

    Args:
        time: Seconds since the first frame, exact.
        alpha_M: Motion coefficients (M,) float32; held still while no face is seen.
        starts_shot: Whether a shot begins here, so that relative motion starts anew. Frames before the first
            that starts one (a title card) have its coefficients.
        square_RR3: The RGB uint8 picture that belongs to them, None from a template.
    """

    time: Fraction
    alpha_M: NDArray[np.float32]
    starts_shot: bool
    square_RR3: NDArray[np.uint8] | None


class Driving(Protocol):
    """What drives a portrait: a video, a still picture, a folder of frames, a motion template.

    Attributes:
        rate: Nominal frames a second.
        total: How many frames there are, None when that is unknown.
        sound: A video whose sound belongs to the motion.
        sound_start: Seconds on its clock of the first frame.
    """

    @property
    def rate(self) -> Fraction: ...
    @property
    def total(self) -> int | None: ...
    @property
    def sound(self) -> Path | None: ...
    @property
    def sound_start(self) -> Fraction: ...

    def width_at(self, height: int) -> int:
        """The even width of its picture when shown `height` pixels high; 0 when it has none."""

    def frames(self) -> Generator[DrivingFrame]:
        """Its frames in order, made a batch at a time; each call decodes anew."""


@dataclass(frozen=True)
class Transfer:
    """What of the driving's coefficients a_t is taken over.

    Args:
        relative: The change since a reference a_ref, by default the shot's first frame (equations 8 and 10);
            otherwise the coefficients as they are (equations 1-3).
        edit_M: v (M,), added throughout.
        gains_MM: G (M, M), which scales the motion (`retarget`). None leaves either out.
        limits: Where motion that is added to the source's own stops, unless the driving face itself goes
            further.
        pose_range: Where the head stops, whatever the driving does.
    """

    relative: bool = True
    edit_M: NDArray[np.floating] | None = None
    gains_MM: NDArray[np.floating] | None = None
    limits: CoefficientLimits | None = None
    pose_range: PoseRange | None = None

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
        if self.limits is not None:
            moved_M = self.limits.clamp(moved_M, still_M, alpha_M)
        return moved_M.astype(np.float32)

    def held(
        self, alpha_source_M: NDArray[np.float32], moved_M: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        """What `moved` gives, with the head held in its range, and the names of what was beyond it."""
        if self.pose_range is None:
            return moved_M, ()
        change_M, beyond = self.pose_range.hold(moved_M - alpha_source_M)
        return (alpha_source_M + change_M).astype(np.float32), beyond

    def scaled(self, change_M: NDArray[np.floating]) -> NDArray[np.floating]:
        """G x: a change of the coefficients (M,) as far as it is taken over."""
        return change_M if self.gains_MM is None else self.gains_MM @ change_M


def transfer_motion(
    alpha_source_M: NDArray[np.float32],
    frames: Iterable[DrivingFrame],
    transfer: Transfer,
    references: Sequence[NDArray[np.float32]] = (),
    held: HeldStretches | None = None,
    edit_at: Callable[[Fraction], NDArray[np.floating]] | None = None,
) -> Iterator[NDArray[np.float32]]:
    """The coefficients to decode, (M,), for each driving frame as it comes.

    Args:
        alpha_source_M: a_s.
        references: a_ref of the first shots; any other counts from its own first frame.
        held: Is told where `transfer.pose_range` holds the head.
        edit_at: What is added to v (M,) at a frame's time.
    """
    current, reference_M = -1, alpha_source_M
    for shot, frame in _shots(frames):
        if shot != current:
            current = shot
            reference_M = references[shot] if shot < len(references) else frame.alpha_M
        now = transfer
        if edit_at is not None:
            edit_M = edit_at(frame.time)
            now = replace(transfer, edit_M=edit_M if transfer.edit_M is None else transfer.edit_M + edit_M)
        moved_M = now.moved(alpha_source_M, frame.alpha_M, reference_M)
        moved_M, beyond = transfer.held(alpha_source_M, moved_M)
        if held is not None:
            held.add(frame.time, beyond)
        yield moved_M


def nearest_references(
    alpha_source_M: NDArray[np.float32], frames: Iterable[DrivingFrame], transfer: Transfer
) -> list[NDArray[np.float32]]:
    """Each shot's coefficients (M,) nearest to the source's in the motion taken over: least |G (a_t − a_s)|.

    As references, they make the whole shot's change start from a pose that both have.
    """
    references: list[NDArray[np.float32]] = []
    least = 0.0
    for shot, frame in _shots(frames):
        distance = float(np.linalg.norm(transfer.scaled(frame.alpha_M - alpha_source_M)))
        if shot == len(references):
            references.append(frame.alpha_M)
        elif distance >= least:
            continue
        references[shot], least = frame.alpha_M, distance
    return references


_ROUNDING = 1e-6  # seconds, of times that people give


def references_at(frames: Iterable[DrivingFrame], time: float) -> list[NDArray[np.float32]]:
    """The coefficients (M,) from which shots count, so that the one that is seen at `time` counts from there.

    The shots before it count from their first frames.

    Raises:
        ValueError: If the frames end before that, with how many seconds they last.
    """
    references: list[NDArray[np.float32]] = []
    last = None
    for shot, frame in _shots(frames):
        if last is not None and frame.time > time + _ROUNDING:
            break
        if shot == len(references):
            references.append(frame.alpha_M)
        last = frame
    else:
        if last is None or time > last.time + 1:
            raise ValueError(f"it lasts {0.0 if last is None else float(last.time):.2f} s")
    references[-1] = last.alpha_M
    return references


def _shots(frames: Iterable[DrivingFrame]) -> Iterator[tuple[int, DrivingFrame]]:
    """Frames with the number of their shot; what precedes the first beginning belongs to the first shot."""
    shot, begun = 0, False
    for frame in frames:
        if frame.starts_shot:
            shot += begun
            begun = True
        yield shot, frame


# Hz: what passes at rest, and of the measured speed.
_CUTOFF = 1.0
_SPEED_CUTOFF = 1.0
# Hz more for each unit a second that a coefficient moves; coefficients of real faces lie within ±1.
_RESPONSE = 2.0
# A smaller amount of smoothing is none.
_LEAST_AMOUNT = 1e-9


def smooth_motion(frames: Iterable[DrivingFrame]) -> Iterator[DrivingFrame]:
    """The same frames with smoothed coefficients; a shot's first frame stays as it is.

    The One-Euro filter (Casiez, Roussel and Vogel, CHI 2012) on each coefficient: a first-order low-pass
    whose cutoff rises with speed, so that rest is still and fast motion is not late. It needs no later frame.

    Measured with the bundled weights on six validation clips of as many people at 25 frames a second, one of
    them dancing: the mean absolute second difference falls to 0.28-0.48 of what it was (median 0.32), and the
    lag at which raw and smoothed motion agree best is 0.4-1.4 frames (median 1.3). A pulse of four frames,
    as short as a blink, keeps 69 % of its height where that is 0.05, 77 % at 0.1 and 91 % at 0.3.
    """
    state: OneEuroFilter | None = None
    for frame in frames:
        if state is None or frame.starts_shot:
            state = OneEuroFilter(float(frame.time), frame.alpha_M)
        else:
            state.add(float(frame.time), frame.alpha_M)
        yield replace(frame, alpha_M=state.smooth_M.astype(np.float32))


class OneEuroFilter:
    """What `smooth_motion` knows since a shot began.

    Args:
        time: Seconds of the first frame.
        alpha_M: Its coefficients (M,).
        amount: How much is smoothed, 0 to 1: cutoffs are divided by it, so that 0 lets everything pass.

    Attributes:
        smooth_M: The newest frame's coefficients, smoothed.
    """

    def __init__(self, time: float, alpha_M: NDArray[np.float32], amount: float = 1.0) -> None:
        self._time, self._alpha_M = time, alpha_M
        self.amount = amount
        self._speed_M = np.zeros(alpha_M.shape)
        self.smooth_M = alpha_M.astype(np.float64)

    def add(self, time: float, alpha_M: NDArray[np.float32]) -> None:
        """Take in the next frame, which comes later than the last one."""
        seconds = time - self._time
        speed_M = (alpha_M - self._alpha_M) / seconds
        self._speed_M += _low_pass_share(np.float64(_SPEED_CUTOFF), seconds) * (speed_M - self._speed_M)
        cutoff_M = (_CUTOFF + _RESPONSE * np.abs(self._speed_M)) / max(self.amount, _LEAST_AMOUNT)
        self.smooth_M += _low_pass_share(cutoff_M, seconds) * (alpha_M - self.smooth_M)
        self._time, self._alpha_M = time, alpha_M

    def shift(self, by_M: NDArray[np.floating]) -> None:
        """Count what comes from another origin: `by_M` is added to all that came before."""
        self._alpha_M = self._alpha_M + by_M
        self.smooth_M = self.smooth_M + by_M


def _low_pass_share(
    cutoff: NDArray[np.float64] | np.float64, seconds: float
) -> NDArray[np.float64] | np.float64:
    """How much of a new value a first-order low-pass of `cutoff` Hz takes in after `seconds`."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * seconds))


LARGEST_STRENGTH = 4.0
# Controls of which a vector is as large a part, but for this share, have it in common.
_ALIKE = 0.98


def group_gains(controls: Controls, gains: Mapping[str, float], others: float) -> NDArray[np.float64]:
    """The linear map (M, M) of the coefficients' change that scales named motion by its gain.

    G is diagonal: a vector's motion has the gain of the control of which it is the largest part, and of
    `others` if it is part of none. Controls of which it is equally large a part share it. That is not the
    inverse of what controls do: to draw their factor alone they also move other vectors a little, and what
    the network reads in a driving face has no such corrections in it.

    Args:
        gains: A group's name (or a single control's, which goes before its group's) -> gain. A name that is
            both means the group.
        others: Gain of all other motion.

    Raises:
        LiaxError: For a name of which these weights have no control.
    """
    _check_names(controls, gains)
    return _gain_map(controls, [_own_or_group(control, gains, others) for control in controls], others)


def retarget(
    controls: Controls,
    only: Collection[str] = (),
    without: Collection[str] = (),
    strength: Strength = 1.0,
) -> NDArray[np.float64] | None:
    """The linear map (M, M) of the coefficients' change that a user asks for; None where all stays as it is.

    Args:
        only: Groups and controls whose motion is carried over, by name; nothing else is. Empty: everything.
        without: Groups and controls whose motion is not.
        strength: Gain of what is carried over, from 0 to LARGEST_STRENGTH; or group or control -> gain, with
            ALL for everything else (1 if left out).

    Raises:
        LiaxError: For a name of which these weights have no control, a name in both `only` and `without`, and
            a strength beyond its range.
    """
    strengths = dict(strength) if isinstance(strength, Mapping) else {ALL_MOTION: float(strength)}
    for name, amount in strengths.items():
        if not (math.isfinite(amount) and 0 <= amount <= LARGEST_STRENGTH):
            raise LiaxError(f"{amount:g} is no strength for {name}; give 0 to {LARGEST_STRENGTH:g}.")
    rest = strengths.pop(ALL_MOTION, 1.0)
    for name in only:
        if name in without:
            raise LiaxError(f"{name} cannot be both the only motion and left out; name it once.")
    _check_names(controls, [*only, *without, *strengths])

    def gain(control: Control) -> float:
        kept = not only or _own_or_group(control, dict.fromkeys(only, 1.0), 0.0) > 0
        kept = kept and _own_or_group(control, dict.fromkeys(without, 0.0), 1.0) > 0
        return _own_or_group(control, strengths, rest) if kept else 0.0

    gains_K = [gain(control) for control in controls]
    others = 0.0 if only else rest
    if all(value == 1 for value in (*gains_K, others)):
        return None
    return _gain_map(controls, gains_K, others)


def _own_or_group(control: Control, values: Mapping[str, float], otherwise: float) -> float:
    """The control's own value, else its group's, else `otherwise`."""
    if control.name in values and control.name not in GROUPS:
        return values[control.name]
    return values.get(control.group, otherwise)


def _check_names(controls: Controls, names: Collection[str]) -> None:
    groups = {control.group for control in controls}
    known = groups | {control.name for control in controls if control.name not in GROUPS}
    for name in names:
        if name in known:
            continue
        if not known:
            raise LiaxError(
                f"These weights name no motion, so {name!r} cannot be told from the rest; use others."
            )
        groups_text = ", ".join(group for group in GROUPS if group in groups)
        controls_text = ", ".join(control.name for control in controls)
        raise LiaxError(
            f"These weights have no motion called {name!r}; they have the groups {groups_text} "
            f"and the controls {controls_text}."
        )


def _gain_map(controls: Controls, gains_K: list[float], others: float) -> NDArray[np.float64]:
    directions_MK = controls.directions_MK
    # Unit lengths, so that a vector's part does not depend on the control's unit.
    parts_MK = np.abs(directions_MK) / np.linalg.norm(directions_MK, axis=0).clip(1e-12)
    largest_M1 = parts_MK.max(1, keepdims=True, initial=0.0)
    owners_MK = (parts_MK >= _ALIKE * largest_M1) & (largest_M1 > 0)
    count_M = owners_MK.sum(1)
    return np.diag(np.where(count_M > 0, owners_MK @ np.array(gains_K) / count_M.clip(1), others))
