"""The alignment benchmark's pure functions."""

import numpy as np
import pytest

from liax.errors import LiaxError
from liax.face.landmarks import Face
from scripts import load_script

align = load_script("align")


def _picture(name: str, identity: str, roll: float) -> object:
    pose, angle = np.eye(4, dtype=np.float32), np.radians(roll)
    pose[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    face = Face(np.zeros((478, 2), np.float32), {}, pose)
    return align.Picture(name, identity, np.zeros((2, 2, 3), np.uint8), face)


def test_pairs_are_of_different_people_turned_differently_and_always_the_same() -> None:
    portraits = [_picture(f"p{k}", f"person {k % 5}", 4.0 * k) for k in range(10)]
    clips = [_picture(f"c{k}", f"person {k % 5}", 1 + 4.0 * k) for k in range(6)]
    pairs = align.choose_pairs(portraits, clips, 12)
    assert len(pairs) == len({(a.name, b.name) for a, b in pairs}) == 12
    assert all(a.identity != b.identity for a, b in pairs)
    # One degree apart, and three, is too alike.
    assert all(abs(int(a.name[1:]) * 4 - 1 - int(b.name[1:]) * 4) > 3 for a, b in pairs)
    assert max(sum(a.name == p.name for a, _ in pairs) for p in portraits) <= 2
    assert max(sum(b.name == c.name for _, b in pairs) for c in clips) <= 3
    assert align.choose_pairs(portraits, clips, 12) == pairs
    with pytest.raises(LiaxError, match="ask for fewer"):
        align.choose_pairs(portraits, clips, 40)


def test_the_summary_of_known_records() -> None:
    def record(turns: tuple[float | None, ...], identities: tuple[float | None, ...]) -> object:
        turn, identity = (dict(zip(align.VERSIONS, values, strict=True)) for values in (turns, identities))
        natural = dict.fromkeys(align.VERSIONS, 0.2)
        return align.Record("s", "d", 9.0, turn, dict(turn), identity, natural, 0.8)

    found = align.summarise(
        [
            record((10.0, 11.0, 1.0), (0.1, 0.2, 0.3)),
            record((20.0, 9.0, 5.0), (0.1, 0.3, 0.7)),
            record((20.0, None, 5.0), (0.1, None, 0.7)),
        ]
    )
    assert (found["pairs"], found["without a face"]) == (3, 1)
    assert found["turn falls by"] == pytest.approx({"unedited": 0, "coefficients": 1 / 3, "refined": 0.8})
    assert found["identity grows by"] == pytest.approx({"unedited": 0, "coefficients": 1.5, "refined": 4})
    assert found["identity beyond natural"]["refined"] == pytest.approx(1.5)
    assert found["within 1.5 degrees"] == {"unedited": 0, "coefficients": 0, "refined": 1}
    assert found["further than unedited"] == {"unedited": 0, "coefficients": 1, "refined": 0}
    assert found["same person"] == {"unedited": 2, "coefficients": 2, "refined": 1}
