import csv
import logging
from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from clips import flat_frames, moving_face, write_clip
from liax.errors import LiaxError
from liax.face.crop import resize
from liax.media.video import Video
from liax.model import LIAX
from liax.options import DrivingOptions
from liax.portrait import Animator
from liax.portrait.driving import DrivingFootage, DrivingFrame, open_driving


@pytest.fixture
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu")


@pytest.fixture(scope="module")
def frames(portrait_HW3: np.ndarray) -> list[np.ndarray]:
    return moving_face(portrait_HW3, 12)


@pytest.fixture(scope="module")
def lossless(frames: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "lossless.mkv"
    return write_clip(path, frames, codec="ffv1", pixels="bgr0")


def alphas(moments: list[DrivingFrame]) -> np.ndarray:
    return np.stack([moment.alpha_M for moment in moments])


def moments_of(animator: Animator, path: Path, **options) -> list[DrivingFrame]:
    return list(open_driving(animator, path, DrivingOptions(**options)).frames())


def test_a_video(animator: Animator, face_clip: Path) -> None:
    driving = open_driving(animator, face_clip)
    assert (driving.rate, driving.total, driving.sound, driving.sound_start) == (12, 12, face_clip, 0)
    assert driving.width_at(40) == 40
    moments = list(driving.frames())
    assert [m.time for m in moments] == [Fraction(k, 12) for k in range(12)]
    assert [m.starts_shot for m in moments] == [True] + [False] * 11
    assert all(m.square_RR3 is not None and m.square_RR3.shape == (64, 64, 3) for m in moments)
    seen = animator.encode([m.square_RR3 for m in moments]).alpha_BM.numpy()
    assert alphas(moments).dtype == np.float32
    assert np.allclose(alphas(moments), seen, atol=1e-4)
    assert np.array_equal(alphas(list(driving.frames())), alphas(moments))


def test_a_picture_is_one_moment(animator: Animator, portrait_path: Path) -> None:
    driving = open_driving(animator, portrait_path)
    assert (driving.rate, driving.total, driving.sound) == (25, 1, None)
    (moment,) = driving.frames()
    assert (moment.time, moment.starts_shot) == (0, True)


def test_a_folder_is_its_frames(
    animator: Animator, frames: list[np.ndarray], lossless: Path, tmp_path: Path
) -> None:
    for k, frame_HW3 in enumerate(frames):
        Image.fromarray(frame_HW3).save(tmp_path / f"{k}.png")
    driving = open_driving(animator, tmp_path, DrivingOptions(rate=Fraction(10)))
    assert (driving.rate, driving.total, driving.sound) == (10, 12, None)
    moments = list(driving.frames())
    assert [m.time for m in moments] == [Fraction(k, 10) for k in range(12)]
    assert np.allclose(alphas(moments), alphas(moments_of(animator, lossless)), atol=0.02)


def test_whole_pictures(animator: Animator, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mkv", flat_frames(5, 96, 48), codec="ffv1", pixels="bgr0")
    stages: dict[str, int] = {}
    driving = open_driving(
        animator, clip, DrivingOptions(crop=False), progress=lambda s, done, _: stages.update({s: done})
    )
    assert driving.width_at(48) == 96
    moments = list(driving.frames())
    squares = [resize(frame, 64, 64) for frame in flat_frames(5, 96, 48)]
    assert all(np.abs(m.square_RR3.astype(int) - s).max() <= 2 for m, s in zip(moments, squares, strict=True))
    assert stages == {"finding cuts": 5}


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p10le"),
        ("a.mp4", "libx265", "yuv420p10le"),
        ("a.mkv", "libx264", "yuv422p"),
        ("a.mkv", "libx265", "yuv422p10le"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.webm", "libsvtav1", "yuv420p10le"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj422p"),
    ],
)
def test_any_format_gives_the_same_motion(
    animator: Animator,
    frames: list[np.ndarray],
    lossless: Path,
    tmp_path: Path,
    name: str,
    codec: str,
    pixels: str,
) -> None:
    """10-bit and 4:2:2 input among them; what compression loses is small beside the motion."""
    options = {"libx265": {"x265-params": "log-level=none"}, "mjpeg": {"qmin": "2", "qmax": "2"}}
    clip = write_clip(tmp_path / name, frames, codec=codec, pixels=pixels, options=options.get(codec))
    moments = moments_of(animator, clip)
    exact = alphas(moments_of(animator, lossless))
    assert [m.time for m in moments] == [Fraction(k, 25) for k in range(12)]
    assert np.abs(alphas(moments) - exact).mean() < 0.25 * np.abs(exact - exact[0]).mean()


def test_odd_sides_and_rotation(animator: Animator, portrait_HW3: np.ndarray, tmp_path: Path) -> None:
    """A phone's clip lying on its side, of odd width and height."""
    upright = moving_face(portrait_HW3, 6, 241, 321)
    lying = [np.ascontiguousarray(np.rot90(frame)) for frame in upright]
    fine = {"crf": "5"}
    turned = write_clip(tmp_path / "a.mp4", lying, pixels="yuv444p", options=fine, quarter_turns=1)
    straight = write_clip(tmp_path / "b.mp4", upright, pixels="yuv444p", options=fine)
    one, other = (moments_of(animator, path) for path in (turned, straight))
    for a, b in zip(one, other, strict=True):
        # Two encodings of a face of 40 pixels, found half a pixel apart; a picture turned wrongly is 50 off.
        assert np.abs(a.square_RR3.astype(int) - b.square_RR3).mean() < 4


def test_variable_rate(animator: Animator, frames: list[np.ndarray], tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.2, 0.21, 0.5, 0.51, 0.52, 0.9, 1.0, 1.5, 1.6, 2.0]
    moments = moments_of(animator, write_clip(tmp_path / "a.mp4", frames, times=times))
    assert [float(m.time) for m in moments] == pytest.approx(times, abs=1e-4)
    assert sum(m.starts_shot for m in moments) == 1


@pytest.fixture(scope="module")
def broken_up(portrait_HW3: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10 a second: 6 frames of nothing, 10 of a face that is hidden in 4, a cut, 6 of nothing, a cut, 8."""
    face = moving_face(portrait_HW3, 24)
    hidden = [frame.copy() for frame in face]
    for frame in hidden:
        frame[55:150, 90:215] = (170, 130, 110)
    card = [np.full_like(face[0], 90)] * 6
    bright = [np.full_like(frame, 230) for frame in face[:8]]
    for frame, picture in zip(bright, face, strict=False):
        frame[120:, 160:] = picture[::2, ::2]
    sequence = card + face[:4] + hidden[4:8] + face[8:10] + card + bright
    path = tmp_path_factory.mktemp("clip") / "broken.mp4"
    return write_clip(path, sequence, rate=10, options={"crf": "10"})


def test_motion_rests_without_a_face_and_starts_anew_at_cuts(
    animator: Animator, broken_up: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        driving = open_driving(animator, broken_up)
    assert [record.getMessage() for record in caplog.records] == [
        f"{broken_up} cuts to another shot at 2.2 s; motion starts anew there.",
        f"{broken_up} shows no face from 0.0 s to 0.6 s, from 1.0 s to 1.4 s and from 1.6 s to 2.2 s; "
        "motion is held still there.",
    ]
    moments = list(driving.frames())
    assert driving.total == len(moments) == 30
    assert [k for k, m in enumerate(moments) if m.starts_shot] == [6, 22]
    change = [np.abs(b.alpha_M - a.alpha_M).max() for a, b in pairwise(moments)]
    still = [k for k, largest in enumerate(change, 1) if largest < 1e-5]
    assert still == [1, 2, 3, 4, 5, 6, *range(9, 14), *range(16, 22)]


def test_where_the_first_face_is_far_into_the_clip(
    animator: Animator, portrait_HW3: np.ndarray, tmp_path: Path
) -> None:
    face = moving_face(portrait_HW3, 4)
    clip = write_clip(tmp_path / "a.mp4", [np.full_like(face[0], 90)] * 70 + face)
    moments = moments_of(animator, clip)
    assert [k for k, m in enumerate(moments) if m.starts_shot] == [70]
    assert all(np.allclose(m.alpha_M, moments[70].alpha_M, atol=1e-5) for m in moments[:70])
    assert not np.allclose(moments[71].alpha_M, moments[70].alpha_M, atol=1e-3)


def test_memory_is_that_of_a_batch(animator: Animator, tmp_path: Path) -> None:
    import tracemalloc

    peaks = []
    for count in (20, 20, 120):
        clip = write_clip(tmp_path / "d.mp4", flat_frames(count, 320, 240))
        tracemalloc.start()
        assert sum(1 for _ in open_driving(animator, clip, DrivingOptions(crop=False)).frames()) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < 5 * 320 * 240 * 3


def test_errors(animator: Animator, face_clip: Path, tmp_path: Path) -> None:
    cases: list[tuple[Path, dict, str]] = [
        (tmp_path / "none.mp4", {}, r"none\.mp4 does not exist; check the driving video's name"),
        (tmp_path, {}, "has no pictures in it"),
        (face_clip, {"rate": Fraction(25)}, "no folder of frames"),
        (face_clip, {"driving_face": 2}, r"has 1 face\(s\), and driving_face is 2"),
        (write_clip(tmp_path / "grey.mp4", flat_frames(3)), {}, r"grey\.mp4 shows no face"),
        (tmp_path / "t.safetensors", {}, r"t\.safetensors does not exist; check the motion template's"),
        (tmp_path / "t.safetensors", {"rate": Fraction(9)}, "has its own frame rate"),
    ]
    for path, options, reason in cases:
        with pytest.raises(LiaxError, match=reason):
            open_driving(animator, path, DrivingOptions(**options))


def test_real_clips_one_after_the_other(
    animator: Animator, shared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Three people of the val split, the last one found in a square of its own."""
    with (shared / "data" / "manifest.csv").open() as file:
        names = [r["file"] for r in csv.DictReader(file) if (r["type"], r["split"]) == ("clip", "val")]
    parts = [[f.rgb() for f in Video(shared / "data" / names[k])][:20] for k in (0, 6, 12)]
    parts[2] = [np.pad(frame[::2, ::2], ((100, 28), (20, 108), (0, 0)), mode="edge") for frame in parts[2]]
    clip = write_clip(tmp_path / "a.mp4", [frame for part in parts for frame in part])
    driving = open_driving(animator, clip)
    assert isinstance(driving, DrivingFootage)
    moments = list(driving.frames())
    assert [k for k, m in enumerate(moments) if m.starts_shot] == [0, 20, 40]
    assert "cuts to another shot at 0.8 s and 1.6 s; motion starts anew there." in caplog.text
    assert "no face" not in caplog.text
    middle = resize(parts[2][10][100:228, 20:148], 64, 64).mean(-1).ravel()
    assert np.corrcoef(middle, moments[50].square_RR3.mean(-1).ravel())[0, 1] > 0.6


def test_same_coefficients_whatever_the_batch(
    animator: Animator, face_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = alphas(moments_of(animator, face_clip))
    monkeypatch.setattr(animator, "batch_size", 5)
    assert np.allclose(alphas(moments_of(animator, face_clip)), whole, atol=1e-4)


class _OnGpu:
    """An animator that says that it is on a GPU, and when it reads its third batch."""

    device = torch.device("cuda")
    batch_size = 4

    def __init__(self, animator: Animator) -> None:
        self._animator, self._batches = animator, 0
        self.reads_the_third = Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._animator, name)

    def coefficients(self, squares: Iterable[np.ndarray]) -> np.ndarray:
        self._batches += 1
        if self._batches == 3:
            self.reads_the_third.set()
        return self._animator.coefficients(squares)


def test_a_gpu_reads_the_next_batch_while_this_one_is_used(animator: Animator, face_clip: Path) -> None:
    on_gpu = _OnGpu(animator)
    moments = []
    for moment in open_driving(on_gpu, face_clip).frames():  # type: ignore[arg-type]
        moments.append(moment)
        if len(moments) == 2:  # of the second batch; the first is a single frame
            assert on_gpu.reads_the_third.wait(10)
    wanted = moments_of(animator, face_clip)
    assert [moment.time for moment in moments] == [moment.time for moment in wanted]
    assert np.allclose(alphas(moments), alphas(wanted), atol=1e-4)


def test_which_face_is_told_of_several(
    animator: Animator, portrait_HW3: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = portrait_HW3[:260, 90:350]
    both = np.full((280, 640, 3), 90, np.uint8)
    both[10:270, 350:610] = head
    both[60:190, 25:155] = head[::2, ::2][:, ::-1]
    Image.fromarray(both).save(tmp_path / "a.png")
    squares = {
        face: moments_of(animator, tmp_path / "a.png", driving_face=face)[0].square_RR3.astype(int)
        for face in (1, 2, None)
    }
    assert np.abs(squares[None] - squares[1]).mean() < 2
    assert np.abs(squares[2] - squares[1]).mean() > 12
    (told,) = caplog.records
    assert "a.png shows 2 faces; using the largest, driving_face chooses" in told.getMessage()
