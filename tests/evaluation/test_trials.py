"""Contact sheets."""

from __future__ import annotations

import numpy as np

from liax.evaluation.trials import contact_sheet, pick_highlights


def test_the_liveliest_moments_keep_apart() -> None:
    assert pick_highlights(np.arange(40.0), np.arange(40), highlights=3) == [31, 35, 39]
    assert pick_highlights(np.arange(40.0), np.array([0, 20, 38]), highlights=3) == [0, 20, 38]


def test_a_sheet_shows_source_driving_output_and_their_difference() -> None:
    driving, output, source = (np.full((32, 32, 3), level, np.uint8) for level in (200, 150, 90))
    sheet = contact_sheet(source, {7: (driving, output), 3: (output, output)}, paired=True)
    found = {tuple(colour) for colour in sheet.reshape(-1, 3)[::7].tolist()}
    assert {(200,) * 3, (150,) * 3, (90,) * 3, (50,) * 3, (0,) * 3} <= found
    below = contact_sheet(source, {7: (driving, output)}, paired=False)
    assert below.shape[0] < sheet.shape[0]
    assert below.shape[1] < sheet.shape[1]
