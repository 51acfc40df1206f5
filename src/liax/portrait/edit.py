"""A portrait's pose and expression changed (equation 11)."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.errors import OptionError
from liax.marking import Provenance
from liax.options import EditOptions, EditSettings
from liax.portrait.animator import Animator
from liax.portrait.device_retouch import retouch_on
from liax.portrait.edit_vector import Edit
from liax.portrait.provenance import provenance_of
from liax.portrait.retouch import EditDelta
from liax.portrait.source import Portrait, Source, open_portrait
from liax.portrait.transparency import Cutout

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EditResult:
    """An edited portrait; pictures are RGB uint8.

    Args:
        before_HW3, after_HW3: The face's square, or the whole picture without crop, of the same size: as it
            was, and as the network draws it with the edit.
        picture_HW3: The result: `after_HW3`, or the full source picture with its own pixels changed in
            that way. RGBA (H, W, 4) where transparency was asked for and is there.
        portrait: What was edited.
        edit_M: v of equation (11), what was added to the coefficients.
        provenance: How it was made, for the file.
    """

    before_HW3: NDArray[np.uint8]
    after_HW3: NDArray[np.uint8]
    picture_HW3: NDArray[np.uint8]
    edit_M: NDArray[np.float32]
    portrait: Portrait
    provenance: Provenance


def edit_image(
    animator: Animator,
    source: Source,
    settings: EditSettings,
    options: EditOptions = EditOptions(),  # noqa: B008 - frozen
    *,
    transparent: bool = False,
) -> EditResult:
    """The portrait decoded from z = z_sr + Q (a_s + v)  (equation 11), v being what `settings` ask for.

    The network draws everything anew, so with v = 0 the result is its reconstruction of the source, not the
    source itself; pasted, it is the source.

    Args:
        settings: Controls and motion vectors, and how much of each.
        transparent: Whether the result is RGBA where the source is a file with transparency.

    Raises:
        LiaxError: For settings or a source that do not work, and for paste without crop.
    """
    edit = Edit.of(settings, animator.controls, options.force)
    check_paste(options.paste, options.crop)
    portrait = open_portrait(animator, source, options)
    pose = portrait.pose if edit.turns else {}
    edit_M = edit.vector_for(portrait.alpha_M, pose)
    if sentence := edit.held_back(pose):
        log.warning(sentence)
    alpha_M = portrait.alpha_M + edit_M
    (result_RR3,) = animator.render(portrait.encoded, [alpha_M])
    after_HW3 = portrait.from_square(result_RR3)
    if transparent and portrait.alpha_HW is not None:
        (change,) = EditDelta(animator, portrait.encoded)(alpha_M[None])
        picture_HW3 = Cutout(animator, portrait, options.paste)(change)
    else:
        picture_HW3 = PictureEditor(animator, portrait)(alpha_M) if options.paste else after_HW3
    before_HW3 = portrait.from_square(portrait.square_RR3)
    provenance = provenance_of(animator, "edit", source=portrait)
    return EditResult(before_HW3, after_HW3, picture_HW3, edit_M, portrait, provenance)


class PictureEditor:
    """A portrait's full picture, to be changed again and again in one drawing of the network each.

    Args:
        portrait: Opened with a crop. Making the editor costs another drawing.
    """

    def __init__(self, animator: Animator, portrait: Portrait) -> None:
        height, width, _ = portrait.picture_HW3.shape
        self._picture_HW3 = portrait.picture_HW3
        self._retouch = retouch_on(animator, portrait.framing.crop, width, height)
        self._edit_delta = EditDelta(animator, portrait.encoded)

    def __call__(self, alpha_M: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The full picture, to its last row and column, changed to these coefficients; RGB uint8."""
        (change,) = self._edit_delta(alpha_M[None])
        picture_HW3 = self._picture_HW3.copy()
        picture_HW3[: self._retouch.height, : self._retouch.width] = self._retouch(picture_HW3, change)
        return picture_HW3


def check_paste(paste: bool, crop: bool) -> None:
    """Raise OptionError for pasting a portrait back that was not cut out."""
    if paste and not crop:
        raise OptionError(
            {"paste": True, "crop": False}, "Without a crop there is nothing to paste back into"
        )
