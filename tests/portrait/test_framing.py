"""Portraits as people have them: on their side, cut close, at the border of the picture."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from clips import write_clip
from liax.errors import NoFaceError, OptionError
from liax.face.crop import FACE_SIZE, LARGEST_FACE, Crop, crop_and_resize
from liax.face.find import find_faces
from liax.face.landmarks import FaceLandmarker
from liax.model import LIAX
from liax.options import AnimateOptions, EditOptions, EditVideoOptions, SourceOptions, Square
from liax.portrait.animate import animate
from liax.portrait.animator import Animator
from liax.portrait.edit import edit_image
from liax.portrait.edit_video import edit_video
from liax.portrait.framing import frame_source
from liax.portrait.source import open_portrait
from liax.weights import load
from scenes import head_frames

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def bundled() -> Animator:
    return Animator(load("small"), "cpu")


@pytest.fixture
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu")


def psnr(one: Picture, other: Picture) -> float:
    return float(10 * np.log10(255**2 / max(1e-9, ((one.astype(float) - other) ** 2).mean())))


def pasted(animator: Animator, picture_HW3: Picture, **settings: float) -> Picture:
    return edit_image(
        animator, np.ascontiguousarray(picture_HW3), settings, EditOptions(paste=True)
    ).picture_HW3


def check_quarter_turns(animator: Animator, portrait_HW3: Picture, turns: tuple[int, ...]) -> None:
    """The edit of the turned picture is the upright one's, turned; the edit itself changes far more."""
    upright_HW3 = pasted(animator, portrait_HW3, yaw=12, jaw=0.3)
    assert psnr(upright_HW3, portrait_HW3) < 28
    for quarters in turns:
        lying_HW3 = pasted(animator, np.rot90(portrait_HW3, quarters), yaw=12, jaw=0.3)
        assert psnr(np.rot90(lying_HW3, -quarters), upright_HW3) > 36


def test_the_bundled_portrait_turned_by_quarters(bundled: Animator, portrait_HW3: Picture) -> None:
    check_quarter_turns(bundled, portrait_HW3, (1, 2))


def test_a_real_portrait_turned_by_a_quarter(bundled: Animator, shared: Path) -> None:
    path = sorted((shared / "data" / "portraits").glob("webmorphr-stim_23a878ab43f6_0.*"))[0]
    check_quarter_turns(bundled, np.asarray(Image.open(path).convert("RGB")), (3,))


@pytest.mark.parametrize("roll", [-50, 40])
def test_a_head_rolled_far_is_seen_upright(portrait_HW3: Picture, roll: float) -> None:
    """Small tilts stay."""
    tilted = Image.fromarray(portrait_HW3).rotate(roll, Image.Resampling.BICUBIC, fillcolor=(150, 140, 130))
    little = Image.fromarray(portrait_HW3).rotate(12, Image.Resampling.BICUBIC, fillcolor=(150, 140, 130))
    with FaceLandmarker() as landmarker:
        framing = frame_source(landmarker, np.asarray(tilted), Path("p.png"), 256, None)
        assert framing.crop is not None
        assert framing.crop.roll == pytest.approx(roll, abs=6)
        (seen,) = landmarker.detect(framing.to_square(np.asarray(tilted), 256))
        assert seen.roll == pytest.approx(0, abs=6)
        natural = frame_source(landmarker, np.asarray(little), Path("p.png"), 256, None)
        assert natural.crop is not None
        assert natural.crop.roll == 0


@pytest.mark.parametrize("quarters", [1, 2])
def test_videos_on_their_side(animator: Animator, tmp_path: Path, quarters: int) -> None:
    """Without a display matrix: the square of an edited video is turned, and what it draws is turned back."""
    upright = [np.ascontiguousarray(frame) for frame in head_frames()[:6]]
    lying = [np.ascontiguousarray(np.rot90(frame, quarters)) for frame in upright]
    results = []
    for name, frames in (("upright", upright), ("lying", lying)):
        path = write_clip(tmp_path / f"{name}.mkv", frames, codec="ffv1", pixels="bgr0", rate=10)
        clip = edit_video(animator, path, {"#0": 1.0}, EditVideoOptions())
        results.append(np.stack([picture_HW3 for _, picture_HW3 in clip.frames]))
    turned_back = np.rot90(results[1], -quarters, (1, 2))
    changed = psnr(results[0], np.stack(upright))
    assert psnr(turned_back, results[0]) > changed + 6


def at(portrait_HW3: Picture, face: tuple[float, float, float, float], *parts: float) -> Picture:
    """The portrait cut by margins around the face, as parts of its width and height."""
    left, top, right, bottom = face
    width, height = right - left, bottom - top
    edges = (
        left - parts[0] * width,
        top - parts[1] * height,
        right + parts[2] * width,
        bottom + parts[3] * height,
    )
    x0, y0, x1, y1 = (max(0, round(edge)) for edge in edges)
    return np.ascontiguousarray(portrait_HW3[y0:y1, x0:x1])


@pytest.mark.parametrize(
    ("margins", "whole", "share"),
    [
        ((9, 9, 9, 9), True, FACE_SIZE),  # as it is
        ((9, 0.3, 9, 9), True, FACE_SIZE),  # little above the head: moved
        ((0.5, 0.4, 0.5, 0.4), True, None),  # close: smaller
        ((0.1, 0.1, 0.1, 0.1), False, LARGEST_FACE),  # the face fills it
        ((-0.3, 9, 9, 9), False, LARGEST_FACE),  # a face that the border cuts
    ],
)
def test_the_square_shows_what_is_real(
    animator: Animator,
    portrait_HW3: Picture,
    caplog: pytest.LogCaptureFixture,
    margins: tuple[float, ...],
    whole: bool,
    share: float | None,
) -> None:
    """What comes out is a part of the picture; where the square had to leave it, that is told."""
    with FaceLandmarker() as landmarker:
        picture_HW3 = at(portrait_HW3, find_faces(landmarker, portrait_HW3)[0].box, *margins)
        (face,) = find_faces(landmarker, picture_HW3)
    with caplog.at_level(logging.WARNING):
        portrait = open_portrait(animator, picture_HW3)
    told = [record.getMessage() for record in caplog.records]
    assert (told == []) == whole
    crop, framing = portrait.framing.crop, portrait.framing
    assert crop is not None
    left, top, right, bottom = face.box
    if share is not None:
        assert max(right - left, bottom - top) / crop.side == pytest.approx(share, rel=0.02)
    height, width, _ = picture_HW3.shape
    shown_HW3 = portrait.from_square(portrait.square_RR3)
    assert shown_HW3.shape == (framing.height, framing.width, 3)
    if whole:
        assert crop.inside(width, height)
        assert shown_HW3.shape == (64, 64, 3)
        return
    assert "only what the picture has is shown" in told[0]
    x0, y0, x1, y1 = framing.part or (0, 0, 0, 0)
    corners = crop.to_picture(np.array([(x0, y0), (x1, y1)]) / 64)
    assert corners.min() >= -0.5
    assert (corners[1] <= [width + 0.5, height + 0.5]).all()
    # The edit's results have the same shape, and so have videos.
    edited = edit_image(animator, portrait, {"#0": 1.0})
    assert edited.before_HW3.shape == edited.after_HW3.shape == shown_HW3.shape


def test_a_video_of_a_portrait_that_is_cut_close(
    animator: Animator, portrait_HW3: Picture, tmp_path: Path
) -> None:
    """Even sides, as encoders want them; also beside the source."""
    with FaceLandmarker() as landmarker:
        close_HW3 = at(portrait_HW3, find_faces(landmarker, portrait_HW3)[0].box, 0.1, 0.1, 0.1, 0.1)
    path = write_clip(tmp_path / "d.mkv", head_frames()[:3], codec="ffv1", pixels="bgr0", rate=10)
    for compare in (False, True):
        clip = animate(animator, close_HW3, path, AnimateOptions(compare=compare))
        for _, picture_HW3 in clip.frames:
            assert picture_HW3.shape == (clip.height, clip.width, 3)
            assert clip.width % 2 == clip.height % 2 == 0


def test_no_face_in_any_direction(animator: Animator) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    with pytest.raises(NoFaceError):
        open_portrait(animator, noise)


def test_a_square_that_is_chosen_by_hand(animator: Animator, portrait_HW3: Picture, tmp_path: Path) -> None:
    """Also where no face is; in a video, nothing far from it changes."""
    chosen = Square(10, 300, 200)
    portrait = open_portrait(animator, portrait_HW3, SourceOptions(square=chosen))
    assert np.array_equal(portrait.square_RR3, crop_and_resize(portrait_HW3, Crop(10, 300, 200), 64))
    clip = write_clip(tmp_path / "still.mkv", [portrait_HW3] * 2, codec="ffv1", pixels="bgr0")
    made = edit_video(animator, clip, {0: 1.0}, EditVideoOptions(square=chosen))
    (_, after_HW3), *_ = made.frames
    changed_HW = np.abs(after_HW3.astype(int) - portrait_HW3).max(-1) > 8
    assert changed_HW[320:480, 30:190].mean() > 0.1
    assert not changed_HW[:200].any()
    assert not changed_HW[:, 300:].any()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (SourceOptions(square=Square(400, 0, 200)), "not within The picture, which is 512x512"),
        (SourceOptions(square=Square(0, 0, 5)), "less than 16 pixels"),
        (SourceOptions(square=Square(0, 0, float("nan"))), "not within"),
        (SourceOptions(square=Square(0, 0, 99), crop=False), "frames the source already; leave out square"),
        (SourceOptions(square=Square(0, 0, 99), face=2), "frames the source already; leave out square"),
    ],
)
def test_squares_that_do_not_work(
    animator: Animator, portrait_HW3: Picture, options: SourceOptions, sentence: str
) -> None:
    with pytest.raises(OptionError, match=sentence):
        open_portrait(animator, portrait_HW3, options)
