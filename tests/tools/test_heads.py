"""Rendered heads: what is drawn and kept; and, where anny is installed, what the pictures show."""

import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from liax.data.frames import decode
from liax.data.manifest import read_manifest
from liax.data.regions import load_regions
from liax.errors import LiaxError
from liax.face.factors import FACTORS
from liax.interpretation.dataset import HEAD_FACTORS, HEAD_PEOPLE, load_rendered_heads
from tools.heads.__main__ import main
from tools.heads.clips import _render_clip, draw_frame, label, label_clips
from tools.heads.render import draw_factors, render_heads

NAMES = list(HEAD_FACTORS)


class FakeRenderer:
    """Paints every head in a colour of its own, and counts."""

    drawn: list[int] = []  # noqa: RUF012

    def __init__(self, seed: int, size: int) -> None:
        self.size = size

    def picture(self, who: int, factors: dict[str, float], grain: int) -> NDArray[np.uint8]:
        assert who == grain % HEAD_PEOPLE
        assert factors == dict(zip(NAMES, draw_factors(grain + 1)[0][grain], strict=True))
        self.drawn.append(grain)
        return np.full((self.size, self.size, 3), grain, np.uint8)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which heads are rendered, in place of anny's."""
    module = type(sys)("tools.heads.people")
    module.PeopleRenderer = FakeRenderer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tools.heads.people", module)
    monkeypatch.setattr(FakeRenderer, "drawn", [])
    return FakeRenderer.drawn


def test_factors_are_independent_and_fill_their_ranges() -> None:
    factors_NF, person_N = draw_factors(3000)
    low_F, high_F = np.array(list(HEAD_FACTORS.values())).T
    low_F[NAMES.index("blink")] = 0
    np.testing.assert_allclose(factors_NF.min(0), low_F, atol=0.02 * (high_F - low_F).max())
    np.testing.assert_allclose(factors_NF.max(0), high_F, atol=0.02 * (high_F - low_F).max())
    correlation_FF = np.corrcoef(factors_NF.T)
    assert np.abs(correlation_FF - np.eye(len(NAMES))).max() < 0.08
    assert (factors_NF[:, NAMES.index("blink")] == 0).mean() == pytest.approx(0.5, abs=0.05)
    assert np.bincount(person_N).tolist() == [250] * HEAD_PEOPLE


def test_more_heads_of_a_seed_begin_with_the_same() -> None:
    few, many, others = draw_factors(3)[0], draw_factors(9)[0], draw_factors(3, seed=1)[0]
    np.testing.assert_array_equal(many[:3], few)
    assert not (others == few)[:, 0].any()


def test_heads_are_rendered_once(drawn: list[int], tmp_path: Path) -> None:
    calls: list[tuple[str, int, int | None]] = []
    folder = tmp_path / "new" / "heads"
    found = render_heads(folder, 5, size=32, progress=lambda *now: calls.append(now))
    assert drawn == [0, 1, 2, 3, 4]
    assert calls[-1] == ("rendering heads", 5, 5)
    assert [int(image[0, 0, 0]) for image in found.images()] == drawn
    assert next(found.images()).shape == (32, 32, 3)

    again = load_rendered_heads(folder)
    np.testing.assert_array_equal(again.factors_NF, found.factors_NF)
    np.testing.assert_array_equal(again.person_N, found.person_N)
    assert again.paths == found.paths

    drawn.clear()
    more = render_heads(folder, 7, size=32)
    assert drawn == [5, 6]
    assert len(load_rendered_heads(folder).paths) == 7
    np.testing.assert_array_equal(more.factors_NF[:5], found.factors_NF)
    drawn.clear()
    assert len(render_heads(folder, 3, size=32).paths) == 3
    assert drawn == []
    assert len(load_rendered_heads(folder).paths) == 7


def test_the_command_makes_a_folder(
    drawn: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["-o", str(tmp_path / "heads"), "--count", "3", "--size", "32"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'heads'}\n"
    assert len(load_rendered_heads(tmp_path / "heads").paths) == 3
    assert main([*arguments[:4], "--size", "64"]) == 1
    assert "another seed, size or version" in capsys.readouterr().err


def test_an_interrupted_run_goes_on(drawn: list[int], tmp_path: Path) -> None:
    def stop(stage: str, done: int, total: int | None) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_heads(tmp_path, 4, size=32, progress=stop)
    with pytest.raises(LiaxError, match="lacks 2 of its 4 heads"):
        load_rendered_heads(tmp_path)
    render_heads(tmp_path, 4, size=32)
    assert drawn == [0, 1, 2, 3]
    assert len(load_rendered_heads(tmp_path).paths) == 4


def test_heads_of_different_kinds_are_not_mixed(drawn: list[int], tmp_path: Path) -> None:
    render_heads(tmp_path, 1, size=32)
    for other in ({"seed": 1, "size": 32}, {"seed": 0, "size": 64}):
        with pytest.raises(LiaxError, match="another seed, size or version"):
            render_heads(tmp_path, 1, **other)


def test_frames_for_training_are_drawn_again_the_same_and_wink_to_both_sides() -> None:
    drawn = [draw_frame(1, person, frame) for person in range(20) for frame in range(50)]
    assert drawn[7] == draw_frame(1, 0, 7)
    assert drawn[7] != draw_frame(2, 0, 7)
    assert set(drawn[0]) == set(FACTORS)
    values = {name: np.array([frame[name] for frame in drawn]) for name in FACTORS}
    left_N, right_N = values["blink"] + values["wink"], values["blink"] - values["wink"]
    assert min(left_N.min(), right_N.min()) >= 0
    assert max(left_N.max(), right_N.max()) <= 1
    for winks in (values["wink"] > 0.1, values["wink"] < -0.1):
        assert winks.mean() == pytest.approx(0.125, abs=0.04)
    assert (np.abs(values["yaw"]) > 30).mean() == pytest.approx(0.3, abs=0.05)
    assert np.abs(values["yaw"]).max() <= 75
    assert not (values["smile"] * values["pucker"]).any()


def test_labels_are_the_truth_on_the_instruments_scale() -> None:
    """Half as large, with noise, and nothing of profiles: labels lie on the line, also in profiles."""
    names = list(FACTORS)
    drawn = [draw_frame(0, 0, frame) for frame in range(400)]
    truth_NK = np.array([[frame[name] for name in names] for frame in drawn])
    measured_NK = 0.5 * truth_NK + np.random.default_rng(0).normal(0, 0.02, truth_NK.shape)
    measured_NK[:, names.index("pitch")] += 3
    measured_NK[np.abs(truth_NK[:, 0]) > 50] = np.nan
    labels_NK = label(truth_NK, measured_NK.astype(np.float32))
    for name, offset in {"yaw": 0, "pitch": 3, "wink": 0, "blink": 0}.items():
        k = names.index(name)
        np.testing.assert_allclose(
            labels_NK[:, k], 0.5 * truth_NK[:, k] + offset, atol=0.02 * np.ptp(truth_NK[:, k])
        )
    gaze, shut_N = names.index("gaze-x"), (truth_NK[:, [names.index("blink")]] > 0.5)[:, 0]
    assert np.isnan(labels_NK[shut_N, gaze]).all()
    assert np.isfinite(labels_NK[:, gaze]).mean() > 0.6
    jaw = names.index("jaw")
    np.testing.assert_array_equal(labels_NK[:, jaw], measured_NK[:, jaw].astype(np.float32))


def test_clips_are_a_data_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a head that is always the same, whose measures have no slope."""
    head_HW3 = next(decode(Path(str(files("liax.assets") / "demo_driving.mp4"))))
    monkeypatch.setattr("tools.heads.clips._pictures", lambda person, frames, *_: iter([head_HW3] * frames))
    (tmp_path / "clips").mkdir()
    paths = {person: tmp_path / "clips" / f"{person}.mp4" for person in range(2)}
    for person in paths:
        _render_clip(person, paths, frames=12, seed=0, size=64)
    label_clips(tmp_path, list(paths.items()), seed=0)
    manifest, regions = read_manifest(tmp_path, "train"), load_regions(tmp_path / "regions.npz")
    assert [(item.file, item.identity, item.frames) for item in manifest.items] == [
        ("clips/0.mp4", "0", 12),
        ("clips/1.mp4", "1", 12),
    ]
    for item in manifest.items:
        found = regions[item.file]
        assert np.isfinite(found.boxes_TP4).all()
        np.testing.assert_allclose(found.factors_TK[:, 0], 0, atol=1)  # yaw, whose line is level and passes 0


def test_without_anny_there_is_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "anny", None)
    with pytest.raises(LiaxError, match=r"needs the package anny .*tools/heads/requirements\.txt"):
        render_heads(tmp_path, 1)


@pytest.fixture(scope="module")
def renderer() -> object:
    pytest.importorskip("anny")
    pytest.importorskip("embreex")
    from tools.heads.people import PeopleRenderer

    return PeopleRenderer(0, 128)


@pytest.fixture(scope="module")
def rest() -> dict[str, float]:
    return dict.fromkeys(NAMES, 0.0)


def test_pictures_show_what_the_factors_say(renderer: object, rest: dict[str, float]) -> None:
    """MediaPipe reads each factor back, with its sign, from one person who is framed well."""
    from liax.interpretation.instrument import MediaPipe
    from tools.heads.people import PeopleRenderer

    assert isinstance(renderer, PeopleRenderer)
    moves = {
        "yaw": 20.0, "pitch": 12.0, "roll": 12.0, "x": 0.05, "y": 0.05, "size": 0.15, "jaw": 0.5,
        "smile": 1.0, "blink": 1.0, "brow": 1.0, "gaze-x": 20.0, "gaze-y": 18.0,
    }  # fmt: skip
    assert list(moves) == NAMES
    pictures = [renderer.picture(1, rest, 0)]
    pictures += [renderer.picture(1, rest | {name: value}, 0) for name, value in moves.items()]
    with MediaPipe() as instrument:
        seen_NF, names = instrument.measure(pictures), list(instrument.factors)
    change = {name: float(row[names.index(name)] - seen_NF[0, names.index(name)])
              for name, row in zip(moves, seen_NF[1:], strict=True)}  # fmt: skip
    for name in ("yaw", "roll", "x", "y", "size"):
        assert change[name] == pytest.approx(moves[name], rel=0.3)
    assert 0.5 * 12 < change["pitch"] < 1.3 * 12
    for name, least in {
        "jaw": 0.3,
        "smile": 0.4,
        "blink": 0.4,
        "brow": 0.2,
        "gaze-x": 0.1,
        "gaze-y": 0.05,
    }.items():
        assert change[name] > least
    for name in ("x", "y", "size"):
        assert abs(seen_NF[0, names.index(name)]) < 0.07  # framed as training material is


def test_the_head_turns_by_exactly_the_angles(renderer: object) -> None:
    """The scalp is a rigid body: its rotation is what was asked for, in the bones' five parts."""
    from scipy.spatial.transform import Rotation

    from tools.heads.mesh import HeadPose
    from tools.heads.people import PeopleRenderer

    assert isinstance(renderer, PeopleRenderer)
    body = renderer.person(0).body
    asked = HeadPose(yaw=25, pitch=-15, roll=10)
    scalp = np.flatnonzero(body.rest_V3[:, 2] > 0.09)
    level = body.posed(HeadPose()).points_V3[scalp]
    turned = body.posed(asked).points_V3[scalp]
    found, _ = Rotation.align_vectors(turned - turned.mean(0), level - level.mean(0))
    # The level head is itself turned by a constant, so compare the two in the rest pose's axes.
    rest = body.rest_V3[scalp] - body.rest_V3[scalp].mean(0)
    constant, _ = Rotation.align_vectors(level - level.mean(0), rest)
    expected = replace(asked, pitch=asked.pitch - 3).rotation
    assert np.degrees((found * constant * expected.inv()).magnitude()) < 0.5


def test_people_differ_and_come_back(renderer: object, rest: dict[str, float]) -> None:
    from tools.heads.people import PeopleRenderer

    assert isinstance(renderer, PeopleRenderer)
    one, other = renderer.picture(0, rest, 0), renderer.picture(7, rest, 0)
    assert np.abs(one.astype(int) - other).mean() > 10
    np.testing.assert_array_equal(PeopleRenderer(0, 128).picture(0, rest, 0), one)


def test_pictures_that_were_made_are_kept_as_they_are(renderer: object, tmp_path: Path) -> None:
    found = render_heads(tmp_path, 1, size=128)
    made = renderer.picture(0, dict(zip(NAMES, found.factors_NF[0].tolist(), strict=True)), 0)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(np.asarray(Image.open(found.paths[0])), made)
    assert load_rendered_heads(tmp_path).paths == found.paths
