"""A portrait's pose and expression changed (equation 11).

From what a person asks for ("yaw=15deg") to the change of the coefficients, and from that to the edited
picture."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.portrait.animator import LARGEST_EDIT, Animator
from liax.portrait.retouch import EditDelta, Retouch
from liax.portrait.source import Portrait, Source, open_portrait
from liax.weights.controls import CoefficientLimits, Control, Controls

_SETTING = re.compile(r"\s*([^\s=]+)\s*=\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*([^\s\d]*)\s*", re.I)
_UNITS = {"°": "deg", "degree": "deg", "degrees": "deg"}
# Ranges are shown rounded; what is shown must be allowed.
_SLACK = 1e-5
_ABSURD = 1e6


class Amount(NamedTuple):
    """How much of a control, and in which unit; "" leaves the unit to the control."""

    value: float
    unit: str = ""


EditSettings = (
    Mapping[str, float | Amount] | Mapping[int, float | Amount] | Mapping[str | int, float | Amount]
)
"""Control's name, or motion vector's number as 12 or "#12" -> how much of it."""


def parse_settings(texts: Sequence[str], required: bool = False) -> dict[str | int, float | Amount]:
    """{"yaw=15deg,smile=0.5", "#12=0.3"} -> {"yaw": (15, "deg"), "smile": (0.5, ""), "#12": (0.3, "")}.

    12=0.3 means #12=0.3, which a shell wants quoted.

    Raises:
        LiaxError: For a text that is no setting, for a name twice and, if `required`, for none at all.
    """
    if required and not texts:
        raise LiaxError(
            "Nothing is to be changed; say what with --set, and see liax controls for what there is."
        )
    settings: dict[str | int, float | Amount] = {}
    for text in ",".join(texts).split(",") if texts else ():
        match = _SETTING.fullmatch(text)
        if match is None:
            raise LiaxError(
                f"{text.strip()!r} is no setting; write a control or motion vector and how much of it, "
                "such as yaw=15deg, smile=0.5 or #12=0.3."
            )
        name, unit = match[1].lower(), match[3].lower()
        name = f"#{name}" if name.isdigit() else name
        if name in settings:
            raise LiaxError(f"{name} is set twice; set it once.")
        settings[name] = Amount(float(match[2]), _UNITS.get(unit, unit))
    return settings


@dataclass(frozen=True)
class Edit:
    """What settings ask for, checked; v of equations (10) and (11) once it is known of which portrait.

    Args:
        exact_M: Change of the coefficients by the head's controls, which are degrees and positions, and by
            motion vectors by number.
        expression_M: By all other controls.
        limits: Where expressions stop, if anywhere.
    """

    exact_M: NDArray[np.floating]
    expression_M: NDArray[np.floating]
    limits: CoefficientLimits | None

    @classmethod
    def of(cls, settings: EditSettings, controls: Controls, force: bool = False) -> Edit:
        """Settings that share motion vectors add up.

        Args:
            force: Allow what is out of a control's range, beyond ±LARGEST_EDIT of a single vector, or further
                than faces go.

        Raises:
            LiaxError: For unknown names, units that are not the control's, values out of range, and always
                for what is no finite number that float32 can compute with.
        """
        exact_M, expression_M = np.zeros(controls.count), np.zeros(controls.count)
        for name, amount in settings.items():
            value, unit = amount if isinstance(amount, tuple) else Amount(amount)
            if not abs(value) <= _ABSURD:
                raise LiaxError(f"{name}={value:g} is no amount; give a finite number, at most {_ABSURD:g}.")
            if isinstance(name, int) or name.startswith("#"):
                exact_M[_vector(name, value, unit, controls.count, force)] += value
                continue
            control = controls[name]
            _check(control, value, unit, force)
            for index, per_unit in control.vectors.items():
                (exact_M if control.group == "head" else expression_M)[index] += value * per_unit
        return cls(exact_M, expression_M, None if force else controls.limits)

    def vector_for(self, alpha_M: NDArray[np.float32]) -> NDArray[np.float32]:
        """v on a portrait with these coefficients (M,), or on each of several (B, M).

        Expressions stop where faces do: who smiles already can smile little more.
        """
        turned_M = alpha_M + self.exact_M
        expression_M = self.expression_M
        if self.limits is not None:
            expression_M = self.limits.clamp(turned_M + expression_M, turned_M) - turned_M
        return np.broadcast_to(self.exact_M + expression_M, alpha_M.shape).astype(np.float32)


def edit_vector(settings: EditSettings, controls: Controls, force: bool = False) -> NDArray[np.float32]:
    """What `settings` ask for, on no portrait in particular: (M,) float32. Otherwise as `Edit.of`."""
    edit = Edit.of(settings, controls, force)
    return (edit.exact_M + edit.expression_M).astype(np.float32)


def _check(control: Control, value: float, unit: str, force: bool) -> None:
    if unit not in ("", control.unit):
        known = f"in {control.unit}" if control.unit else "a bare number"
        raise LiaxError(f"{control.name} is {known}, not in {unit}; give {control.name}={value:g}.")
    slack = _SLACK * (control.high - control.low)
    if not (force or control.low - slack <= value <= control.high + slack):
        exact = f" (verified to {control.verified_text})" if control.verified else ""
        raise LiaxError(
            f"{control.name}={value:g}{control.unit} is out of its range {control.range}{exact}; "
            "stay within it, or pass --force."
        )


def _vector(name: str | int, value: float, unit: str, count: int, force: bool) -> int:
    digits = str(name).removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and int(digits) < count):
        raise LiaxError(f"There is no motion vector {name}; these weights have #0 to #{count - 1}.")
    if unit:
        raise LiaxError(f"Motion vectors have no unit; give #{digits}={value:g}.")
    if not (force or abs(value) <= LARGEST_EDIT):
        raise LiaxError(
            f"#{digits}={value:g} is out of the range -{LARGEST_EDIT:g} to {LARGEST_EDIT:g}; "
            "stay within it, or pass --force."
        )
    return int(digits)


@dataclass(frozen=True)
class EditResult:
    """An edited portrait; pictures are RGB uint8.

    before, after: the face's square, or the whole picture without crop, of the same size: as it was, and as
    the network draws it with the edit.

    Args:
        picture_HW3: The result: `after`, or the full source picture with its own pixels changed in that way.
        edit_M: v of equation (11), what was added to the coefficients.
    """

    before_HW3: NDArray[np.uint8]
    after_HW3: NDArray[np.uint8]
    picture_HW3: NDArray[np.uint8]
    edit_M: NDArray[np.float32]


def edit_image(
    animator: Animator,
    source: Source,
    settings: EditSettings,
    *,
    crop: bool = True,
    face: int | None = None,
    paste: bool = False,
    force: bool = False,
) -> EditResult:
    """The portrait decoded from z = z_sr + Q (a_s + v)  (equation 11), v being what `settings` ask for.

    The network draws everything anew, so with v = 0 the result is its reconstruction of the source, not the
    source itself; pasted, it is the source.

    Args:
        settings, force: As in `Edit.of`.
        crop, face: As in `open_portrait`.
        paste: Make the change in the full picture instead (`liax.portrait.retouch`).

    Raises:
        LiaxError: For settings or a source that do not work, and for paste without crop.
    """
    edit = Edit.of(settings, animator.controls, force)
    if paste and not crop:
        raise LiaxError("Without a crop there is nothing to paste back into; leave out --paste or --no-crop.")
    portrait = open_portrait(animator, source, crop=crop, face=face)
    edit_M = edit.vector_for(portrait.alpha_M)
    alpha_M = portrait.alpha_M + edit_M
    (result_RR3,) = animator.render(portrait.encoded, [alpha_M])
    after_HW3 = portrait.from_square(result_RR3)
    picture_HW3 = PictureEditor(animator, portrait)(alpha_M) if paste else after_HW3
    return EditResult(portrait.from_square(portrait.square_RR3), after_HW3, picture_HW3, edit_M)


class PictureEditor:
    """A portrait's full picture, to be changed again and again in one drawing of the network each.

    still: opened with a crop. Made itself at the cost of another drawing.
    """

    def __init__(self, animator: Animator, portrait: Portrait) -> None:
        height, width, _ = portrait.picture_HW3.shape
        self._picture_HW3 = portrait.picture_HW3
        self._retouch = Retouch(portrait.framing.crop, width, height, animator.size)
        self._edit_delta = EditDelta(animator, portrait.encoded)

    def __call__(self, alpha_M: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The full picture, to its last row and column, changed to these coefficients; RGB uint8."""
        (change,) = self._edit_delta(alpha_M[None])
        picture_HW3 = self._picture_HW3.copy()
        picture_HW3[: self._retouch.height, : self._retouch.width] = self._retouch(picture_HW3, change)
        return picture_HW3
