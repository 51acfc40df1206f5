"""Motion tracks and keyframes on a portrait: named amounts become coefficients, held where pictures hold."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError, OptionError
from liax.model import LIAX
from liax.options import AnimateOptions
from liax.portrait.animator import Animator
from liax.portrait.edit_vector import LARGEST_EDIT, Edit
from liax.portrait.motion import Driving, DrivingFrame
from liax.portrait.template import Template
from liax.tracks.coefficients import (
    coefficients,
    controls_with_vectors,
    directions,
    known_part,
    named_amounts,
    shadowed_controls,
    track_of,
)
from liax.tracks.keyframes import Keyframes
from liax.tracks.timing import Timing
from liax.tracks.track import Track
from liax.weights.controls import CoefficientLimits, Controls
from liax.weights.files import fingerprint

log = logging.getLogger(__name__)


def open_track(track: Track, animator: Animator, name: Path | str) -> Driving:
    """The track as a driving.

    A track with motion vectors of these weights drives like the template that it was made of. Of any other,
    the weights follow the controls that they have; the rest is left out, and told.

    Args:
        name: What it is called in messages.

    Raises:
        LiaxError: If these weights have none of its controls, or they have another unit.
    """
    network = animator.network
    if track.vectors and track.weights and track.weights != fingerprint(network):
        log.warning(f"{name} has motion vectors of other weights; only its controls are used.")
        track = track.only_controls()
    track = _known(track, animator.controls, name)
    if track.vectors and track.weights and not track.changes:
        return template_of(track, network, animator.controls)
    if not track.changes:
        # A face that looks down closes its lids, which `blink` says already where both move one vector.
        track = track.without_controls(shadowed_controls(track.controls, animator.controls))
    return NamedDriving(track, animator.controls, network, name)


def template_of(track: Track, network: LIAX, controls: Controls) -> Template:
    """The template of a track whose motion vectors are the network's."""
    return Template.at(coefficients(track, controls), track.timing, fingerprint(network))


def track_of_template(template: Template, controls: Controls) -> Track:
    """The track of a template, which drives alike; `template_of` is the inverse."""
    return track_of(template.alpha_TM, template.timing, controls, template.weights)


@dataclass(frozen=True)
class NamedDriving:
    """A track that says nothing of most motion vectors; a `Driving` that takes them from a portrait.

    Args:
        track: Of controls and vectors that the weights have.
        name: What it is called in messages.
    """

    track: Track
    controls: Controls
    network: LIAX
    name: Path | str

    sound = None
    sound_start = Fraction(0)

    @property
    def rate(self) -> Fraction:
        return self.track.timing.rate

    @property
    def total(self) -> int:
        return len(self.track.timing)

    def width_at(self, height: int) -> int:
        """0: there is no picture."""
        return 0

    def frames(self) -> Generator[DrivingFrame]:
        """Its frames in order, on a portrait that has no motion at all."""
        return self.on(np.zeros(self.controls.count, np.float32)).frames()

    def on(
        self, alpha_source_M: NDArray[np.float32], force: bool = False, absolute: bool = False
    ) -> Template:
        """The coefficients of a portrait that has these (M,) once it does what the track says.

        Changes come on top of the portrait's. A pose and expression stand in the place of its own, as far as
        controls name them; other coefficients stay. Changes are held within their controls' ranges, and
        expressions at the coefficient limits, as those of edits are. A pose of which only the change is taken
        over is first shifted as a whole to where the limits cut least of it: measures of some faces lie
        beyond them throughout, and would not change any more.

        Args:
            force: Hold nothing.
            absolute: Whether a pose itself is taken over, and not its change.
        """
        track = self.track
        alpha_M = alpha_source_M.astype(np.float64)
        if not track.changes:
            alpha_M -= self.named_MM @ alpha_M
        ranges = _Ranges(track, self.controls)
        if not force:
            ranges.tell(track, self.name)
        edit = ranges.edit(track, force)
        base_TM = np.broadcast_to(alpha_M.astype(np.float32), edit.exact_M.shape)
        if not track.changes and not absolute and edit.limits is not None:
            base_TM = base_TM + _shift_within(edit.limits, base_TM + edit.exact_M, edit.expression_M)
        return Template.at(base_TM + edit.vector_for(base_TM), track.timing, fingerprint(self.network))

    @cached_property
    def named_MM(self) -> NDArray[np.float64]:
        """The linear map (M, M) to the part of a pose and expression in whose place the track's can stand.

        A track of coefficients names a control's amount by its own vector; the rest is in other columns. What
        measures a face knows no vectors, so that all of the portrait that looks like its controls counts.
        """
        count = self.controls.count
        if self.track.vectors:
            owners = controls_with_vectors(self.controls)
            named_K = [control.name in self.track.controls for control in owners]
            amounts_MK = named_amounts(owners, np.eye(count)) * named_K
            part_MM = directions(owners, count) @ amounts_MK.T
            vectors = list(self.track.vectors)
            part_MM[vectors] = np.eye(count)[vectors]
            return np.asarray(part_MM)
        named_MK = directions([self.controls[name] for name in self.track.controls], count)
        return np.asarray(named_MK @ np.linalg.pinv(named_MK))

    def check(self, options: AnimateOptions) -> None:
        """Raise OptionError for what asks a pose of a track that only says changes."""
        for name in ("absolute", "reference", "align"):
            if self.track.changes and (value := getattr(options, name)):
                raise OptionError(
                    {name: value}, f"{self.name} says changes of the portrait, and has no pose of its own"
                )


def _shift_within(
    limits: CoefficientLimits, still_TM: NDArray[np.floating], expression_TM: NDArray[np.floating]
) -> NDArray[np.float32]:
    """What to add to all moments of an expression, (M,), so that least of it lies beyond the limits."""
    wanted_TM = still_TM + expression_TM
    low_M, high_M = wanted_TM.min(0), wanted_TM.max(0)
    above_M, below_M = (high_M - limits.high_M).clip(0), (limits.low_M - low_M).clip(0)
    # Down by what is above, as far as there is room below, and the other way round.
    down_M = np.minimum(above_M, (low_M - limits.low_M).clip(0))
    up_M = np.minimum(below_M, (limits.high_M - high_M).clip(0))
    return np.where(expression_TM.any(0), up_M - down_M, 0.0).astype(np.float32)


class KeyedEdit:
    """Keyframes as an edit of one portrait that changes from frame to frame.

    Args:
        name: What they are called in messages.
        alpha_source_M: Coefficients (M,) of the portrait.
        force: Hold nothing within ranges and limits.

    Raises:
        LiaxError: As `open_track`.
    """

    def __init__(
        self,
        keyframes: Keyframes,
        animator: Animator,
        name: Path | str,
        alpha_source_M: NDArray[np.float32],
        force: bool = False,
    ) -> None:
        self._keyframes, self._controls, self._name = keyframes, animator.controls, name
        self._alpha_M, self._force = alpha_source_M, force
        track = _known(keyframes.to_track(), animator.controls, name)
        self._ranges = _Ranges(track, animator.controls)
        if not force:
            self._ranges.tell(track, name)

    def at(self, time: Fraction) -> NDArray[np.float32]:
        """v (M,) at so many seconds."""
        timing = Timing(np.array([round(time * 10**6)]), Fraction(1, 10**6), Fraction(25), np.array([True]))
        track, _ = known_part(self._keyframes.track_at(timing), self._controls)
        return self._ranges.edit(track, self._force).vector_for(self._alpha_M[None])[0]


@dataclass(frozen=True)
class _Ranges:
    """How far the controls and vectors of a track may go.

    Args:
        track: Any of those with these controls and vectors.
    """

    track: Track
    controls: Controls

    @cached_property
    def _bounds_2C(self) -> NDArray[np.float64]:
        """Least and greatest amount of every control, then of every vector."""
        bounds = []
        for control in (self.controls[name] for name in self.track.controls):
            # A measured face may be anywhere: what it does to the portrait is held, as that of a video is.
            bounds.append((control.low, control.high) if self.track.changes else (-np.inf, np.inf))
        bounds += [(-LARGEST_EDIT, LARGEST_EDIT)] * len(self.track.vectors)
        return np.array(bounds).reshape(-1, 2).T

    def edit(self, track: Track, force: bool) -> Edit:
        """What the track asks for, (T, M) each, held within the ranges."""
        amounts_TC = np.concatenate([track.amounts_TK, track.free_TV], 1)
        if not force:
            amounts_TC = amounts_TC.clip(*self._bounds_2C)
        chosen = [self.controls[name] for name in track.controls]
        head_K = np.array([control.group == "head" for control in chosen], bool)
        directions_MK = directions(chosen, self.controls.count)
        amounts_TK, free_TV = np.split(amounts_TC, [len(chosen)], 1)
        exact_TM = (amounts_TK * head_K) @ directions_MK.T
        exact_TM[:, list(track.vectors)] += free_TV
        expression_TM = (amounts_TK * ~head_K) @ directions_MK.T
        return Edit(exact_TM, expression_TM, None if force else self.controls.limits)

    def tell(self, track: Track, name: Path | str) -> None:
        """Say once what of the track is beyond its range, and where most."""
        amounts_TC = np.concatenate([track.amounts_TK, track.free_TV], 1)
        over_TC = np.abs(amounts_TC - amounts_TC.clip(*self._bounds_2C))
        names = [*track.controls, *(f"#{vector}" for vector in track.vectors)]
        told = []
        for c, (low, high) in enumerate(self._bounds_2C.T):
            t = int(over_TC[:, c].argmax())
            if over_TC[t, c] > 1e-5 * (high - low):
                control = self.controls[names[c]] if c < len(track.controls) else None
                unit, allowed = (control.unit, control.range) if control else ("", f"{low:g} to {high:g}")
                seconds = track.timing.seconds_T[t]
                told.append(f"{names[c]} is {amounts_TC[t, c]:.3g}{unit} at {seconds:.2f} s ({allowed})")
        if told:
            log.warning(f"{name} goes out of range, and is held at its ends: {'; '.join(told)}.")


def _known(track: Track, controls: Controls, name: Path | str) -> Track:
    """The part of the track that weights with these controls can do."""
    known, left = known_part(track, controls)
    if not known.controls and not known.vectors:
        names = ", ".join(control.name for control in controls) or "no controls"
        raise LiaxError(f"{name} says nothing that these weights can do (they have {names})", "use others")
    if left and track.changes:
        log.warning(f"{name} has {_listed(left)}, which these weights lack; that is left out.")
    for control in (controls[known_name] for known_name in known.controls):
        unit = known.units.get(control.name, "")
        if unit not in ("", control.unit):
            in_unit = f"in {control.unit}" if control.unit else "a bare number"
            raise LiaxError(f"{name}: {control.name} is {in_unit}, not in {unit}", "correct it there")
    return known


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
