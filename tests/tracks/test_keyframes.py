"""Keyframes: curves, presets, and what is not understood."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from liax.errors import LiaxError
from liax.options import Amount, parse_settings
from liax.tracks import read_keyframes, read_track
from liax.tracks.keyframes import EASES, timed_settings, untimed_settings
from liax.tracks.presets import PRESETS


def amounts(path: Path, name: str, *seconds: float) -> list[float]:
    keyframes = read_keyframes(path)
    found_TK = keyframes.amounts(np.array(seconds))
    return found_TK[:, list(keyframes.curves).index(name)].round(6).tolist()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.toml"
    path.write_text(
        """rate = 10
[[key]]
at = "1s"
yaw = "10deg"
[[key]]
at = 2
yaw = 0
smile = 0.6
ease = "linear"
"""
    )
    return path


def test_a_curve(keys: Path) -> None:
    """From the portrait as it is, along the ease of the key that it goes to, and still after the last."""
    assert amounts(keys, "yaw", 0, 0.5, 1, 1.5, 2, 9) == [0, 5, 10, 5, 0, 0]
    assert amounts(keys, "yaw", 0.25) == [1.5625]  # in-out
    # What a key names first begins to move at the key before.
    assert amounts(keys, "smile", 0, 1, 1.5, 2, 9) == [0, 0, 0.3, 0.6, 0.6]
    track = read_track(keys)
    assert track.changes
    assert (track.timing.rate, len(track.timing), track.controls) == (10, 21, ("yaw", "smile"))
    assert track.amounts_TK[[0, 10, 20]].tolist() == [[0, 0], [10, 0], [0, 0.6]]
    assert track.units == {"yaw": "deg"}


@pytest.mark.parametrize("ease", EASES)
def test_eases_lead_from_one_key_to_the_next(ease: str) -> None:
    t = np.linspace(0, 1, 11)
    eased = EASES[ease](t)
    assert (eased[0], eased[-1]) == (0, 1)
    assert (np.diff(eased) >= 0).all()


def test_json_says_the_same(keys: Path, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    values = {
        "key": [{"at": "1s", "yaw": "10deg"}, {"at": 2, "yaw": 0, "smile": 0.6, "ease": "linear"}],
        "rate": 10,
    }
    path.write_text(json.dumps(values))
    assert np.array_equal(read_track(path).amounts_TK, read_track(keys).amounts_TK)


def test_an_expression_takes_back_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(
        """length = "4s"
[preset.grin]
smile = 0.8
"#12" = 0.1
[[key]]
at = 1
preset = "grin"
amount = 0.5
yaw = "5deg"
[[key]]
at = 2
preset = "surprise"
[[key]]
at = 3
preset = "own.toml"
"""
    )
    (tmp_path / "own.toml").write_text("smile = 0.2\n")
    assert amounts(path, "smile", 1, 2, 3) == [0.4, 0, 0.2]
    assert amounts(path, "#12", 1, 2, 3) == [0.05, 0, 0]
    assert amounts(path, "brow", 1, 2, 3) == [0, PRESETS["surprise"]["brow"].value, 0]
    assert amounts(path, "yaw", 1, 2, 3) == [5, 5, 5]  # the head stays, unless a preset moves it
    track = read_track(path)
    assert (len(track.timing), track.vectors) == (100, (12,))


KEY = "[[key]]\nat = 1\n"
BAD = [
    ("", "is empty"),
    ("rate = 5\n", "has no keys"),
    ("key = 3\n", "has no keys"),
    ("[[key]]\nyaw = 1\n", "key 1 lacks at"),
    (KEY, "key 1 changes nothing"),
    (KEY + "yaw = 1\nease = 'slow'\n", "ease must be one of linear, in, out, in-out, hold, not 'slow'"),
    (KEY + "yaw = 1\nease = []\n", "ease must be one of"),
    (KEY + "yaw = true\n", "must be a number or a text such as"),
    (KEY + "yaw = 'fast'\n", "must be a number or a text such as"),
    (KEY + "yaw = nan\n", "must be a number or a text such as"),
    (KEY + "yaw = 1e300\n", "is no amount"),
    (KEY + "'a b' = 1\n", "'a b' is neither a control nor"),
    (KEY + "preset = 'smlie'\n", "no preset 'smlie'; did you mean smile"),
    (KEY + "preset = 'nothing like it'\n", "there are neutral, smile, laugh"),
    (KEY + "preset = '../x.toml'\n", "is in another folder"),
    (KEY + "preset = 'missing.toml'\n", "cannot read"),
    (KEY + "preset = 1\n", "preset must be a name"),
    (KEY + "yaw = 1\namount = 2\n", "an amount but no preset"),
    (KEY + "preset = 'smile'\namount = '2deg'\n", "amount is a factor"),
    (KEY + "yaw = 1\n" + KEY + "yaw = 2\n", "two keys at 1 s"),
    ("[[key]]\nat = 'soon'\nyaw = 1\n", "'soon' is no time"),
    ("[[key]]\nat = -1\nyaw = 1\n", "is no time"),
    ("[[key]]\nat = 99999999\nyaw = 1\n", "give a time up to 6 hours"),
    ("[[key]]\nat = []\nyaw = 1\n", "must be a time"),
    ("length = 1\n[[key]]\nat = 2\nyaw = 1\n", "its last key is at 2 s"),
    ("rate = 0\n" + KEY + "yaw = 1\n", "rate must be frames a second"),
    ("rate = 'fast'\n" + KEY + "yaw = 1\n", "rate must be frames a second"),
    ("rate = 1000\nlength = 9999\n" + KEY + "yaw = 1\n", "more than 1,000,000"),
    ("speed = 1\n" + KEY + "yaw = 1\n", "unknown key 'speed'"),
    ("preset = 1\n" + KEY + "yaw = 1\n", "must be tables"),
    ("[preset]\na = 1\n" + KEY + "yaw = 1\n", "must be a table of settings"),
    (KEY + "yaw = '1deg'\n[[key]]\nat = 2\nyaw = '1cm'\n", "yaw is in deg and in cm"),
    ("[[key", "is no TOML"),
]


@pytest.mark.parametrize(("text", "reason"), BAD, ids=[reason[:30] for _, reason in BAD])
def test_bad_keys(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(LiaxError, match=reason) as caught:
        read_track(path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_for_some_time_fade() -> None:
    settings = parse_settings(["yaw=10deg@1s-3s,smile=0.5,blink=1@2s,#3=1@0s-0.2s"])
    assert untimed_settings(settings) == {"smile": Amount(0.5)}
    keyframes = timed_settings(settings)
    assert keyframes is not None
    assert keyframes.units == {"yaw": "deg"}
    seconds = np.array([0, 0.1, 0.2, 1, 1.15, 1.3, 2, 2.7, 2.85, 3, 9])
    amounts_TK = keyframes.amounts(seconds).round(6).T.tolist()
    assert dict(zip(keyframes.curves, amounts_TK, strict=True)) == {
        "yaw": [0, 0, 0, 0, 5, 10, 10, 10, 5, 0, 0],
        "blink": [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
        "#3": [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    }
    assert timed_settings({"yaw": 1.0}) is None
