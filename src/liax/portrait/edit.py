"""A portrait's pose and expression changed: equation (11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.portrait.animator import Animator
from liax.portrait.edits import Settings, edit_vector
from liax.portrait.paste import Paste
from liax.portrait.still import Source, Still, open_still


@dataclass(frozen=True)
class Edited:
    """An edited portrait; pictures are RGB uint8.

    before, after: the face's square, or the whole picture without crop, of the same size: as it was, and as
        the network draws it with the edit.
    picture_HW3: the result: `after`, or the full source picture with `after` in its place.
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
    source itself.

    settings, force: as in `edit_vector`. crop, face: as in `open_still`.
    paste: put the result back into the full picture.
    Raises LiaxError for settings or a source that do not work, and for paste without crop.
    """
    edit_M = edit_vector(settings, animator.controls, force)
    if paste and not crop:
        raise LiaxError("Without a crop there is nothing to paste back into; leave out --paste or --no-crop.")
    still = open_still(animator, source, crop=crop, face=face)
    (result_RR3,) = animator.render(still.encoded, [still.alpha_M + edit_M])
    after_HW3 = still.shown(result_RR3)
    picture_HW3 = _pasted(still, result_RR3) if paste else after_HW3
    return Edited(still.shown(still.square_RR3), after_HW3, picture_HW3, edit_M)


def _pasted(still: Still, result_RR3: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The full picture, to its last row and column, with the result in the square it was cut from."""
    assert still.framing.crop is not None
    paste = Paste(still.picture_HW3, still.framing.crop, len(result_RR3))
    picture_HW3 = still.picture_HW3.copy()
    picture_HW3[: paste.height, : paste.width] = paste(result_RR3)
    return picture_HW3
