"""A still portrait set in motion by its controls: swept one after another, or turned in an orbit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from liax.errors import OptionError, UnknownControlError
from liax.options import EditSettings, ManipulateOptions
from liax.portrait.animator import Animator
from liax.portrait.clip import RenderedClip
from liax.portrait.edit_vector import Edit, edit_vector
from liax.portrait.provenance import provenance_of
from liax.portrait.sheets import caption, draw_sheet
from liax.portrait.source import Portrait, Source, open_portrait
from liax.progress import Progress, no_progress, with_progress
from liax.weights.controls import Control, Controls

# As published: equal steps from 0 to an end of the range, or back, and frames a second.
STEPS, SWEEP_RATE = 16, Fraction(12)
ORBIT_RATE = Fraction(25)
# How far a motion vector without a name is moved, to each side.
VECTOR_RANGE = 0.8
# An orbit's two controls, and how much of their ranges it fills.
ORBIT, ORBIT_EXTENT = ("yaw", "pitch"), 0.8
_LARGEST_IN_SHEET = 224


def sweep(
    animator: Animator,
    source: Source,
    names: Sequence[str],
    options: ManipulateOptions = ManipulateOptions(),  # noqa: B008 - frozen
) -> RenderedClip:
    """Linear manipulation: each control in turn goes 0 → high → 0 → low → 0, in STEPS equal steps a leg.

    A control whose range has one side only goes there and back twice. Each frame is equation (11).

    Args:
        names: Controls, or motion vectors as "#12" (then ±VECTOR_REACH).

    Raises:
        LiaxError: For unknown names and a source that does not work.
    """
    controls = _chosen(animator.controls, names)
    legs = [step / STEPS for step in (*range(1, STEPS + 1), *range(STEPS - 1, -1, -1))]
    steps = [{controls[0].name: 0.0}]
    for control in controls:
        for end in (control.high or control.low, control.low or control.high):
            steps += [{control.name: part * end} for part in legs]
    portrait = open_portrait(animator, source, options)
    return _clip(animator, portrait, _scaled(steps, _extent(options, 1.0)), SWEEP_RATE, options.label)


def orbit(
    animator: Animator,
    source: Source,
    options: ManipulateOptions = ManipulateOptions(),  # noqa: B008 - frozen
    *,
    controls: tuple[str, str] = ORBIT,
) -> RenderedClip:
    """The head turning in a circle, seamless when looped: an ellipse within two controls' ranges.

    Args:
        controls: The ellipse's axes, whose ranges' middle is its own.

    Raises:
        LiaxError: For controls that the weights lack and a source that does not work.
    """
    turns, seconds = options.turns, options.seconds
    if not (1 <= turns <= 1000 and 0.1 <= seconds <= 1000):
        raise OptionError(
            {"turns": turns, "seconds": seconds},
            f"{turns} turns of {seconds:g} s are no orbit",
            "take 1 to 1000, of 0.1 to 1000 s each",
        )
    across, along = _chosen(animator.controls, controls)
    count = round(seconds * ORBIT_RATE)
    steps = [
        {across.name: _at(across, math.cos(angle)), along.name: _at(along, math.sin(angle))}
        for angle in (2 * math.pi * (i % count) / count for i in range(count * turns))
    ]
    portrait = open_portrait(animator, source, options)
    return _clip(
        animator, portrait, _scaled(steps, _extent(options, ORBIT_EXTENT)), ORBIT_RATE, options.label
    )


def sweep_sheet(
    animator: Animator,
    source: Source,
    names: Sequence[str],
    options: ManipulateOptions = ManipulateOptions(),  # noqa: B008 - frozen
    *,
    progress: Progress = no_progress,
) -> NDArray[np.uint8]:
    """A row a control: the portrait at five values from its lowest to its highest, RGB uint8.

    Arguments and errors are those of `sweep`.
    """
    controls = _chosen(animator.controls, names)
    grid = [[{control.name: value} for value in five_values(control)] for control in controls]
    titles = [c.name if c.name.startswith("#") else f"{c.name}\n({c.group})" for c in controls]
    portrait = open_portrait(animator, source, options)
    return _sheet(animator, portrait, titles, grid, _extent(options, 1.0), progress)


def orbit_sheet(
    animator: Animator,
    source: Source,
    options: ManipulateOptions = ManipulateOptions(),  # noqa: B008 - frozen
    *,
    controls: tuple[str, str] = ORBIT,
    progress: Progress = no_progress,
) -> NDArray[np.uint8]:
    """The portrait turned all ways: 5 × 5, the first control growing to the right, the second upwards.

    Arguments and errors are those of `orbit`.
    """
    across, along = _chosen(animator.controls, controls)
    grid = [
        [{across.name: x, along.name: y} for x in five_values(across)] for y in reversed(five_values(along))
    ]
    portrait = open_portrait(animator, source, options)
    return _sheet(animator, portrait, [""] * len(grid), grid, _extent(options, ORBIT_EXTENT), progress)


def _chosen(controls: Controls, names: Sequence[str]) -> list[Control]:
    if not names:
        raise UnknownControlError("", tuple(control.name for control in controls))
    return [_control(controls, name.strip().lower()) for name in names]


def _control(controls: Controls, name: str) -> Control:
    number = name.removeprefix("#")
    if not number.isdigit():
        return controls[name]
    edit_vector({f"#{number}": 0.0}, controls)  # refuses what does not exist
    return vector_control(int(number))


def vector_control(index: int) -> Control:
    """A motion vector as a control called by its number."""
    return Control(f"#{index}", "other", {index: 1.0}, -VECTOR_RANGE, VECTOR_RANGE)


def five_values(control: Control) -> list[float]:
    """From the lowest to the highest value, half of them as well; equal steps if the range has one side."""
    low, high = control.low, control.high
    return (
        [low, low / 2, 0.0, high / 2, high]
        if low and high
        else [low + i * (high - low) / 4 for i in range(5)]
    )


def _at(control: Control, wave: float) -> float:
    """Where in the range: -1 is its lowest value, 1 its highest."""
    return (control.low + control.high) / 2 + wave * (control.high - control.low) / 2


def _extent(options: ManipulateOptions, default: float) -> float:
    extent = default if options.extent is None else options.extent
    if not 0 < extent <= 1:
        raise OptionError(
            {"extent": extent}, f"{extent:g} is no part of the controls' range", "give more than 0, up to 1"
        )
    return extent


def _scaled(steps: Sequence[dict[str, float]], extent: float) -> list[dict[str, float]]:
    return [{name: extent * value for name, value in step.items()} for step in steps]


def _decoded(
    animator: Animator, portrait: Portrait, steps: Sequence[EditSettings]
) -> Iterator[NDArray[np.uint8]]:
    """Equation (11) for each of the settings."""
    alpha_M = portrait.alpha_M
    edits = (Edit.of(step, animator.controls) for step in steps)
    alphas = (alpha_M + edit.vector_for(alpha_M, portrait.pose if edit.turns else {}) for edit in edits)
    return map(portrait.from_square, animator.render(portrait.encoded, alphas))


def _clip(
    animator: Animator, portrait: Portrait, steps: Sequence[dict[str, float]], rate: Fraction, label: bool
) -> RenderedClip:
    pictures = _decoded(animator, portrait, steps)
    if label:
        texts = (", ".join(step) for step in steps)
        pictures = (caption(picture, text) for picture, text in zip(pictures, texts, strict=True))
    frames = ((i / rate, picture_HW3) for i, picture_HW3 in enumerate(pictures))
    return RenderedClip(
        frames,
        rate,
        portrait.framing.width,
        portrait.framing.height,
        len(steps),
        provenance=provenance_of(animator, "manipulate", source=portrait),
    )


def _sheet(
    animator: Animator,
    portrait: Portrait,
    titles: Sequence[str],
    grid: Sequence[Sequence[dict[str, float]]],
    extent: float,
    progress: Progress,
) -> NDArray[np.uint8]:
    scaled = [_scaled(row, extent) for row in grid]
    steps = [step for row in scaled for step in row]
    pictures = with_progress(_decoded(animator, portrait, steps), "drawing", len(steps), progress)
    rows = (
        (
            title,
            [
                (picture_HW3, _words(animator.controls, step))
                for step, picture_HW3 in zip(row, pictures, strict=False)  # the next row has what is left
            ],
        )
        for title, row in zip(titles, scaled, strict=True)
    )
    return draw_sheet(rows, min(_LARGEST_IN_SHEET, portrait.framing.height))


def _words(controls: Controls, step: dict[str, float]) -> str:
    """ "-12.5°", or "yaw -12.5°, pitch 8°" where there are several."""
    units = {control.name: control.unit.replace("deg", "°") for control in controls}
    parts = [(name, f"{value:.3g}{units.get(name, '')}") for name, value in step.items()]
    return parts[0][1] if len(parts) == 1 else ", ".join(f"{name} {shown}" for name, shown in parts)
