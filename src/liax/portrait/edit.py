"""A portrait's pose and expression changed: equation (11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.portrait.animator import Animator
from liax.portrait.edits import Edit, Settings
from liax.portrait.retouch import Redrawing, Retouch
from liax.portrait.still import Source, Still, open_still


@dataclass(frozen=True)
class Edited:
    """An edited portrait; pictures are RGB uint8.

    before, after: the face's square, or the whole picture without crop, of the same size: as it was, and as
        the network draws it with the edit.
    picture_HW3: the result: `after`, or the full source picture with its own pixels changed in that way.
    edit_M: v of equation (11), what was added to the coefficients.
    """

    before_HW3: NDArray[np.uint8]
    after_HW3: NDArray[np.uint8]
    picture_HW3: NDArray[np.uint8]
    edit_M: NDArray[np.float32]


def edit_image(
    animator: Animator,
    source: Source,
    settings: Settings,
    *,
    crop: bool = True,
    face: int | None = None,
    paste: bool = False,
    force: bool = False,
) -> Edited:
    """The portrait decoded from z = z_sr + Q (a_s + v)  (equation 11), v being what `settings` ask for.

    The network draws everything anew, so with v = 0 the result is its reconstruction of the source, not the
    source itself; pasted, it is the source.

    settings, force: as in `Edit.of`. crop, face: as in `open_still`.
    paste: make the change in the full picture instead (`liax.portrait.retouch`).
    Raises LiaxError for settings or a source that do not work, and for paste without crop.
    """
    edit = Edit.of(settings, animator.controls, force)
    if paste and not crop:
        raise LiaxError("Without a crop there is nothing to paste back into; leave out --paste or --no-crop.")
    still = open_still(animator, source, crop=crop, face=face)
    edit_M = edit.on(still.alpha_M)
    alpha_M = still.alpha_M + edit_M
    (result_RR3,) = animator.render(still.encoded, [alpha_M])
    after_HW3 = still.shown(result_RR3)
    picture_HW3 = Pasting(animator, still)(alpha_M) if paste else after_HW3
    return Edited(still.shown(still.square_RR3), after_HW3, picture_HW3, edit_M)


class Pasting:
    """A portrait's full picture, to be changed again and again in one drawing of the network each.

    still: opened with a crop. Made itself at the cost of another drawing.
    """

    def __init__(self, animator: Animator, still: Still) -> None:
        height, width, _ = still.picture_HW3.shape
        self._picture_HW3 = still.picture_HW3
        self._retouch = Retouch(still.framing.crop, width, height, animator.size)
        self._redrawing = Redrawing(animator, still.encoded)

    def __call__(self, alpha_M: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The full picture, to its last row and column, changed to these coefficients; RGB uint8."""
        (change,) = self._redrawing(alpha_M[None])
        picture_HW3 = self._picture_HW3.copy()
        picture_HW3[: self._retouch.height, : self._retouch.width] = self._retouch(picture_HW3, change)
        return picture_HW3
