"""Controls and coefficient limits, which a weights file carries in its metadata as JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.bounded import parse_json, short
from liax.errors import LiaxError, UnknownControlError

# The key of the coefficient limits in a weights file's metadata.
LIMITS_KEY = "reach"
# The share of training faces that may lie outside the limits, on each side.
_OUTSIDE = 0.005


@dataclass(frozen=True, eq=False)
class CoefficientLimits:
    """Lowest and highest value of every coefficient on 99 % of the training faces.

    Transfer and edits add to a portrait's coefficients wherever these are: a smile added to a smile is wider
    than any in the training data, and the network draws it badly. The limits stop such sums.

    Args:
        low_M, high_M: One value for each motion vector, low <= high.
    """

    low_M: NDArray[np.float64]
    high_M: NDArray[np.float64]

    @classmethod
    def of(cls, alpha_NM: NDArray[np.floating]) -> CoefficientLimits:
        """The limits of N faces' coefficients; use thousands of faces of many people."""
        low_M, high_M = np.quantile(alpha_NM, (_OUTSIDE, 1 - _OUTSIDE), axis=0)
        return cls(low_M, high_M)

    def clamp(self, alpha_M: NDArray[np.floating], *seen_M: NDArray[np.floating]) -> NDArray[np.floating]:
        """The coefficients, clamped to the limits.

        Args:
            alpha_M: One face's coefficients, or several faces' as (B, M).
            seen_M: Coefficients that were measured on the same face, in the same shape. Values up to these
                are allowed too.
        """
        return alpha_M.clip(reduce(np.minimum, seen_M, self.low_M), reduce(np.maximum, seen_M, self.high_M))

    def to_json(self) -> str:
        return json.dumps({"low": self.low_M.round(4).tolist(), "high": self.high_M.round(4).tolist()})


def read_limits(metadata: Mapping[str, str], count: int) -> CoefficientLimits | None:
    """The coefficient limits in a weights file's metadata, or None if it has none.

    Args:
        metadata: Of the weights file.
        count: The weights' number M of motion vectors.

    Raises:
        LiaxError: If the limits are not M ordered pairs of numbers.
    """
    text = metadata.get(LIMITS_KEY)
    if text is None:
        return None
    try:
        values = parse_json(text)
        low_M, high_M = (np.array(values[end], np.float64) for end in ("low", "high"))
        if low_M.shape != (count,) or high_M.shape != (count,) or not (low_M <= high_M).all():
            raise ValueError(f"it is not {count} ordered pairs of numbers")
        if not (np.isfinite(low_M).all() and np.isfinite(high_M).all()):
            raise ValueError("they are not finite")
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise LiaxError(
            f"The weights' coefficient limits cannot be used ({short(error)})",
            "download or export the weights again",
        ) from error
    return CoefficientLimits(low_M, high_M)


_LONGEST_NAME = 100

# The groups of controls, in the order in which they are listed and drawn.
GROUPS = ("head", "mouth", "eyes", "brows", "gaze", "other")
# The key of the controls in a weights file's metadata.
CONTROLS_KEY = "controls"


@dataclass(frozen=True)
class VerifiedRange:
    """The range in which a control changes its factor by the amount requested.

    It is measured on people on whom the control was not calibrated.

    Args:
        low, high: The range in the control's unit, low <= 0 <= high.
        tolerance: Largest error counted as a success, a root mean square over people, in the control's unit.
        share: Share of the measurements in the range that are within the tolerance, from 0 to 1.
    """

    low: float
    high: float
    tolerance: float
    share: float

    def __post_init__(self) -> None:
        if not (-math.inf < self.low <= 0 <= self.high < math.inf and self.low < self.high):
            raise ValueError(f"a verified range is impossible: {self.low} to {self.high}")
        if not (0 < self.tolerance < math.inf and 0 <= self.share <= 1):
            raise ValueError(
                f"a verified range has an impossible tolerance ({self.tolerance}, share {self.share})"
            )


@dataclass(frozen=True)
class Control:
    """A named direction in motion space; the value 0 changes nothing.

    Args:
        name: In lower case, such as "yaw".
        group: One of GROUPS.
        vectors: Index of a motion vector -> change of its coefficient per unit of the control.
        low, high: The range in which pictures stay intact, in the control's unit; low <= 0 <= high.
        unit: "deg" for degrees, "" for a bare number.
        meaning: What increasing the value does; remarks follow a semicolon: "turns to the viewer's right;
            leaks 18 % into wink".
        verified: The part of the range in which the control was verified; None if it was not.
    """

    name: str
    group: str
    vectors: Mapping[int, float]
    low: float
    high: float
    unit: str = ""
    meaning: str = ""
    verified: VerifiedRange | None = None

    def __post_init__(self) -> None:
        if self.group not in GROUPS:
            raise ValueError(f"control {self.name} is of no known group: {self.group}")
        if not (-math.inf < self.low <= 0 <= self.high < math.inf and self.low < self.high):
            raise ValueError(f"control {self.name} has an impossible range: {self.low} to {self.high}")
        if not self.vectors or not all(map(math.isfinite, self.vectors.values())):
            raise ValueError(f"control {self.name} moves no vector by a finite amount")
        if self.verified and not self.low <= self.verified.low < self.verified.high <= self.high:
            raise ValueError(f"control {self.name} has a verified range outside its range")

    @property
    def range(self) -> str:
        """The range as text: "-25 to 25 deg"."""
        return f"{self.low:g} to {self.high:g} {self.unit}".rstrip()

    @property
    def movement(self) -> str:
        """The meaning without its remarks."""
        return self.meaning.partition(";")[0]

    @property
    def verified_text(self) -> str:
        """The verified range as text: "±4 in -10 to 12"; "" if there is none."""
        if self.verified is None:
            return ""
        return f"±{self.verified.tolerance:.2g} in {self.verified.low:g} to {self.verified.high:g}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as weights files and results.json store them; `verified` is stored as "promise"."""
        values = asdict(self)
        values["promise"] = values.pop("verified")
        return values


@dataclass(frozen=True)
class Controls:
    """All controls of one set of weights.

    Args:
        count: Number M of motion vectors.
        items: The controls.
        limits: The coefficient limits, if the weights have them.
    """

    count: int
    items: tuple[Control, ...] = field(default=())
    limits: CoefficientLimits | None = None

    def __iter__(self) -> Iterator[Control]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, name: str) -> Control:
        """The control called `name`.

        Raises:
            UnknownControlError: If there is none.
            LiaxError: If `name` is a group; the message lists the group's controls.
        """
        for control in self.items:
            if control.name == name:
                return control
        if members := [control.name for control in self.items if control.group == name]:
            raise LiaxError(f"{name} is a group of controls", f"name one of them: {', '.join(members)}")
        names = tuple(control.name for control in self.items)
        name = name[:_LONGEST_NAME]
        raise UnknownControlError(name, names, next(iter(get_close_matches(name, names, 1)), None))

    @property
    def directions_MK(self) -> NDArray[np.float64]:
        """(M, K): column k is the change of the coefficients per unit of control k."""
        directions_MK = np.zeros((self.count, len(self.items)))
        for k, control in enumerate(self.items):
            for index, amount in control.vectors.items():
                directions_MK[index, k] = amount
        return directions_MK

    def to_json(self) -> str:
        return json.dumps([control.to_dict() for control in self.items])


def read_controls(metadata: Mapping[str, str], count: int) -> Controls:
    """The controls and coefficient limits in a weights file's metadata; both may be missing.

    Args:
        metadata: Of the weights file.
        count: The weights' number M of motion vectors.

    Raises:
        LiaxError: If they cannot be read.
    """
    limits = read_limits(metadata, count)
    text = metadata.get(CONTROLS_KEY)
    if text is None:
        return Controls(count, limits=limits)
    try:
        listed = parse_json(text)
        if len(listed) > _MOST:
            raise ValueError(f"there are more than {_MOST}")
        items = tuple(_control(values, count) for values in listed)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise LiaxError(
            f"The weights' controls cannot be used ({short(error)})", "download or export the weights again"
        ) from error
    names: Sequence[str] = [control.name for control in items]
    if len(set(names)) < len(names):
        raise LiaxError("The weights' controls share a name", "download or export the weights again")
    return Controls(count, items, limits)


def _control(values: dict[str, Any], count: int) -> Control:
    for key, pattern in _TEXTS.items():
        text = values.get(key, "")
        if not isinstance(text, str) or pattern.fullmatch(text) is None:
            raise ValueError(f"{short(text, 40)} is no {key} of a control")
    vectors = {int(index): float(amount) for index, amount in values["vectors"].items()}
    if not all(0 <= index < count for index in vectors):
        raise ValueError(f"{values['name']} moves a vector that does not exist")
    verified = values.pop("promise", None)
    control = Control(**{**values, "vectors": vectors}, verified=verified and VerifiedRange(**verified))
    if max(-control.low, control.high) * max(1.0, *map(abs, vectors.values())) > _LARGEST:
        raise ValueError(f"control {control.name} changes faces by an impossible amount")
    return control


_MOST = 1000  # controls
_LARGEST = 1e6  # change of a coefficient at the end of a control's range; real ones are about 1
_TEXTS = {
    "name": re.compile(rf"[a-z][a-z0-9._+-]{{0,{_LONGEST_NAME - 1}}}"),
    "unit": re.compile(r"(deg)?"),
    "meaning": re.compile(r".{0,1000}", re.DOTALL),
}
