from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.interpretation.figures import STRIP_FACE_SIDE, draw_strips
from liax.model import LIAX
from liax.portrait import Animator
from liax.weights.controls import Control

LIGHT = Control("light", "other", {0: 0.5}, -2, 2)
OTHER = Control("#3", "other", {3: 1.0}, 0, 1)


def test_a_row_a_face_a_column_a_value(tiny: LIAX, portrait_HW3: NDArray[np.uint8], tmp_path: Path) -> None:
    animator = Animator(tiny, "cpu")
    faces = {"one": portrait_HW3, "two": portrait_HW3[::-1].copy()}
    told: list[tuple[int, int | None]] = []
    paths = draw_strips(
        animator,
        faces,
        [LIGHT, OTHER],
        tmp_path,
        crop=False,
        progress=lambda stage, done, total: told.append((done, total)),
    )
    assert told[-1] == (20, 20)
    strip = np.asarray(Image.open(paths[0]).convert("RGB"), np.float64)
    assert strip.shape == (2 * STRIP_FACE_SIDE, 5 * STRIP_FACE_SIDE, 3)
    cells = strip.reshape(2, STRIP_FACE_SIDE, 5, STRIP_FACE_SIDE, 3).swapaxes(1, 2)
    still_HW3 = next(animator.animate(faces["two"], [faces["two"]]))
    middle = Image.fromarray(still_HW3).resize((STRIP_FACE_SIDE, STRIP_FACE_SIDE), Image.Resampling.LANCZOS)
    assert np.abs(cells[1, 2] - np.asarray(middle)).mean() < 4  # at 0 it is the reconstruction
    assert np.abs(cells[0, 0] - cells[0, 4]).mean() > np.abs(cells[0, 1] - cells[0, 3]).mean() > 0

    written = [path.stat().st_mtime_ns for path in paths]
    assert draw_strips(animator, faces, [LIGHT, OTHER], tmp_path, crop=False) == paths
    assert [path.stat().st_mtime_ns for path in paths] == written
    wider = Control("light", "other", {0: 0.5}, -3, 3)
    assert draw_strips(animator, faces, [wider], tmp_path, crop=False)[0] not in paths
