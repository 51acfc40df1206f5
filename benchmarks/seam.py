"""How visible is the seam around a face that was put back into its picture?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from liax.portrait.feather import FeatheredSquare

# The seam is where picture and result meet: this much of the feather from its border inwards. Further in, the
# face may have moved, and gradients there would tell of what is shown and not of how it is joined.
SEAM = 1 / 8


def seam_gradient(picture_HW3: NDArray[np.uint8], place: FeatheredSquare) -> float:
    """Mean |difference| of neighbouring pixels across the seam, in grey levels.

    Taken across every closed line parallel to the border of what may change: the first between the last
    pixel that stays the picture's own and the first that may not, the last at SEAM of the feather. Where the
    picture ends first there is no seam; NaN when that is so on all sides.
    """
    grey_HW = picture_HW3[: place.height, : place.width].astype(np.float64).mean(-1)
    left, top, right, bottom = place.window
    depth = max(1, round(SEAM * place.feather * max(right - left, bottom - top)))
    differences = []
    for d in range(depth):
        rows, columns = slice(top + d, bottom - d), slice(left + d, right - d)
        if left > 0:
            differences.append(grey_HW[rows, left + d] - grey_HW[rows, left + d - 1])
        if right < place.width:
            differences.append(grey_HW[rows, right - d - 1] - grey_HW[rows, right - d])
        if top > 0:
            differences.append(grey_HW[top + d, columns] - grey_HW[top + d - 1, columns])
        if bottom < place.height:
            differences.append(grey_HW[bottom - d - 1, columns] - grey_HW[bottom - d, columns])
    return float(np.abs(np.concatenate(differences)).mean()) if differences else float("nan")


def seam_ratio(before_HW3: NDArray[np.uint8], after_HW3: NDArray[np.uint8], place: FeatheredSquare) -> float:
    """The result's gradient across the seam over the picture's own there; 1 where there is no seam."""
    before, after = seam_gradient(before_HW3, place), seam_gradient(after_HW3, place)
    return 1.0 if np.isnan(before) else after / max(before, 0.1)
