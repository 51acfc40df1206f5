import logging
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from clips import flat_frames, moving_face, write_clip
from liax.errors import LiaxError
from liax.face.crop import resize
from liax.media.video import Video
from liax.model import LIAX
from liax.options import AnimateOptions
from liax.portrait import Animator, animate_file


@pytest.fixture
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu")


def frames_of(path: Path) -> list[np.ndarray]:
    return [frame.rgb() for frame in Video(path)]


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two pictures, 1 for the same."""
    return float(np.corrcoef(one.mean(-1).ravel(), other.mean(-1).ravel())[0, 1])


def test_a_portrait_moves(animator: Animator, portrait_path: Path, face_clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    stages: dict[str, list[tuple[int, int | None]]] = {}
    done = animate_file(
        animator,
        portrait_path,
        face_clip,
        out,
        progress=lambda stage, done, total: stages.setdefault(stage, []).append((done, total)),
    )
    assert (done.path, done.frames, done.width, done.height) == (out, 12, 64, 64)
    assert done.seconds == pytest.approx(1.0)
    video = Video(out)
    assert (video.width, video.height, video.rate) == (64, 64, 12)
    assert [frame.time for frame in video] == [Fraction(k, 12) for k in range(12)]
    with av.open(out) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
    assert os.listdir(tmp_path) == ["out.mp4"]
    assert stages["finding the face"][-1] == (12, 12)
    assert stages["animating"] == [(k, 12) for k in range(1, 13)]


def test_compare_shows_both_faces_framed_alike(
    animator: Animator, portrait_path: Path, face_clip: Path, tmp_path: Path
) -> None:
    """Source and driving are the same portrait at different sizes and places: their squares agree."""
    out = tmp_path / "out.mp4"
    done = animate_file(animator, portrait_path, face_clip, out, AnimateOptions(compare=True))
    assert (done.width, done.height) == (192, 64)
    middle = frames_of(out)[6].astype(int)
    assert alike(middle[:, :64], middle[:, 64:128]) > 0.9
    assert alike(middle[:, :64], middle[:, 124:60:-1]) < 0.8
    first = frames_of(out)[0].astype(int)
    assert np.abs(first[:, :64] - frames_of(out)[11][:, :64]).mean() < 3


def test_whole_pictures_keep_the_sources_aspect(animator: Animator, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (4, 3, 3), np.uint8).repeat(50, 0).repeat(50, 1)  # 150 wide, 200 high
    Image.fromarray(image).save(tmp_path / "s.png")
    clip = write_clip(tmp_path / "d.mkv", flat_frames(3, 96, 48), codec="ffv1", pixels="bgr0")
    out = tmp_path / "o.mp4"
    done = animate_file(animator, tmp_path / "s.png", clip, out, AnimateOptions(crop=False, compare=True))
    height = 86  # 64 · 200 / 150, even
    assert (done.width, done.height) == (64 + 172 + 64, height)
    frame = frames_of(out)[0].astype(int)
    expected = resize(resize(image, 64, 64), 64, height)
    assert np.abs(frame[:, :64] - expected).mean() < 12
    assert np.abs(frame[:, 64:236] - 20).mean() < 4
    (result,) = animator.animate(image, flat_frames(1, 96, 48))
    assert np.abs(frame[:, 236:] - resize(result, 64, height)).mean() < 12


@pytest.mark.parametrize("count", [2, 3])
def test_a_rotated_clip_with_faceless_frames(
    animator: Animator, portrait_path: Path, portrait_HW3: np.ndarray, tmp_path: Path, count: int
) -> None:
    """A phone's clip lying on its side, in whose first frames the hand covers the lens."""
    upright = moving_face(portrait_HW3, 8, 240, 320)
    frames = [np.zeros_like(upright[0])] * count + upright
    lying = [np.ascontiguousarray(np.rot90(frame)) for frame in frames]
    clip = write_clip(tmp_path / "d.mp4", lying, rate=10, quarter_turns=1)
    out = tmp_path / "o.mp4"
    assert animate_file(animator, portrait_path, clip, out, AnimateOptions(compare=True)).frames == 8 + count
    middle = frames_of(out)[count + 4]
    assert alike(middle[:, :64], middle[:, 64:128]) > 0.9


def test_several_faces(
    animator: Animator,
    portrait_HW3: np.ndarray,
    face_clip: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    head = portrait_HW3[:260, 90:350]
    both = np.full((280, 640, 3), 90, np.uint8)
    both[10:270, 350:610] = head
    both[60:190, 25:155] = head[::2, ::2][:, ::-1]  # the small one is mirrored
    source = tmp_path / "s.png"
    Image.fromarray(both).save(source)
    squares = {}
    for face in (None, 1, 2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            out = tmp_path / f"{face}.mp4"
            animate_file(animator, source, face_clip, out, AnimateOptions(face=face, compare=True))
        told = [record.getMessage() for record in caplog.records]
        assert told == (
            [f"{source} shows 2 faces; using the largest, face chooses another."] * (face is None)
        )
        squares[face] = frames_of(out)[0][:, :64].astype(int)
    assert np.abs(squares[None] - squares[1]).mean() < 2
    assert np.abs(squares[1] - squares[2]).mean() > 12
    assert np.abs(squares[1][10:54, 10:54] - squares[2][10:54, 53:9:-1]).mean() < 12
    with pytest.raises(LiaxError, match=r"has 2 face\(s\), and face is 3; choose 1"):
        animate_file(animator, source, face_clip, tmp_path / "3.mp4", AnimateOptions(face=3))
    clip = write_clip(tmp_path / "two.mp4", [both] * 3)
    with caplog.at_level(logging.WARNING):
        animate_file(animator, source, clip, tmp_path / "4.mp4", AnimateOptions(face=1))
    assert "driving_face chooses another" in caplog.text
    with pytest.raises(LiaxError, match=r"two.mp4 has 2 face\(s\), and driving_face is 0"):
        animate_file(animator, source, clip, tmp_path / "5.mp4", AnimateOptions(face=1, driving_face=0))


def test_no_face(animator: Animator, portrait_path: Path, face_clip: Path, tmp_path: Path) -> None:
    Image.fromarray(flat_frames(1, 200, 200)[0]).save(tmp_path / "grey.png")
    clip = write_clip(tmp_path / "grey.mp4", flat_frames(5, 200, 200))
    out = tmp_path / "o.mp4"
    with pytest.raises(LiaxError, match=r"grey\.png shows no face"):
        animate_file(animator, tmp_path / "grey.png", face_clip, out)
    with pytest.raises(LiaxError, match=r"grey\.mp4 shows no face"):
        animate_file(animator, portrait_path, clip, out)
    assert not out.exists()


def test_memory_does_not_grow_with_length(animator: Animator, tmp_path: Path) -> None:
    """The queue between reading and writing never holds more than a batch."""
    import tracemalloc

    Image.fromarray(flat_frames(1)[0]).save(tmp_path / "s.png")
    peaks = []
    for count in (20, 20, 120):
        clip = write_clip(tmp_path / "d.mp4", flat_frames(count, 320, 240))
        tracemalloc.start()
        animate_file(
            animator, tmp_path / "s.png", clip, tmp_path / "o.mp4", AnimateOptions(crop=False), overwrite=True
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < 5 * 320 * 240 * 3


def test_real_portrait_and_clip(animator: Animator, shared: Path, tmp_path: Path) -> None:
    """Training material is framed as it is: the square found in it is nearly the whole picture."""
    clip = sorted((shared / "data" / "clips").glob("p002*.mp4"))[0]
    portrait = sorted((shared / "data" / "portraits").glob("*.jpg"))[0]
    done = animate_file(animator, portrait, clip, tmp_path / "o.mp4", AnimateOptions(compare=True))
    assert done.frames == len(list(Video(clip)))
    cropped, whole = frames_of(tmp_path / "o.mp4")[0], next(iter(Video(clip))).rgb()
    assert np.abs(cropped[:, 64:128].astype(int) - resize(whole, 64, 64)).mean() < 30
