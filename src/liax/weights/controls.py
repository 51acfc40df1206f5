"""What weights say about their own motion vectors: controls that a person can name, with ranges and units,
and how far coefficients go on real faces."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.weights import files
from liax.weights.loading import open_weights

# The key of a weights file's metadata under which its reach lies as JSON.
LIMITS_KEY = "reach"
# Of the material's faces, how many may lie beyond on each side.
_BEYOND = 0.005


@dataclass(frozen=True, eq=False)
class CoefficientLimits:
    """Each coefficient's lowest and highest value on all but the rarest faces of the training material, (M,).

    Additions know nothing of where they start: a smile added to a smile is one that nobody has, and the
    network draws it as badly as that sounds.
    """

    low_M: NDArray[np.float64]
    high_M: NDArray[np.float64]

    @classmethod
    def of(cls, alpha_NM: NDArray[np.floating]) -> CoefficientLimits:
        """That of N faces, best thousands of many people."""
        low_M, high_M = np.quantile(alpha_NM, (_BEYOND, 1 - _BEYOND), axis=0)
        return cls(low_M, high_M)

    def clamp(self, alpha_M: NDArray[np.floating], *seen_M: NDArray[np.floating]) -> NDArray[np.floating]:
        """Coefficients (M,) that go no further than this, or than some that a face was seen to have.

        Several at once, (B, M), each beside those that were seen of the same face.
        """
        return alpha_M.clip(reduce(np.minimum, seen_M, self.low_M), reduce(np.maximum, seen_M, self.high_M))

    def to_json(self) -> str:
        return json.dumps({"low": self.low_M.round(4).tolist(), "high": self.high_M.round(4).tolist()})


def read_limits(metadata: Mapping[str, str], count: int) -> CoefficientLimits | None:
    """What a weights file's metadata says of its `count` coefficients; None where it says nothing.

    Raises:
        LiaxError: For what is no reach.
    """
    text = metadata.get(LIMITS_KEY)
    if text is None:
        return None
    try:
        values = json.loads(text)
        low_M, high_M = (np.array(values[end], np.float64) for end in ("low", "high"))
        if low_M.shape != (count,) or high_M.shape != (count,) or not (low_M <= high_M).all():
            raise ValueError(f"it is not {count} ordered pairs of numbers")
    except (ValueError, TypeError, KeyError) as error:
        raise LiaxError(
            f"The weights' reach cannot be used ({error}); get or make the weights anew."
        ) from error
    return CoefficientLimits(low_M, high_M)


# In the order in which they are listed and drawn.
GROUPS = ("head", "mouth", "eyes", "brows", "gaze", "other")
# The key of a weights file's metadata under which its controls lie as JSON.
CONTROLS_KEY = "controls"


@dataclass(frozen=True)
class VerifiedRange:
    """Where a control gives what is asked of it, as was measured on people on whom it was not calibrated.

    Args:
        low, high: The range of which that holds, low <= 0 <= high.
        tolerance: What may be missed by, root mean square over people; all three in the control's units.
        share: Part of the tries in that range, 0 to 1, which were within the tolerance.
    """

    low: float
    high: float
    tolerance: float
    share: float

    def __post_init__(self) -> None:
        if not (-math.inf < self.low <= 0 <= self.high < math.inf and self.low < self.high):
            raise ValueError(f"what is promised has an impossible range: {self.low} to {self.high}")
        if not (0 < self.tolerance < math.inf and 0 <= self.share <= 1):
            raise ValueError(f"{self.share} of tries within {self.tolerance} is no promise")


@dataclass(frozen=True)
class Control:
    """A named direction in motion space; 0 leaves the picture as it is.

    Args:
        name: Lower case, such as "yaw".
        group: One of GROUPS.
        vectors: Motion vector's index -> change of its coefficient per unit of the control.
        low, high: The range in which pictures hold together, in units; low < 0 < high, or one of them 0.
        unit: "deg" for degrees, "" for a bare number.
        meaning: What growing values do, and what else is to be known of it: "turns to the viewer's right;
            leaks 18 % into wink".
        verified: The part of the range in which as much arrives as is asked for; None where nobody measured
            that.
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
            raise ValueError(f"control {self.name} promises more than its range")

    @property
    def range(self) -> str:
        """ "-25 to 25 deg", as people are told."""
        return f"{self.low:g} to {self.high:g} {self.unit}".rstrip()

    @property
    def movement(self) -> str:
        """The meaning without what follows a semicolon, such as how much the control leaks into others."""
        return self.meaning.partition(";")[0]

    @property
    def verified_text(self) -> str:
        """ "±4 in -10 to 12", as people are told beside the range; "" where nothing is promised."""
        if self.verified is None:
            return ""
        return f"±{self.verified.tolerance:.2g} in {self.verified.low:g} to {self.verified.high:g}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values as weights' metadata and results keep them, where `verified` is called "promise"."""
        values = asdict(self)
        promise = values.pop("verified")
        return values | {"promise": promise}


@dataclass(frozen=True)
class Controls:
    """All controls of one set of weights.

    Args:
        count: Number M of motion vectors.
        limits: How far faces go in each; None where the weights do not say.
    """

    count: int
    items: tuple[Control, ...] = field(default=())
    limits: CoefficientLimits | None = None

    def __iter__(self) -> Iterator[Control]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, name: str) -> Control:
        """The control called `name`; raises LiaxError that lists them, or those of the group called so."""
        for control in self.items:
            if control.name == name:
                return control
        if members := [control.name for control in self.items if control.group == name]:
            raise LiaxError(f"{name} is a group of controls; name one of them: {', '.join(members)}.")
        names = [control.name for control in self.items]
        meant = get_close_matches(name, names, 1)
        hint = f"did you mean {meant[0]}? They have" if meant else "they have"
        raise LiaxError(
            f"These weights have no control {name!r}; {hint}: {', '.join(names) or 'none'}, "
            f"and motion vectors by number, #0 to #{self.count - 1}."
        )

    @property
    def directions_MK(self) -> NDArray[np.float64]:
        """Each control's change of the coefficients per unit, as columns."""
        directions_MK = np.zeros((self.count, len(self.items)))
        for k, control in enumerate(self.items):
            for index, amount in control.vectors.items():
                directions_MK[index, k] = amount
        return directions_MK

    def to_json(self) -> str:
        return json.dumps([control.to_dict() for control in self.items])


def read_controls(metadata: Mapping[str, str], count: int) -> Controls:
    """The controls and the reach that a weights file's metadata carries; none where it carries none.

    Args:
        count: The weights' number M of motion vectors.

    Raises:
        LiaxError: For what is no list of controls.
    """
    limits = read_limits(metadata, count)
    text = metadata.get(CONTROLS_KEY)
    if text is None:
        return Controls(count, limits=limits)
    try:
        items = tuple(_control(values, count) for values in json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise LiaxError(f"The weights' controls cannot be used ({error}); get or make them anew.") from error
    names: Sequence[str] = [control.name for control in items]
    if len(set(names)) < len(names):
        raise LiaxError("The weights' controls share a name; get or make the weights anew.")
    return Controls(count, items, limits)


def set_controls(
    name_or_path: str | os.PathLike[str], out: str | os.PathLike[str], controls: Iterable[Control]
) -> None:
    """Write weights (named as for `load`) as `out` with these controls instead of their own, bit for bit.

    Args:
        out: May be the weights' own file, which is then replaced as a whole.

    Raises:
        LiaxError: For a file that is not liax's, for controls that do not fit it, and when it cannot write.
    """
    stored = open_weights(name_or_path)
    count = stored.config.vectors
    metadata = stored.metadata | {CONTROLS_KEY: Controls(count, tuple(controls)).to_json()}
    read_controls(metadata, count)
    files.write(Path(out), stored._replace(metadata=metadata))


def _control(values: dict[str, Any], count: int) -> Control:
    vectors = {int(index): float(amount) for index, amount in values["vectors"].items()}
    if not all(0 <= index < count for index in vectors):
        raise ValueError(f"{values['name']} moves a vector that does not exist")
    verified = values.pop("promise", None)
    return Control(**{**values, "vectors": vectors}, verified=verified and VerifiedRange(**verified))
