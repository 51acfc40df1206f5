"""Idle life: it loops, nothing repeats, and a seed decides."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from liax.errors import LiaxError
from liax.tracks import idle_track


@pytest.mark.parametrize("seed", range(5))
def test_the_end_leads_to_the_beginning(seed: int) -> None:
    """From the last frame to the first is no larger a step than within, blinks aside."""
    track = idle_track(10, seed)
    slow_TK = track.amounts_TK[:, [name != "blink" for name in track.controls]]
    steps_TK = np.abs(np.diff(slow_TK, axis=0))
    seam_K = np.abs(slow_TK[0] - slow_TK[-1])
    assert (seam_K <= 1.001 * steps_TK.max(0)).all()
    blink_T = track.amounts_TK[:, track.controls.index("blink")]
    assert blink_T[0] == blink_T[-1] == 0
    assert track.changes


def test_it_lives() -> None:
    track = idle_track(60, 1)
    blink_T = track.amounts_TK[:, track.controls.index("blink")]
    starts = np.flatnonzero((blink_T[1:] > 0.3) & (blink_T[:-1] <= 0.3)) / 25
    assert 8 <= len(starts) <= 30
    assert blink_T.max() <= 1
    pauses = np.diff(starts)
    assert pauses.std() > 0.3  # no metronome
    yaw_T = track.amounts_TK[:, track.controls.index("yaw")]
    assert yaw_T.std() == pytest.approx(1.6, rel=0.01)
    assert np.abs(yaw_T).max() < 8
    # No shift of a second or more, short of the whole, makes it look like itself.
    spectrum = np.abs(np.fft.rfft(yaw_T)) ** 2
    alike = np.fft.irfft(spectrum) / spectrum.sum() * len(yaw_T) / 2
    assert alike[75:-75].max() < 0.8 * alike[0]


def test_seeds() -> None:
    assert np.array_equal(idle_track(5, 7).amounts_TK, idle_track(5, 7).amounts_TK)
    assert not np.allclose(idle_track(5, 7).amounts_TK, idle_track(5, 8).amounts_TK)


def test_lengths_and_rates() -> None:
    track = idle_track(2.5, rate=Fraction(30))
    assert (len(track.timing), track.timing.length) == (75, 2.5)
    for seconds in (0, 1.9, 601, float("nan"), -5):
        with pytest.raises(LiaxError, match="lasts 2 to 600 s"):
            idle_track(seconds)
