"""Portraits that are transparent in places, in pictures and videos that can hold that."""

from __future__ import annotations

import logging
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from liax.model import LIAX
from liax.options import AnimateOptions, EditOptions, SourceOptions
from liax.portrait import Animator, animate, edit_image
from liax.portrait.animate import animate_file
from liax.portrait.retouch import PixelChange
from liax.portrait.source import open_portrait
from liax.portrait.transparency import Cutout

SIZE = 64


@pytest.fixture(scope="module")
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu")


@pytest.fixture(scope="module")
def cut_out(portrait_HW3: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portrait, transparent in its left quarter and half so in the next."""
    alpha_HW = np.full((512, 512), 255, np.uint8)
    alpha_HW[:, :128], alpha_HW[:, 128:256] = 0, 128
    path = tmp_path_factory.mktemp("cut") / "cut-out.png"
    Image.fromarray(np.dstack([portrait_HW3, alpha_HW])).save(path)
    return path


def moved_by(x: float) -> PixelChange:
    shift_RR2 = np.zeros((SIZE, SIZE, 2), np.float32)
    shift_RR2[..., 0] = x
    blank_RR3 = np.zeros((SIZE, SIZE, 3), np.float32)
    return PixelChange(shift_RR2, blank_RR3[..., 0], blank_RR3, np.full((SIZE, SIZE, 3), 90, np.uint8))


def test_it_is_read_beside_the_picture(animator: Animator, cut_out: Path, portrait_path: Path) -> None:
    portrait = open_portrait(animator, cut_out, SourceOptions(crop=False))
    assert portrait.alpha_HW is not None
    assert portrait.alpha_HW[0, [0, 200, 400]].tolist() == [0, 128, 255]
    assert (portrait.picture_HW3[:, :128] == 128).all()
    assert open_portrait(animator, portrait_path, SourceOptions(crop=False)).alpha_HW is None


@pytest.mark.parametrize("paste", [False, True])
def test_it_moves_with_the_picture(animator: Animator, cut_out: Path, paste: bool) -> None:
    """Every pixel is taken from 8 of the square's pixels further right, so its edges move to the left."""
    portrait = open_portrait(animator, cut_out, SourceOptions())
    cutout = Cutout(animator, portrait, paste)
    crop = portrait.framing.crop
    assert crop is not None
    row, pixel = (round(crop.centre[1]), crop.side / SIZE) if paste else (SIZE // 2, 1)
    pictures = (cutout.before_HW4, cutout(moved_by(8)))
    edges = [int(np.argmax(picture_HW4[row, :, 3] > 190)) for picture_HW4 in pictures]
    assert edges[0] - edges[1] == pytest.approx(8 * pixel, abs=pixel)


def test_colours_are_free_of_grey(animator: Animator, cut_out: Path, portrait_HW3: np.ndarray) -> None:
    """Half transparent pixels have the portrait's own colours, as near as 8 bits tell."""
    portrait = open_portrait(animator, cut_out, SourceOptions())
    seen_HW4 = Cutout(animator, portrait, paste=True).before_HW4
    assert np.abs(seen_HW4[:, 128:256, :3].astype(int) - portrait_HW3[:, 128:256]).max() <= 2
    assert np.array_equal(seen_HW4[:, 256:, :3], portrait_HW3[:, 256:])


def test_edited_pictures(animator: Animator, cut_out: Path, portrait_path: Path) -> None:
    for paste in (False, True):
        edited = edit_image(animator, cut_out, {0: 0.5}, EditOptions(paste=paste), transparent=True)
        assert edited.picture_HW3.shape[2] == 4
        assert np.unique(edited.picture_HW3[..., 3]).size > 1
        opaque = edit_image(animator, portrait_path, {0: 0.5}, EditOptions(paste=paste), transparent=True)
        assert opaque.picture_HW3.shape[2] == 3
    assert edit_image(animator, cut_out, {0: 0.5}).picture_HW3.shape[2] == 3


def test_the_drawing_is_the_same_with_and_without(animator: Animator, cut_out: Path, face_clip: Path) -> None:
    opaque = [p for _, p in animate(animator, cut_out, face_clip).frames]
    clear = [p for _, p in animate(animator, cut_out, face_clip, transparent=True).frames]
    for plain_HW3, rgba_HW4 in zip(opaque, clear, strict=True):
        alpha_HW1 = rgba_HW4[..., 3:] / 255
        over_grey = rgba_HW4[..., :3] * alpha_HW1 + 128 * (1 - alpha_HW1)
        seen_HW = rgba_HW4[..., 3] == 255
        assert np.abs(over_grey - plain_HW3)[seen_HW].max() <= 2


@pytest.mark.parametrize("suffix", [".mov", ".webm", ".webp"])
def test_videos_that_hold_it(
    animator: Animator, cut_out: Path, face_clip: Path, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"o{suffix}"
    assert animate_file(animator, cut_out, face_clip, output, AnimateOptions(paste=True)).frames == 12
    if suffix == ".webp":
        with Image.open(output) as image:
            assert image.n_frames == 12
            image.seek(7)
            rgba_HW4 = np.asarray(image.convert("RGBA"))
    else:
        with av.open(str(output)) as container:
            stream = container.streams.video[0]
            if suffix == ".webm":  # FFmpeg's own decoder leaves transparency out
                assert stream.metadata["alpha_mode"] == "1"
                return
            assert container.streams.audio
            rgba_HW4 = next(container.decode(stream)).to_ndarray(format="rgba")
    assert np.abs(rgba_HW4[400, [20, 200, 500], 3].astype(int) - [0, 128, 255]).max() <= 4


def test_what_cannot_hold_it_is_told(
    animator: Animator, cut_out: Path, face_clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        animate_file(animator, cut_out, face_clip, tmp_path / "o.mp4")
    assert caplog.messages == [
        f"{tmp_path / 'o.mp4'} cannot hold the portrait's transparency, which is laid over grey; "
        ".png, .webp, .mov, .webm can."
    ]
