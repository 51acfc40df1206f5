"""The invisible mark: drawn into real pictures, harmed as the world harms them, and read again."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from liax.marking.mark_network import SEEN
from liax.marking.pixel_mark import HOLD, SMALLEST, WORD_K, PixelMarker, mark_networks, psnr_of_side
from liax.marking.pixel_reading import FALSE_ALARMS, KEPT_G, MOST_WRONG, read_pixels

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def face_HW3(portrait_HW3: Picture) -> Picture:
    return np.asarray(Image.fromarray(portrait_HW3).resize((320, 320)))


def marked(picture_HWC: Picture) -> Picture:
    return PixelMarker().mark(picture_HWC)


def psnr(a: Picture, b: Picture) -> float:
    return float(10 * np.log10(255**2 / np.square(a.astype(float) - b).mean()))


def resized(picture_HW3: Picture, width: int, height: int) -> Picture:
    return np.asarray(Image.fromarray(picture_HW3).resize((width, height)))


def as_jpeg(picture_HW3: Picture, quality: int) -> Picture:
    encoded = io.BytesIO()
    Image.fromarray(picture_HW3).save(encoded, "JPEG", quality=quality)
    return np.asarray(Image.open(encoded))


@pytest.mark.parametrize("size", [(160, 160), (320, 320), (641, 427), (256, 512)])
def test_it_is_hardly_there(face_HW3: Picture, size: tuple[int, int]) -> None:
    picture_HW3 = resized(face_HW3, *size)
    found = read_pixels([marked(picture_HW3)])
    assert (found.marked, found.frames, found.kept) == (True, 1, (1, 1))
    assert 42 < psnr(marked(picture_HW3), picture_HW3) < 52
    change_HW3 = marked(picture_HW3).astype(int) - picture_HW3
    inside_HW = ((picture_HW3 > 30) & (picture_HW3 < 225)).all(-1)
    assert np.ptp(change_HW3[inside_HW], axis=-1).max() == 0  # no colour changes
    plain = read_pixels([picture_HW3])
    assert not plain.marked
    assert 8 <= plain.right <= 24


def test_larger_pictures_are_marked_more_weakly(face_HW3: Picture) -> None:
    assert [psnr_of_side(side) for side in (128, 256, 512, 1024)] == [47, 47, 48.5, 48.5]
    assert 47.4 < psnr_of_side(320) < 47.6
    levels = {}
    for side in (256, 512):
        picture_HW3 = resized(face_HW3, side, side)
        levels[side] = psnr(marked(picture_HW3), picture_HW3)
    assert 0.8 < levels[512] - levels[256] < 2.6
    picture_HW3 = resized(face_HW3, 512, 512)
    assert psnr(PixelMarker(psnr=44).mark(picture_HW3), picture_HW3) < levels[512] - 3  # as it is told


@pytest.mark.parametrize("harm", ["jpeg", "half", "double", "narrow", "mirrored back", "darker"])
def test_it_stays(face_HW3: Picture, harm: str) -> None:
    picture_HW3 = marked(face_HW3)
    harmed_HW3 = {
        "jpeg": lambda: as_jpeg(picture_HW3, 50),
        "half": lambda: resized(picture_HW3, 160, 160),
        "double": lambda: resized(picture_HW3, 640, 640),
        "narrow": lambda: resized(picture_HW3, 240, 320),
        "mirrored back": lambda: np.ascontiguousarray(as_jpeg(picture_HW3[:, ::-1], 80)[:, ::-1]),
        "darker": lambda: (picture_HW3 * 0.8).astype(np.uint8),
    }[harm]()
    assert read_pixels([harmed_HW3]).marked


@pytest.mark.parametrize(("left", "top", "width", "height"), [(32, 0, 288, 320), (10, 20, 290, 280)])
def test_a_crop_is_found(face_HW3: Picture, left: int, top: int, width: int, height: int) -> None:
    picture_HW3 = marked(face_HW3)[top : top + height, left : left + width]
    found = read_pixels([picture_HW3])
    assert found.marked
    assert np.allclose(found.kept, (width / 320, height / 320), atol=0.02)
    assert not read_pixels([face_HW3[top : top + height, left : left + width]]).marked


def test_frames_say_it_together(face_HW3: Picture) -> None:
    """Noise that hides it in each frame does not hide it in all."""
    random = np.random.default_rng(0)
    noisy = [
        (marked(face_HW3) + random.normal(0, 80, face_HW3.shape)).clip(0, 255).astype(np.uint8)
        for _ in range(12)
    ]
    alone = np.mean([read_pixels([one]).right for one in noisy])
    together = read_pixels(noisy)
    assert together.frames == 12
    assert together.right > alone + 1


def test_transparency_stays(face_HW3: Picture) -> None:
    alpha_HW = np.full((320, 320), 255, np.uint8)
    alpha_HW[:, :100], alpha_HW[:, 100:120] = 0, 120
    picture_HW4 = np.dstack([face_HW3, alpha_HW])
    marked_HW4 = marked(picture_HW4)
    assert np.array_equal(marked_HW4[..., 3], alpha_HW)
    assert np.array_equal(marked_HW4[:, :100], picture_HW4[:, :100])
    for other in (slice(100, 120), slice(120, None)):
        assert (marked_HW4[:, other] != picture_HW4[:, other]).any()
    shown = Image.new("RGB", (320, 320), (128, 128, 128))
    shown.paste(Image.fromarray(marked_HW4), mask=Image.fromarray(alpha_HW))
    assert read_pixels([np.asarray(shown)]).marked


def test_a_small_picture_stays_as_it_is(face_HW3: Picture) -> None:
    small_HW3 = resized(face_HW3, SMALLEST - 1, 200)
    assert np.array_equal(marked(small_HW3), small_HW3)
    assert "too small" in read_pixels([small_HW3]).problem
    smallest_HW3 = resized(face_HW3, SMALLEST, SMALLEST)
    assert read_pixels([marked(smallest_HW3)]).marked


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_pictures_are_marked_without_wrapping_around(level: int) -> None:
    flat_HW3 = np.full((256, 256, 3), level, np.uint8)
    change = marked(flat_HW3).astype(int) - level
    assert 0 < np.abs(change).max() < 20
    assert read_pixels([marked(flat_HW3)]).marked


def test_a_video_keeps_its_mark_for_some_frames(face_HW3: Picture) -> None:
    frames = [np.roll(face_HW3, 3 * k, axis=1) // 2 + 60 for k in range(2 * HOLD)]
    marker = PixelMarker()
    changes = [marker.mark(frame).astype(int) - frame for frame in frames]
    same = [np.array_equal(*pair) for pair in pairwise(changes)]
    assert same == [k % HOLD != HOLD - 1 for k in range(2 * HOLD - 1)]
    other_HW3 = marker.mark(resized(face_HW3, 200, 256))  # also between two marks
    assert read_pixels([other_HW3]).marked


@pytest.mark.parametrize("channels", [3, 4])
def test_threads_in_any_order_draw_the_marks_of_one(face_HW3: Picture, channels: int) -> None:
    frames = [
        np.roll(np.dstack([face_HW3, face_HW3[..., 0] // 2 * 2]), 9 * k, 1) for k in range(2 * HOLD + 1)
    ]
    frames = [frame[..., :channels] for frame in (*frames, resized(frames[0], 200, 256), frames[0])]
    one, several, backwards = PixelMarker(), PixelMarker(), PixelMarker()
    expected = [one.mark(frame) for frame in frames]
    later = [backwards.later(frame) for frame in frames]
    found = [compute() for compute in reversed(later)][::-1]
    assert all(map(np.array_equal, found, expected))
    with ThreadPoolExecutor(4, initializer=partial(torch.set_num_threads, torch.get_num_threads())) as pool:
        futures = [pool.submit(compute) for compute in [several.later(frame) for frame in frames][::-1]]
        found = [future.result() for future in futures][::-1]
    assert all(map(np.array_equal, found, expected))


def test_a_mark_of_several_frames_is_drawn_once(face_HW3: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Picture] = []
    draw = PixelMarker._draw
    monkeypatch.setattr(
        PixelMarker, "_draw", lambda self, picture: drawn.append(picture) or draw(self, picture)
    )
    marker = PixelMarker()
    later = [marker.later(face_HW3 // (k + 1)) for k in range(HOLD)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda compute: compute(), later[::-1]))
    assert len(drawn) == 1
    assert np.array_equal(drawn[0], face_HW3)


def test_crops_are_tried_as_if_each_were_read(face_HW3: Picture) -> None:
    reader = mark_networks().reader
    luma = torch.from_numpy(resized(face_HW3, SEEN, SEEN)[..., 1].astype(np.float32))[None, None]
    maps = reader.maps(luma)
    logits_GGK = reader.crop_logits(maps, KEPT_G)[0]
    for right, down in ((0, 25), (7, 3), (25, 25)):
        kept_B2 = torch.stack([KEPT_G[right], KEPT_G[down]])[None]
        assert torch.allclose(logits_GGK[right, down], reader.logits(maps, kept_B2)[0], atol=1e-3)


def test_false_alarms_are_as_rare_as_the_documents_say() -> None:
    assert MOST_WRONG == 2
    assert pytest.approx(2 * (1 + 32 + 496) / 2**32) == FALSE_ALARMS
    assert FALSE_ALARMS < 1e-6
    assert 12 <= sum(WORD_K) <= 20  # neither of two kinds of pictures says the word more easily
    random = np.random.default_rng(0)
    right = [read_pixels([random.integers(0, 255, (128, 128, 3), np.uint8)]).right for _ in range(30)]
    assert 14 < np.mean(right) < 18
    assert max(right) < 28
