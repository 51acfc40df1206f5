"""Rendered heads: what is drawn and kept; and, where anny is installed, what the pictures show."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from liax.errors import LiaxError
from liax.interpretation.dataset import HEAD_FACTORS, HEAD_PEOPLE, load_rendered_heads
from tools.heads.__main__ import main
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
