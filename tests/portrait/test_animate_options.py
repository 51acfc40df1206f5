"""What each option of `animate` does to the frames, against equations evaluated here."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from clips import write_clip
from liax.errors import LiaxError, OptionError
from liax.model import LIAX
from liax.options import AnimateOptions, DrivingOptions, Seconds, SourceOptions
from liax.portrait.animate import animate, animate_file
from liax.portrait.animator import Animator
from liax.portrait.driving import open_driving
from liax.portrait.motion import Driving, DrivingFrame, smooth_motion
from liax.portrait.retouch import EditDelta, Retouch
from liax.portrait.source import Portrait, open_portrait
from liax.portrait.template import Template, save_template
from liax.progress import Progress, no_progress
from liax.weights.controls import Control, Controls

# A head that is spread over two vectors, and a mouth.
HEAD_MM = np.diag([0.0, 1, 0, 1, 0, 0, 0, 0])
CONTROLS = Controls(
    8,
    (
        Control("yaw", "head", {1: 0.016, 3: -0.012}, -50, 50, "deg"),
        Control("smile", "mouth", {5: 0.5}, -1, 1),
    ),
)

Pictures = list[NDArray[np.uint8]]


@pytest.fixture
def animator(tiny: LIAX) -> Iterator[Animator]:
    animator = Animator(tiny, "cpu")
    animator.controls = CONTROLS
    return animator


def colours(count: int, seed: int) -> Pictures:
    """Random coarse colours that drift from one to the next, without what looks like a cut."""
    rng = np.random.default_rng(seed)
    start, end = rng.integers(60, 190, (2, 8, 8, 3)).astype(float)
    mixed = [start + (end - start) * k / (count - 1) for k in range(count)]
    return [one.astype(np.uint8).repeat(8, 0).repeat(8, 1) for one in mixed]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """9 frames of 64x64 at 10 a second."""
    path = tmp_path_factory.mktemp("clip") / "d.mkv"
    return write_clip(path, colours(9, 1), codec="ffv1", pixels="bgr0", rate=10)


@pytest.fixture
def source(animator: Animator) -> Portrait:
    return open_portrait(animator, colours(2, 4)[0], SourceOptions(crop=False))


@pytest.fixture
def alpha_NM(animator: Animator, clip: Path) -> NDArray[np.float32]:
    """The driving's coefficients."""
    return np.stack(
        [moment.alpha_M for moment in open_driving(animator, clip, DrivingOptions(crop=False)).frames()]
    )


def frames(
    animator: Animator,
    source: Portrait,
    driving: Path | Driving,
    progress: Progress = no_progress,
    **options: Any,
) -> Pictures:
    made = animate(animator, source, driving, AnimateOptions(crop=False, **options), progress=progress)
    return [picture for _, picture in made.frames]


def agree(animator: Animator, source: Portrait, got: Pictures, alpha_NM: Iterable[NDArray[Any]]) -> None:
    expected = list(animator.render(source.encoded, alpha_NM))
    assert len(got) == len(expected)
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(got, expected, strict=True)) <= 1
    assert np.abs(expected[0].astype(int) - expected[-1]).mean() > 0.8  # or else it would prove nothing


def test_the_clip_tells_what_comes(animator: Animator, source: Portrait, clip: Path, face_clip: Path) -> None:
    made = animate(animator, source, clip, AnimateOptions(crop=False))
    assert (made.rate, made.width, made.height, made.total) == (10, 64, 64, 9)
    assert [time for time, _ in made.frames] == [Fraction(k, 10) for k in range(9)]
    assert animate(animator, source, face_clip, AnimateOptions(crop=False)).sound == face_clip


def test_relative_with_everything(
    animator: Animator, source: Portrait, clip: Path, alpha_NM: NDArray[np.float32]
) -> None:
    """Equation (10) with G: the head at 0.5, all else at 2 but the mouth, which is left out."""
    mouth_M = np.eye(8)[5]
    gains_MM = 2 * np.eye(8) - 1.5 * HEAD_MM - 2 * np.outer(mouth_M, mouth_M)
    expected_NM = source.alpha_M + 0.7 * mouth_M / 2 + (alpha_NM - alpha_NM[0]) @ gains_MM.T
    strength = {"all": 2, "head": 0.5}
    got = frames(animator, source, clip, set={"smile": 0.7}, strength=strength, without=["mouth"])
    agree(animator, source, got, expected_NM)


def test_only_the_head(
    animator: Animator, source: Portrait, clip: Path, alpha_NM: NDArray[np.float32]
) -> None:
    expected_NM = source.alpha_M + 4 * (alpha_NM - alpha_NM[0]) @ HEAD_MM
    got = frames(animator, source, clip, only=["head"], strength=4, force=True, reference="first")
    agree(animator, source, got, expected_NM)
    absolute_NM = source.alpha_M + 4 * (alpha_NM - source.alpha_M) @ HEAD_MM
    got = frames(animator, source, clip, only=["yaw"], strength=4, absolute=True, force=True)
    agree(animator, source, got, absolute_NM)


def test_no_strength_is_a_still(animator: Animator, source: Portrait, clip: Path) -> None:
    (still_RR3,) = animator.render(source.encoded, [source.alpha_M])
    for frame in frames(animator, source, clip, strength=0):
        assert np.abs(frame.astype(int) - still_RR3).max() <= 1


def test_smooth(animator: Animator, source: Portrait, clip: Path) -> None:
    moments = list(smooth_motion(open_driving(animator, clip, DrivingOptions(crop=False)).frames()))
    expected = [source.alpha_M + moment.alpha_M - moments[0].alpha_M for moment in moments]
    got = frames(animator, source, clip, smooth=True)
    agree(animator, source, got, expected)
    plain = frames(animator, source, clip)
    assert np.abs(got[-1].astype(int) - plain[-1]).max() > 1


def test_best_frame(animator: Animator, clip: Path, alpha_NM: NDArray[np.float32]) -> None:
    """The source is the clip's frame 6, nearly: that frame leaves it as it is."""
    source = open_portrait(animator, colours(9, 1)[6] ^ 1, SourceOptions(crop=False))
    stages: dict[str, list[tuple[int, int | None]]] = {}
    got = frames(
        animator,
        source,
        clip,
        lambda stage, done, total: stages.setdefault(stage, []).append((done, total)),
        reference="best",
    )
    agree(animator, source, got, source.alpha_M + alpha_NM - alpha_NM[6])
    assert stages["finding the reference"] == [(k, 9) for k in range(1, 10)]


def test_a_reference_by_its_time(
    animator: Animator, source: Portrait, clip: Path, alpha_NM: NDArray[np.float32]
) -> None:
    """Ten frames a second: 0.65 s is within frame 6. In a part of the clip, it is still the clip's time."""
    got = frames(animator, source, clip, reference=Seconds(0.6))
    agree(animator, source, got, source.alpha_M + alpha_NM - alpha_NM[6])
    got = frames(animator, source, clip, reference=Seconds(0.65), since=Seconds(0.1))
    agree(animator, source, got, source.alpha_M + alpha_NM[1:] - alpha_NM[6])
    with pytest.raises(OptionError, match=r"no frame at 60 s \(it lasts 0.80 s\)"):
        frames(animator, source, clip, reference=Seconds(60))


@pytest.mark.parametrize("as_template", [False, True])
def test_a_part_of_the_driving(
    animator: Animator, source: Portrait, clip: Path, alpha_NM: NDArray[np.float32], as_template: bool
) -> None:
    """Its motion counts from the part's own first frame, and times start there."""
    driving = clip
    if as_template:
        driving = clip.with_name("part.safetensors")
        whole = open_driving(animator, clip, DrivingOptions(crop=False))
        save_template(Template.of(whole.frames(), whole.rate, animator.network), driving)
    part = {"since": Seconds(0.1), "until": Seconds(0.8)}
    made = animate(animator, source, driving, AnimateOptions(crop=False, **part))
    times, got = zip(*made.frames, strict=True)
    assert made.total == len(got)
    assert times == tuple(Fraction(k, 10) for k in range(7))
    agree(animator, source, list(got), source.alpha_M + alpha_NM[1:8] - alpha_NM[1])
    with pytest.raises(LiaxError, match=r"has no (frame after 9 s|moment in that part)"):
        frames(animator, source, driving, since=Seconds(9))
    with pytest.raises(OptionError, match="ends before it begins"):
        frames(animator, source, driving, since=Seconds(0.4), until=Seconds(0.2))


def test_a_driving_that_begins_turned(
    animator: Animator, source: Portrait, caplog: pytest.LogCaptureFixture
) -> None:
    """Motion counts from where the heads agree; from the first frame, on request, it is held at -50 deg."""
    yaw_M = CONTROLS.directions_MK[:, 0]
    yaws = [40.0, 20, 0, -20]
    alphas = [(source.alpha_M + yaw * yaw_M).astype(np.float32) for yaw in yaws]
    moments = [DrivingFrame(Fraction(k), alpha_M, k == 0, None) for k, alpha_M in enumerate(alphas)]
    template = Template.of(iter(moments), Fraction(1), animator.network)
    with caplog.at_level(logging.WARNING):
        got = frames(animator, source, template)
    agree(animator, source, got, np.stack(alphas))
    assert caplog.messages == [
        "The driving begins with the head turned away from the portrait's (yaw +40 deg); its motion counts "
        "from where the two are most alike. reference=first counts it from the first frame."
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        held = frames(animator, source, template, reference="first")
    expected = [source.alpha_M + max(yaw - 40, -50) * yaw_M for yaw in yaws]
    agree(animator, source, held, np.stack(expected).astype(np.float32))
    assert caplog.messages == [
        "The head would move farther than pictures hold (yaw); it is held there, at 3.0 s."
    ]


def test_align(animator: Animator, source: Portrait, clip: Path, alpha_NM: NDArray[np.float32]) -> None:
    """Aligned by the head's coefficients, relative motion has the driving's head throughout."""
    template = Template.of(
        open_driving(animator, clip, DrivingOptions(crop=False)).frames(), Fraction(10), animator.network
    )
    turn_M = HEAD_MM @ (alpha_NM[0] - source.alpha_M)
    assert np.abs(turn_M).max() > 0.05
    got = frames(animator, source, template, align="pose")
    agree(animator, source, got, source.alpha_M + turn_M + alpha_NM - alpha_NM[0])


def test_a_template_drives_like_its_video(
    animator: Animator, source: Portrait, clip: Path, tmp_path: Path
) -> None:
    driving = open_driving(animator, clip, DrivingOptions(crop=False))
    save_template(Template.of(driving.frames(), driving.rate, animator.network), tmp_path / "m.safetensors")
    made = animate(animator, source, tmp_path / "m.safetensors", AnimateOptions(crop=False, compare=True))
    assert (made.total, made.rate, made.sound, made.width) == (9, 10, None, 128)
    for (_, both), plain in zip(made.frames, frames(animator, source, clip), strict=True):
        assert np.array_equal(both[:, :64], source.square_RR3)
        assert np.array_equal(both[:, 64:], plain)


def test_a_cut_starts_anew(animator: Animator, source: Portrait, tmp_path: Path) -> None:
    shots = colours(9, 1)[:6] + [255 - frame for frame in colours(9, 5)[:6]]
    clip = write_clip(tmp_path / "d.mkv", shots, codec="ffv1", pixels="bgr0")
    driving = open_driving(animator, clip, DrivingOptions(crop=False))
    moments = list(driving.frames())
    assert [moment.starts_shot for moment in moments].index(True, 1) == 6
    starts = [moments[0]] * 6 + [moments[6]] * 6
    expected = [source.alpha_M + m.alpha_M - s.alpha_M for m, s in zip(moments, starts, strict=True)]
    agree(animator, source, frames(animator, source, driving), expected)


def test_paste(animator: Animator, portrait_HW3: NDArray[np.uint8], face_clip: Path) -> None:
    """The whole picture comes out, with the face moved in it as the driving moves, frame by frame."""
    picture_HW3 = np.full((301, 403, 3), 90, np.uint8)
    picture_HW3[40:300, 100:360] = portrait_HW3[:260, 90:350]
    made = animate(animator, picture_HW3, face_clip, AnimateOptions(paste=True))
    assert (made.width, made.height) == (402, 300)
    pasted = [picture for _, picture in made.frames]
    assert {picture.shape for picture in pasted} == {(300, 402, 3)}
    for picture in pasted:
        assert np.array_equal(picture[:, :40], picture_HW3[:300, :40])
    assert np.abs(pasted[0].astype(int) - picture_HW3[:300, :402]).max() <= 1  # no change yet
    assert np.abs(pasted[-1].astype(int) - picture_HW3[:300, :402])[120:220, 180:280].mean() > 1
    portrait = open_portrait(animator, picture_HW3)
    alpha_NM = np.stack([moment.alpha_M for moment in open_driving(animator, face_clip).frames()])
    retouch = Retouch(portrait.framing.crop, 403, 301, animator.size)
    changes = EditDelta(animator, portrait.encoded).stream(portrait.alpha_M + alpha_NM - alpha_NM[0])
    for picture, change in zip(pasted, changes, strict=True):
        assert np.abs(picture.astype(int) - retouch(picture_HW3, change)).max() <= 1
    beside = animate(animator, picture_HW3, face_clip, AnimateOptions(paste=True, compare=True))
    assert (beside.width, beside.height) == (402 + 300 + 402, 300)
    last = list(beside.frames)[-1][1]
    assert last.shape == (300, 1104, 3)
    assert np.abs(last[:, :402].astype(int) - picture_HW3[:300, :402]).max() == 0
    assert np.array_equal(last[:, -402:], pasted[-1])


def test_a_single_picture_is_taken_over(
    animator: Animator,
    source: Portrait,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    picture = tmp_path / "d.png"
    Image.fromarray(colours(2, 7)[0]).save(picture)
    (moment,) = open_driving(animator, picture, DrivingOptions(crop=False)).frames()
    with caplog.at_level(logging.WARNING):
        (frame,) = frames(animator, source, picture)
    assert caplog.messages == [
        "A single driving picture has no motion; its pose and expression are taken over instead."
    ]
    (expected,) = animator.render(source.encoded, [moment.alpha_M])
    assert np.abs(frame.astype(int) - expected).max() <= 1
    done = animate_file(animator, source, picture, tmp_path / "o.png", AnimateOptions(crop=False))
    assert (done.frames, done.width, done.height) == (1, 64, 64)
    assert np.array_equal(np.asarray(Image.open(done.path)), frame)


def test_a_video_is_no_picture(animator: Animator, source: Portrait, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(LiaxError, match=r"o\.png can hold one picture, but the driving has more"):
        animate_file(animator, source, clip, tmp_path / "o.png", AnimateOptions(crop=False))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"absolute": True, "reference": "best"}, "leave out reference='best' or absolute=True"),
        ({"absolute": True, "align": "pose"}, "takes over the driving's pose already"),
        ({"align": "pose", "reference": "best"}, "leave out align='pose' or reference='best'"),
        ({"reference": Seconds(1), "since": Seconds(2)}, "outside the part of the driving that is used"),
        ({"reference": Seconds(3), "until": Seconds(2)}, "outside the part of the driving that is used"),
        ({"paste": True, "crop": False}, "leave out paste=True or crop=False"),
        ({"set": {"yaw": 60}}, "yaw=60deg is out of its range"),
        ({"set": {"frown": 1}}, "no control 'frown'"),
        ({"only": ["gaze"]}, "no motion called 'gaze'"),
        ({"strength": 9}, "9 is no strength"),
    ],
)
def test_bad_options_are_told_before_anything_is_read(
    animator: Animator, tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    nowhere = tmp_path / "nowhere"
    with pytest.raises(LiaxError, match=sentence):
        animate(animator, nowhere, nowhere, AnimateOptions(**options))
