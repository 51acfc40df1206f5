"""Filmed people who take over a driving's motion, or part of it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clips import moving_face, write_clip
from liax.errors import OptionError
from liax.media.footage import is_video
from liax.media.video import Video
from liax.model import LIAX
from liax.options import AnimateOptions, Seconds
from liax.portrait import Animator
from liax.portrait import reenact_video as module
from liax.portrait.animate import animate_file
from liax.portrait.carried import Moments
from liax.portrait.motion import DrivingFrame
from liax.portrait.reenact_video import reenact_video
from liax.portrait.template import Template, save_template
from liax.tracks import write_track
from liax.tracks.timing import Timing
from liax.tracks.track import Track
from liax.weights.controls import Control, Controls

MOUTH, HEAD = 2, 5
CONTROLS = Controls(
    8, (Control("jaw", "mouth", {MOUTH: 1.0}, -1.0, 1.0), Control("turn", "head", {HEAD: 1.0}, -1.0, 1.0))
)


@pytest.fixture
def animator(tiny: LIAX) -> Animator:
    animator = Animator(tiny, "cpu")
    animator.controls = CONTROLS
    return animator


def template(animator: Animator, path: Path, alphas: list[np.ndarray], rate: int = 12) -> Path:
    frames = [
        DrivingFrame(Fraction(k, rate), a.astype(np.float32), k == 0, None) for k, a in enumerate(alphas)
    ]
    save_template(Template.of(frames, Fraction(rate), animator.network), path)
    return path


def moved(index: int, amounts: list[float]) -> list[np.ndarray]:
    return [amount * np.eye(8)[index] for amount in amounts]


def pictures(animator: Animator, video: Path, driving: Path, **options: object) -> list[np.ndarray]:
    clip = reenact_video(animator, video, {None: driving}, AnimateOptions(**options))  # type: ignore[arg-type]
    return [picture for _, picture in clip.frames]


def coefficients(
    animator: Animator, video: Path, driving: Path, **options: object
) -> tuple[np.ndarray, np.ndarray]:
    """What is drawn of each frame, and what was filmed, (T, M) each."""
    drawn: list[np.ndarray] = []
    filmed: list[np.ndarray] = []
    whole = module.change_filmed

    def watched(animator: Animator, footage: object, faces: list, *args: object) -> object:  # type: ignore[type-arg]
        (face,) = faces

        def noted(frame: object, alpha_M: np.ndarray) -> np.ndarray:
            filmed.append(alpha_M)
            drawn.append(alpha_M + face.added(frame, alpha_M))
            return drawn[-1] - alpha_M

        return whole(animator, footage, [module.FilmedFace(face.shots, noted)], *args)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "change_filmed", watched)
        pictures(animator, video, driving, **options)
    return np.stack(drawn), np.stack(filmed)


def changes(video: Path, after: list[np.ndarray]) -> list[float]:
    return [np.abs(a.astype(int) - f.rgb()).mean() for f, a in zip(Video(video), after, strict=False)]


@pytest.fixture
def still_face(portrait_HW3: np.ndarray, tmp_path: Path) -> Path:
    """Twelve times the same frame, at 12 a second."""
    return write_clip(
        tmp_path / "s.mkv", moving_face(portrait_HW3, 1) * 12, rate=12, codec="ffv1", pixels="bgr0"
    )


def test_a_driving_that_rests_changes_nothing(animator: Animator, still_face: Path, tmp_path: Path) -> None:
    rest = template(animator, tmp_path / "m.safetensors", moved(MOUTH, [0.3] * 12))
    assert changes(still_face, pictures(animator, still_face, rest)) == [0] * 12


def test_only_what_is_carried_changes(animator: Animator, still_face: Path, tmp_path: Path) -> None:
    """The driving's head turns and its mouth opens; with only the mouth, its turn is left out."""
    turning = template(animator, tmp_path / "h.safetensors", moved(HEAD, [0.0, *[0.6] * 11]))
    opening = template(animator, tmp_path / "m.safetensors", moved(MOUTH, [0.0, *[0.6] * 11]))
    assert max(changes(still_face, pictures(animator, still_face, turning, only=("mouth",)))) == 0
    mouth = changes(still_face, pictures(animator, still_face, opening, only=("mouth",)))
    assert mouth[0] == 0
    assert min(mouth[1:]) > 0.1
    assert min(changes(still_face, pictures(animator, still_face, turning))[1:]) > 0.1


@pytest.mark.parametrize(
    ("options", "moves"), [({"only": ("mouth",)}, False), ({}, True), ({"without": ("head",)}, False)]
)
def test_what_moves_the_head(
    animator: Animator, still_face: Path, tmp_path: Path, options: dict[str, object], moves: bool
) -> None:
    rest = template(animator, tmp_path / "m.safetensors", moved(MOUTH, [0.0] * 2))
    jaw = Track(Timing.steady(2, Fraction(12)), ("jaw",), np.zeros((2, 1)))
    write_track(jaw, tmp_path / "jaw.csv")
    found: list[bool] = []

    def watched(animator: Animator, footage: object, faces: list[module.FilmedFace]) -> Iterator[object]:
        found.extend(face.moves_head for face in faces)
        yield Fraction(0), np.zeros((240, 320, 3), np.uint8)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "change_filmed", watched)
        pictures(animator, still_face, rest, **options)
        pictures(animator, still_face, tmp_path / "jaw.csv", **options)
    assert found == [moves, False]


def test_the_filmed_motion_is_replaced_where_it_is_carried(
    animator: Animator, face_clip: Path, tmp_path: Path
) -> None:
    """The filmed mouth moves and the driving's rests: all frames get the mouth of the one most like it."""
    rest = template(animator, tmp_path / "m.safetensors", moved(MOUTH, [0.0] * 12))
    results, own = coefficients(animator, face_clip, rest, only=("mouth",))
    assert np.ptp(own[:, MOUTH]) > 0
    assert np.ptp(results[:, MOUTH]) < 1e-5
    assert np.ptp(results[:, HEAD]) > 0


def test_keyframes_come_on_top_of_what_was_filmed(
    animator: Animator, face_clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "keys.toml").write_text("""
        rate = 12
        [[key]]
        at = 0
        jaw = 0.2
        [[key]]
        at = 1
        jaw = 0.4
        ease = "linear"
    """)
    results, own = coefficients(animator, face_clip, tmp_path / "keys.toml")
    jaw_T = 0.2 + 0.2 * np.arange(12) / 12
    assert results - own == pytest.approx(np.outer(jaw_T, np.eye(8)[MOUTH]), abs=1e-5)
    with pytest.raises(OptionError, match="has no pose of its own"):
        coefficients(animator, face_clip, tmp_path / "keys.toml", absolute=True)


def test_a_measured_face_replaces_only_what_it_measures(
    animator: Animator, face_clip: Path, tmp_path: Path
) -> None:
    """All other motion stays as filmed, whatever --only says; the measured one counts from its beginning."""
    jaw = Track(Timing.steady(12, Fraction(12)), ("jaw",), np.linspace(0.1, 0.4, 12)[:, None])
    write_track(jaw, tmp_path / "jaw.csv")
    results, own = coefficients(animator, face_clip, tmp_path / "jaw.csv")
    others = [number for number in range(8) if number != MOUTH]
    assert results[:, others] == pytest.approx(own[:, others], abs=1e-5)
    assert np.diff(results[:, MOUTH]) == pytest.approx(np.full(11, 0.3 / 11), abs=1e-5)
    assert np.abs(own[:, MOUTH] - results[0, MOUTH]).min() < 1e-5


def test_the_result_is_as_long_as_the_shorter(
    animator: Animator, still_face: Path, face_clip: Path, tmp_path: Path
) -> None:
    """Times are the video's; a driving of another rate is sampled between its frames."""
    short = template(animator, tmp_path / "m.safetensors", moved(MOUTH, [0.0, 0.5, 1.0]), rate=6)
    clip = reenact_video(animator, still_face, {None: short})
    assert [time for time, _ in clip.frames] == [Fraction(k, 12) for k in range(6)]
    assert reenact_video(animator, still_face, {None: face_clip}).sound == face_clip
    assert reenact_video(animator, face_clip, {None: short}).sound == face_clip
    (only,) = {len(pictures(animator, still_face, face_clip, until=Seconds(0.5)))}
    assert only == 6


def test_moments_between_frames() -> None:
    def frames() -> object:
        for k, (value, starts) in enumerate([(0.0, True), (1.0, False), (5.0, True), (6.0, False)]):
            yield DrivingFrame(Fraction(k), np.full(2, value, np.float32), starts, None)

    moments = Moments(frames(), ())  # type: ignore[arg-type]
    got = [tuple(float(x[0]) for x in moments.at(Fraction(t))) for t in (0, 0.5, 1, 1.5, 2, 2.5, 3, 9)]
    assert got == [(0, 0), (0.5, 0), (1, 0), (1, 0), (5, 5), (5.5, 5), (6, 5), (6, 5)]


def test_two_faces_each_with_its_own_driving(
    animator: Animator, portrait_HW3: np.ndarray, tmp_path: Path
) -> None:
    """In a picture: where the first face is nothing changes while its driving rests."""
    small = np.asarray(Image.fromarray(portrait_HW3).resize((360, 360)))
    both = np.full((420, 900, 3), 128, np.uint8)
    both[30:390, 30:390], both[60:340, 560:840] = small, np.asarray(Image.fromarray(small).resize((280, 280)))
    picture = tmp_path / "two.png"
    Image.fromarray(both).save(picture)
    rest = template(animator, tmp_path / "r.safetensors", moved(MOUTH, [0.0] * 6))
    opens = template(animator, tmp_path / "m.safetensors", moved(MOUTH, [0.0, *[0.6] * 5]))
    clip = reenact_video(animator, picture, {1: rest, 2: opens})
    after = [picture_HW3.astype(int) for _, picture_HW3 in clip.frames]
    assert (clip.width, clip.height, len(after)) == (900, 420, 6)
    assert np.array_equal(after[5][:, :450], both[:, :450])
    assert np.abs(after[5][:, 500:] - both[:, 500:]).mean() > 0.1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"align": "pose"}, "for single portraits"), ({"compare": True}, "for single portraits")],
)
def test_options_of_portraits(
    animator: Animator, face_clip: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(OptionError, match=sentence):
        pictures(animator, face_clip, face_clip, **options)


def test_a_file_says_what_it_is(
    animator: Animator, face_clip: Path, portrait_path: Path, tmp_path: Path
) -> None:
    assert is_video(face_clip)
    assert not is_video(portrait_path)
    assert not is_video(tmp_path)
    rest = template(animator, tmp_path / "m.safetensors", moved(MOUTH, [0.0, 0.4, 0.2]))
    done = animate_file(animator, face_clip, rest, tmp_path / "o.mp4")
    assert (done.frames, done.width, done.height) == (3, 320, 240)
