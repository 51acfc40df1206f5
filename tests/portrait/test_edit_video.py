"""Videos edited frame by frame: what changes, what stays, and where."""

from __future__ import annotations

import logging
import sys
import tracemalloc
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clips import flat_frames, moving_face, write_clip
from liax.errors import LiaxError
from liax.face.landmarks import FaceLandmarker
from liax.media.footage import open_footage
from liax.media.video import Video
from liax.model import LIAX
from liax.options import EditVideoOptions, Seconds
from liax.portrait import Animator
from liax.portrait.clip import write_clip as write_result
from liax.portrait.edit_video import edit_video
from liax.portrait.filmed import amount_of
from liax.portrait.framing import Framing
from liax.portrait.shots import Absence, Shot
from liax.weights import load
from liax.weights.controls import CoefficientLimits, Control, Controls

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from flicker import flicker_ratio


@pytest.fixture(scope="module")
def animator(tiny: LIAX) -> Animator:
    return Animator(tiny, "cpu")


def frames_of(path: Path) -> list[np.ndarray]:
    return [frame.rgb() for frame in Video(path)]


def results(*args: object, **options: object) -> list[np.ndarray]:
    return [picture_HW3 for _, picture_HW3 in edit_video(*args, EditVideoOptions(**options)).frames]  # type: ignore[arg-type]


def changes(before: list[np.ndarray], after: list[np.ndarray]) -> list[float]:
    return [
        np.abs(a.astype(int) - b[: len(a), : a.shape[1]]).mean() for a, b in zip(after, before, strict=True)
    ]


def test_the_clip_keeps_everything_but_the_face(animator: Animator, face_clip: Path) -> None:
    clip = edit_video(animator, face_clip, {0: 1.0, 3: -1.0})
    assert (clip.rate, clip.total, clip.sound) == (Fraction(12), 12, face_clip)
    times, after = zip(*clip.frames, strict=True)
    assert list(times) == [frame.time for frame in Video(face_clip)]
    assert {a.shape for a in after} == {(clip.height, clip.width, 3)} == {(240, 320, 3)}
    before = frames_of(face_clip)
    for k, (a, b) in enumerate(zip(after, before, strict=True)):
        assert np.array_equal(a[:, 240:], b[:, 240:])  # far from the face
        face = np.s_[50:120, 80 + k : 150 + k]
        assert np.abs(a[face].astype(int) - b[face]).mean() > 1


@pytest.mark.parametrize("crop", [True, False])
def test_no_edit_gives_the_video_s_own_frames(
    animator: Animator, portrait_HW3: np.ndarray, tmp_path: Path, crop: bool
) -> None:
    """To the bit, and without the odd last row and column."""
    clip = write_clip(
        tmp_path / "odd.mkv", moving_face(portrait_HW3, 6, 321, 241), codec="ffv1", pixels="bgr0"
    )
    after = results(animator, clip, {0: 0.0}, crop=crop)
    for a, b in zip(after, frames_of(clip), strict=True):
        assert np.array_equal(a, b[:240, :320])


def test_every_frame_is_its_own_source(animator: Animator, portrait_HW3: np.ndarray, tmp_path: Path) -> None:
    """What comes into view in the middle is there from then on; from the first frame it never is."""
    frames = moving_face(portrait_HW3, 10)
    for k in range(5, 10):
        frames[k][150:180, 100 + k : 130 + k] = (0, 255, 0)
    clip = write_clip(tmp_path / "c.mp4", frames)
    green = [
        [
            (f[..., 1] > 180) & (f[..., 0] < 80)
            for f in results(animator, clip, {0: 0.5}, from_first_frame=first)
        ]
        for first in (False, True)
    ]
    assert [g.sum() > 400 for g in green[0]] == [False] * 5 + [True] * 5
    assert not any(g.any() for g in green[1])


def test_expressions_stop_where_faces_do_in_every_frame(
    animator: Animator, face_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are below the reach already go no further down, but up."""
    jaw = Control("jaw", "mouth", {0: 1.0}, -1, 1)
    nowhere = CoefficientLimits(np.full(8, 100.0), np.full(8, 100.0))
    monkeypatch.setattr(animator, "controls", Controls(8, (jaw,), nowhere))
    before = frames_of(face_clip)
    for first in (False, True):
        down, up, forced = (
            results(animator, face_clip, {"jaw": amount}, from_first_frame=first, force=force)
            for amount, force in ((-1.0, False), (1.0, False), (-1.0, True))
        )
        assert np.array_equal(down[0], before[0])
        assert changes(before, up)[0] > 1
        assert changes(before, forced)[0] > 1


def test_from_the_first_frame_motion_is_the_video_s(animator: Animator, face_clip: Path) -> None:
    """Without an edit the first frame is itself, and later ones differ from it as the coefficients do."""
    after = results(animator, face_clip, {0: 0.0}, from_first_frame=True)
    first = frames_of(face_clip)[0]
    assert np.array_equal(after[0], first)
    apart = changes([first] * 12, after)
    assert apart[11] > apart[1] > 0
    assert np.array_equal(after[11][:, 270:], first[:, 270:])
    edited = results(animator, face_clip, {0: 1.0}, from_first_frame=True)
    assert min(changes(after, edited)) > 0.3


def test_squares_only(animator: Animator, face_clip: Path) -> None:
    clip = edit_video(animator, face_clip, {0: 1.0}, EditVideoOptions(paste=False))
    assert (clip.width, clip.height) == (64, 64)
    squares = [picture_RR3 for _, picture_RR3 in clip.frames]
    unedited = results(animator, face_clip, {0: 0.0}, paste=False)
    assert {s.shape for s in squares} == {(64, 64, 3)}
    assert min(changes(unedited, squares)) > 1
    assert results(animator, face_clip, {0: 1.0}, paste=False, crop=False)[0].shape == (240, 320, 3)


def test_batches_do_not_show(animator: Animator, face_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = results(animator, face_clip, {0: 1.0})
    monkeypatch.setattr(animator, "batch_size", 1)
    for one, other in zip(results(animator, face_clip, {0: 1.0}), together, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


def test_each_shot_is_framed_for_itself(
    animator: Animator, portrait_HW3: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = moving_face(portrait_HW3, 13, 640, 240)
    right = [255 - f[:, ::-1] // 8 for f in left]  # a bright shot ...
    for k, frame in enumerate(right):
        frame[20:220, 400 + k : 600 + k] = left[k][20:220, 20 + k : 220 + k]  # ... with the face elsewhere
    clip = write_clip(tmp_path / "two.mp4", [*left, *right])
    with caplog.at_level(logging.WARNING):
        after = results(animator, clip, {0: 1.0})
    assert "two.mp4 cuts to another shot at 0.5 s; the face is framed anew there." in caplog.text
    before = frames_of(clip)
    differs = [(np.abs(a.astype(int) - b) > 0).any((0, 2)) for a, b in zip(after, before, strict=True)]
    for k in (0, 12):
        assert differs[k][100:150].mean() > 0.9
        assert not differs[k][320:].any()
        assert differs[13 + k][480:530].mean() > 0.9
        assert not differs[13 + k][:320].any()


def test_without_a_face_frames_stay_as_they_are(
    animator: Animator, portrait_HW3: np.ndarray, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A curtain rises before the face and falls again; the edit fades out and in."""
    frames = moving_face(portrait_HW3, 75)
    for k, frame in enumerate(frames):
        curtain = int(np.clip(10 * min(k - 12, 60 - k), 0, 200))
        frame[220 - curtain : 220, 20:280] = (70, 90, 110)
    clip = write_clip(tmp_path / "c.mp4", frames, rate=25)
    with caplog.at_level(logging.WARNING):
        after = results(animator, clip, {0: 1.0})
    (told,) = caplog.messages
    assert told.startswith(f"{clip} shows no face from ")
    assert told.endswith("; nothing is edited there.")
    apart = changes(frames_of(clip), after)
    still = [k for k in range(75) if apart[k] == 0]
    assert still == list(range(still[0], still[-1] + 1))
    assert set(range(30, 42)) <= set(still) <= set(range(13, 60))
    for first, step in ((still[0], -1), (still[-1], 1)):
        assert 0 < apart[first + step] < apart[first + 3 * step] < apart[first + 5 * step]


def test_the_edit_fades_around_an_absence() -> None:
    absence = Absence(10, 20, Fraction(1), Fraction(2))
    shot = Shot(0, Framing(None, 64, 64), 0, Fraction(0), (absence,))
    amounts = [amount_of(shot, number, 4) for number in range(30)]
    assert amounts == [1] * 7 + [0.75, 0.5, 0.25] + [0] * 10 + [0.25, 0.5, 0.75] + [1] * 7


def test_memory_does_not_grow_with_length(animator: Animator, tmp_path: Path) -> None:
    peaks = []
    for count in (12, 12, 60):
        clip = write_clip(tmp_path / "d.mp4", flat_frames(count, 320, 240))
        tracemalloc.start()
        made = edit_video(animator, clip, {0: 1.0}, EditVideoOptions(crop=False))
        write_result(made, tmp_path / "o.mp4", overwrite=True)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] - peaks[1] < 15 * 320 * 240 * 3  # of 48 frames more


def test_errors_come_before_the_first_frame(animator: Animator, face_clip: Path, tmp_path: Path) -> None:
    grey = write_clip(tmp_path / "grey.mp4", flat_frames(5, 200, 200))
    with pytest.raises(LiaxError, match=r"grey\.mp4 shows no face"):
        edit_video(animator, grey, {0: 1.0})
    with pytest.raises(LiaxError, match=r"face\.mp4 has 1 face\(s\), and face is 2"):
        edit_video(animator, face_clip, {0: 1.0}, EditVideoOptions(face=2))
    with pytest.raises(LiaxError, match="no control 'yaw'"):
        edit_video(animator, face_clip, {"yaw": 10.0})
    with pytest.raises(LiaxError, match="out of its range"):
        edit_video(animator, face_clip, {0: 3.0})
    assert results(animator, face_clip, {0: 3.0}, force=True)


def test_the_background_does_not_flicker(shared: Path, tmp_path: Path) -> None:
    """A turned head in a real clip, by the bundled weights."""
    source = next((shared / "data" / "clips").glob("p145_fsgan_*.mp4"))
    before = [frame.rgb() for frame in islice(Video(source), 8)]
    clip = write_clip(tmp_path / "c.mkv", before, codec="ffv1", pixels="bgr0")
    after = results(Animator(load("small"), "cpu"), clip, {"yaw": 10})
    with FaceLandmarker() as landmarker:
        assert flicker_ratio(before, after, landmarker) <= 1.1
        turned = [landmarker.detect(f[0])[0].yaw_pitch_roll[0] for f in (before, after)]
    assert abs(turned[1] - turned[0]) > 8


def test_a_part_of_an_animated_picture(
    animator: Animator, portrait_HW3: np.ndarray, face_clip: Path, tmp_path: Path
) -> None:
    """An animated WebP is edited as a video is, and of both a part by itself."""
    first, *rest = (Image.fromarray(frame) for frame in moving_face(portrait_HW3, 12))
    webp = tmp_path / "face.webp"
    first.save(webp, save_all=True, append_images=rest, duration=80, lossless=True)
    assert edit_video(animator, webp, {0: 0.5}).sound is None
    for path, step in ((webp, Fraction(8, 100)), (face_clip, Fraction(1, 12))):
        part = {"since": Seconds(3 * step), "until": Seconds(8 * step)}
        clip = edit_video(animator, path, {0: 0.0}, EditVideoOptions(**part))
        times, pictures = zip(*clip.frames, strict=True)
        assert times == tuple(k * step for k in range(5))
        before = [frame.rgb() for frame in open_footage(path, "video")]
        assert all(np.array_equal(a, b) for a, b in zip(pictures, before[3:8], strict=True))
    assert clip.sound_start == Fraction(3, 12)
