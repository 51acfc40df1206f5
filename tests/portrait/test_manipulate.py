"""Sweeps and orbits: which coefficients are decoded when, and what becomes of them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.model import LIAX, Encoded
from liax.options import ManipulateOptions
from liax.portrait import source
from liax.portrait.animator import Animator
from liax.portrait.clip import write_clip
from liax.portrait.edit import edit_image
from liax.portrait.manipulate import orbit, orbit_sheet, sweep, sweep_sheet
from liax.portrait.source import Portrait, open_portrait
from liax.weights.controls import CoefficientLimits, Control, Controls

CONTROLS = Controls(
    8,
    (
        Control("yaw", "head", {1: 0.02, 3: -0.01}, -40, 20, "deg"),
        Control("pitch", "head", {2: 0.03}, -15, 15, "deg"),
        Control("smile", "mouth", {5: 2.0}, 0, 0.5),
        Control("shut", "eyes", {6: 1.0}, -0.8, 0),
    ),
)


class Recorder(Animator):
    """Keeps the coefficients that it is to decode."""

    def render(
        self, source: Encoded, alphas: Iterable[NDArray[np.floating]], batch: int | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        self.asked = list(alphas)
        return super().render(source, iter(self.asked), batch)


@pytest.fixture(scope="module")
def animator(tiny: LIAX) -> Recorder:
    animator = Recorder(tiny, "cpu")
    animator.controls = CONTROLS
    return animator


@pytest.fixture(scope="module")
def portrait(animator: Recorder, portrait_HW3: NDArray[np.uint8]) -> Portrait:
    """As if its head looked straight ahead; the pose takes from the ranges."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "measure_pose", lambda square_RR3: {"yaw": 0.0, "pitch": 0.0, "roll": 0.0})
        portrait = open_portrait(animator, portrait_HW3)
        assert portrait.pose["yaw"] == 0
    return portrait


def edits(animator: Recorder, portrait: Portrait) -> NDArray[np.floating]:
    return np.stack(animator.asked) - portrait.alpha_M


def leg(start: float, end: float) -> NDArray[np.floating]:
    return np.linspace(start, end, 17)[1:]


def test_sweep_as_published(animator: Recorder, portrait: Portrait) -> None:
    clip = sweep(animator, portrait, ["yaw", "#7"])
    frames = list(clip.frames)
    assert (clip.rate, clip.width, clip.height, clip.total) == (12, 64, 64, 129)
    assert [time for time, _ in frames] == [Fraction(i, 12) for i in range(129)]
    yaw = np.concatenate([[0], leg(0, 20), leg(20, 0), leg(0, -40), leg(-40, 0), np.zeros(64)])
    seventh = np.concatenate([np.zeros(65), leg(0, 0.8), leg(0.8, 0), leg(0, -0.8), leg(-0.8, 0)])
    expected_NM = np.outer(yaw, CONTROLS.directions_MK[:, 0]) + np.outer(seventh, np.eye(8)[7])
    np.testing.assert_allclose(edits(animator, portrait), expected_NM, atol=1e-6)
    assert alike(frames[16][1], edit_image(animator, portrait, {"yaw": 20}).picture_HW3).all()


def test_sweeps_of_expressions_stop_where_faces_do(
    animator: Recorder, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_M = np.abs(portrait.alpha_M) + 0.25
    monkeypatch.setattr(animator, "controls", replace(CONTROLS, limits=CoefficientLimits(-end_M, end_M)))
    list(sweep(animator, portrait, ["yaw", "smile"]).frames)
    turned_N, smiling_N = edits(animator, portrait)[:, [1, 5]].T
    assert turned_N.max() == pytest.approx(0.4)  # a head turns as many degrees as are asked for
    assert smiling_N.max() == pytest.approx(end_M[5] - portrait.alpha_M[5], abs=1e-6)


@pytest.mark.parametrize(("name", "index", "end"), [("smile", 5, 1.0), ("shut", 6, -0.8)])
def test_one_sided_range_is_swept_twice(
    animator: Recorder, portrait: Portrait, name: str, index: int, end: float
) -> None:
    assert len(list(sweep(animator, portrait, [name], ManipulateOptions(extent=0.5)).frames)) == 65
    once = [leg(0, end / 2), leg(end / 2, 0)]
    np.testing.assert_allclose(
        edits(animator, portrait)[:, index], np.concatenate([[0], *once, *once]), atol=1e-6
    )


def test_labels(animator: Recorder, portrait: Portrait) -> None:
    plain = [picture for _, picture in sweep(animator, portrait, ["yaw", "smile"]).frames]
    named = [
        picture
        for _, picture in sweep(animator, portrait, ["yaw", "smile"], ManipulateOptions(label=True)).frames
    ]
    changed = [(a != b).any(-1) for a, b in zip(plain, named, strict=True)]
    assert all(0 < c[40:].sum() < 1500 and not c[:40].any() for c in changed)
    right = [np.nonzero(c.any(0))[0].max() for c in changed]
    assert max(right[:65]) < min(right[65:])  # "smile" is longer than "yaw"


def coordinates(edits_NM: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Yaw and pitch in degrees, of edits that consist of nothing else."""
    yaw_N, pitch_N = edits_NM[:, 1] / 0.02, edits_NM[:, 2] / 0.03
    expected_NM = np.outer(yaw_N, CONTROLS.directions_MK[:, 0]) + np.outer(
        pitch_N, CONTROLS.directions_MK[:, 1]
    )
    np.testing.assert_allclose(edits_NM, expected_NM, atol=1e-6)
    return yaw_N, pitch_N


@settings(max_examples=15)
@given(extent=st.floats(0.01, 1), turns=st.integers(1, 3), seconds=st.floats(0.3, 1.5))
def test_orbit_is_a_closed_ellipse_within_the_ranges(
    animator: Recorder, portrait: Portrait, extent: float, turns: int, seconds: float
) -> None:
    clip = orbit(animator, portrait, ManipulateOptions(extent=extent, turns=turns, seconds=seconds))
    next(clip.frames)
    count = round(25 * seconds)
    assert (clip.rate, clip.total) == (25, turns * count)
    yaw_N, pitch_N = coordinates(edits(animator, portrait)[:count])
    assert yaw_N.min() >= -40 * extent - 1e-3
    assert yaw_N.max() <= 20 * extent + 1e-3
    across, along = (yaw_N / extent + 10) / 30, pitch_N / extent / 15
    np.testing.assert_allclose(across**2 + along**2, 1, atol=1e-3)
    # Even steps, the one from the last frame to the first included.
    steps = np.hypot(np.roll(across, -1) - across, np.roll(along, -1) - along)
    np.testing.assert_allclose(steps, 2 * np.sin(np.pi / count), atol=1e-3)


def test_turns_repeat(animator: Recorder, portrait: Portrait) -> None:
    pictures = [
        picture for _, picture in orbit(animator, portrait, ManipulateOptions(turns=2, seconds=0.4)).frames
    ]
    assert len(pictures) == 20
    np.testing.assert_array_equal(pictures[:10], pictures[10:])


def test_sweep_sheet(animator: Recorder, portrait: Portrait) -> None:
    sheet_HW3 = sweep_sheet(animator, portrait, ["yaw", "smile", "2"])
    expected_NM = np.zeros((15, 8))
    expected_NM[:5] = np.outer([-40, -20, 0, 10, 20], CONTROLS.directions_MK[:, 0])
    expected_NM[5:10, 5] = np.array([0, 0.125, 0.25, 0.375, 0.5]) * 2
    expected_NM[10:, 2] = -0.8, -0.4, 0, 0.4, 0.8
    np.testing.assert_allclose(edits(animator, portrait), expected_NM, atol=1e-6)
    right_HW3 = edit_image(animator, portrait, {"yaw": 20}).picture_HW3
    assert holds(sheet_HW3, right_HW3)[0] > sheet_HW3.shape[1] - 80


def test_orbit_sheet(animator: Recorder, portrait: Portrait) -> None:
    sheet_HW3 = orbit_sheet(animator, portrait, ManipulateOptions(extent=0.5))
    yaw_N, pitch_N = coordinates(edits(animator, portrait))
    np.testing.assert_allclose(yaw_N.reshape(5, 5), [[-20, -10, 0, 5, 10]] * 5, atol=1e-3)
    np.testing.assert_allclose(pitch_N.reshape(5, 5).T, [[7.5, 3.75, 0, -3.75, -7.5]] * 5, atol=1e-3)
    up_left = edit_image(animator, portrait, {"yaw": -20, "pitch": 7.5}).picture_HW3
    assert max(holds(sheet_HW3, up_left)) < 30


def alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The same but for rounding, which depends on how many frames are computed at once."""
    return np.abs(one.astype(int) - other) <= 1


def holds(sheet_HW3: NDArray[np.uint8], picture_HW3: NDArray[np.uint8]) -> tuple[int, int]:
    """Where the sheet shows the picture: left and top."""
    windows = np.lib.stride_tricks.sliding_window_view(sheet_HW3, picture_HW3.shape)[:, :, 0]
    for top, left in np.argwhere(alike(windows[..., 0, 0, :], picture_HW3[0, 0]).all(-1)):
        if alike(windows[top, left], picture_HW3).all():
            return int(left), int(top)
    raise AssertionError("the sheet does not show the picture")


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_becomes_a_file(animator: Recorder, portrait: Portrait, tmp_path: Path, suffix: str) -> None:
    done = write_clip(orbit(animator, portrait, ManipulateOptions(seconds=0.4)), tmp_path / f"orbit{suffix}")
    assert (done.frames, done.seconds, done.width, done.height) == (10, pytest.approx(0.4), 64, 64)


def test_refusals(animator: Recorder, portrait: Portrait, tiny: LIAX) -> None:
    with pytest.raises(LiaxError, match="no control 'yam'; did you mean yaw"):
        sweep(animator, portrait, ["yam"])
    with pytest.raises(LiaxError, match="no motion vector #8"):
        sweep(animator, portrait, ["yaw", "#8"])
    with pytest.raises(LiaxError, match="No control is named"):
        sweep_sheet(animator, portrait, [])
    for extent in (0, -1, 1.01, float("nan")):
        with pytest.raises(LiaxError, match="give more than 0, up to 1"):
            sweep(animator, portrait, ["yaw"], ManipulateOptions(extent=extent))
        with pytest.raises(LiaxError, match="give more than 0, up to 1"):
            orbit_sheet(animator, portrait, ManipulateOptions(extent=extent))
    for turns, seconds in ((0, 1.0), (1, 0.0), (1, float("nan"))):
        with pytest.raises(LiaxError, match="are no orbit"):
            orbit(animator, portrait, ManipulateOptions(turns=turns, seconds=seconds))
    with pytest.raises(LiaxError, match="These weights have no control 'yaw'; they name no controls"):
        orbit(Animator(tiny, "cpu"), portrait)
