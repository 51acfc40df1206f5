"""Options: parsers and their inverses, and that the command line says and reads what the dataclasses hold."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import tyro
from hypothesis import given
from hypothesis import strategies as st

from liax.cli.option_types import face_and_driving, join_repeated, option_types, without_aliases
from liax.errors import LiaxError
from liax.option_flags import changed_options, to_arguments
from liax.options import (
    Amount,
    AnimateOptions,
    DrivingOptions,
    EditOptions,
    EditVideoOptions,
    ManipulateOptions,
    Seconds,
    SourceOptions,
    Square,
    Stretch,
    parse_amount,
    parse_names,
    parse_rate,
    parse_reference,
    parse_seconds,
    parse_settings,
    parse_square,
    parse_strength,
    to_text,
)

CLASSES = (SourceOptions, DrivingOptions, AnimateOptions, EditOptions, EditVideoOptions, ManipulateOptions)
NAMES = st.from_regex(r"[a-z]{1,6}(-[a-z]{1,4})?|#[0-9]{1,2}", fullmatch=True)
NUMBERS = st.floats(-100, 100).map(lambda value: float(f"{value:g}"))
TIMES = st.sampled_from([None, Stretch(1.5), Stretch(0, 2.25)])
AMOUNTS = st.builds(Amount, NUMBERS, st.sampled_from(["", "deg"]), TIMES)
OPTIONS = st.builds(
    AnimateOptions,
    crop=st.booleans(),
    face=st.none() | st.integers(1, 9),
    driving_face=st.none() | st.integers(1, 9),
    rate=st.none() | st.sampled_from([Fraction(25), Fraction(2997, 100), Fraction(30000, 1001)]),
    absolute=st.booleans(),
    reference=st.sampled_from([None, "first", "best", Seconds(3.2), Seconds(62.5)]),
    since=st.none() | st.sampled_from([Seconds(0.3), Seconds(2)]),
    until=st.none() | st.sampled_from([Seconds(6), Seconds(3601.5)]),
    square=st.none() | st.builds(Square, NUMBERS, NUMBERS, NUMBERS),
    quality=st.none() | st.integers(1, 100),
    align=st.sampled_from([None, "pose", "expression", "all"]),
    only=st.lists(NAMES, max_size=3).map(tuple),
    without=st.lists(NAMES, max_size=3).map(tuple),
    strength=NUMBERS.map(abs)
    | st.dictionaries(NAMES, NUMBERS, min_size=1).filter(lambda d: d.keys() != {"all"}),
    smooth=st.booleans(),
    set=st.dictionaries(NAMES, AMOUNTS, max_size=3),
    keys=st.sampled_from([None, Path("keys.toml")]),
    force=st.booleans(),
    paste=st.booleans(),
    compare=st.booleans(),
)


def read(cls: Any, arguments: list[str]) -> Any:
    return tyro.cli(tyro.conf.FlagCreatePairsOff[cls], args=join_repeated(arguments), registry=option_types())


@given(OPTIONS)
def test_the_command_line_reads_what_options_write(options: AnimateOptions) -> None:
    assert read(AnimateOptions, to_arguments(options)) == options


@pytest.mark.parametrize("cls", CLASSES)
def test_defaults_need_no_arguments(cls: Any) -> None:
    assert to_arguments(cls()) == []
    assert read(cls, []) == cls()


def test_only_what_changed_is_written() -> None:
    options = AnimateOptions(crop=False, set={"yaw": 10.0, "#3": Amount(0.5)}, strength={"head": 0.8})
    assert changed_options(options) == {
        "crop": False,
        "strength": {"head": 0.8},
        "set": {"yaw": 10.0, "#3": Amount(0.5)},
    }
    assert to_arguments(options) == ["--no-crop", "--strength", "head=0.8", "--set", "yaw=10,#3=0.5"]
    assert to_arguments(EditVideoOptions(paste=False)) == ["--no-paste"]
    assert to_arguments(AnimateOptions(square=Square(-5, 0, 100))) == ["--square=-5,0,100"]


@pytest.mark.parametrize(
    ("arguments", "joined"),
    [
        (["a", "--set", "x=1", "b"], ["a", "--set", "x=1", "b"]),
        (["--set", "x=1", "-o", "f", "--set", "y=2"], ["--set", "x=1,y=2", "-o", "f"]),
        (["--set=x=1", "--set", "y=2"], ["--set", "x=1,y=2"]),
        (["--", "--set", "x=1", "--set", "y=2"], ["--", "--set", "x=1", "--set", "y=2"]),
        ([], []),
    ],
)
def test_a_repeated_flag_is_joined(arguments: list[str], joined: list[str]) -> None:
    assert join_repeated(arguments) == joined


@pytest.mark.parametrize(
    ("arguments", "own"),
    [
        (["--from", "2s", "--to=6s"], ["--since", "2s", "--until=6s"]),
        (["a", "--best-frame", "--paste"], ["a", "--reference", "best", "--paste"]),
        (["--first-frame"], ["--reference", "first"]),
        (["--face", "2"], ["--face", "2"]),
        (["--face", "2=a.mp4", "--face=1=b.mp4"], ["--faces", "2=a.mp4", "--faces=1=b.mp4"]),
        (["--", "--from"], ["--", "--from"]),
    ],
)
def test_flags_that_stand_for_others(arguments: list[str], own: list[str]) -> None:
    assert without_aliases(arguments) == own


@pytest.mark.parametrize(
    ("text", "reference"),
    [("first", "first"), (" Best ", "best"), ("3.2s", 3.2), ("300ms", 0.3), ("1:02.5", 62.5)],
)
def test_references(text: str, reference: object) -> None:
    assert parse_reference(text) == reference


def test_a_face_and_its_driving() -> None:
    assert face_and_driving("2=a=b.mp4") == (2, Path("a=b.mp4"))
    for text in ("a.mp4", "0=a.mp4", "1=", "x=a.mp4", "1" * 9 + "=a.mp4"):
        with pytest.raises(LiaxError, match="is no face and driving"):
            face_and_driving(text)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (parse_reference, "worst", "is no reference; give first, best or a time such as 3.2s"),
        (parse_square, "1,2", "is no square; give its left and upper edge"),
        (parse_square, "1,2,nan", "is no square"),
        (parse_amount, "1" * 5000, "is no setting"),
        (parse_amount, "1e999", "is no setting"),
        (parse_amount, "1" * 100_000 + " x 3", "is no setting"),
        (parse_amount, "\x1b[2J", r"'amount=\\x1b\[2J' is no setting"),
        (parse_strength, "nan", "is no strength"),
        (parse_strength, "head=inf", "is no strength"),
        (parse_strength, "1" * 5000, "is no strength"),
        (parse_names, ",", "',' names nothing"),
        (parse_names, " , ,", "names nothing"),
        (parse_rate, "nan", "'nan' is no frame rate"),
        (parse_rate, "inf", "is no frame rate"),
        (parse_rate, "-inf", "is no frame rate"),
        (parse_rate, "1e12", "is no frame rate"),
        (parse_rate, "1e999999999", "is no frame rate"),
        (parse_rate, "1/0", "is no frame rate"),
        (parse_rate, "1" * 5000, "is no frame rate"),
        (parse_rate, "fast", "is no frame rate"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else value.__name__,
)
def test_texts_that_are_refused(parse: Any, text: str, words: str) -> None:
    with pytest.raises(LiaxError, match=words) as caught:
        parse(text)
    assert len(str(caught.value)) < 300


def test_rates() -> None:
    assert [parse_rate(text) for text in ("25", "29.97", "30000/1001")] == [
        25,
        Fraction(2997, 100),
        Fraction(30000, 1001),
    ]


def test_texts() -> None:
    assert parse_amount("15deg") == Amount(15, "deg")
    assert parse_names("Mouth, eyes") == ("mouth", "eyes")
    assert parse_names("") == ()
    assert parse_strength("1.3") == 1.3
    assert parse_strength("1.2, mouth=1.5") == {"all": 1.2, "mouth": 1.5}
    assert to_text({"yaw": Amount(-15, "deg"), "smile": 0.5}) == "yaw=-15deg,smile=0.5"
    assert parse_strength("head=0.8,mouth=1.5") == {"head": 0.8, "mouth": 1.5}
    for text in ("loud", "head", "head=", "1,,2", "head=x", ""):
        with pytest.raises(LiaxError, match="is no strength"):
            parse_strength(text)
    for text in ("yaw", "=1", "yaw=1=2"):
        with pytest.raises(LiaxError, match="is no setting"):
            parse_settings([text])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.2s", 1.2), ("300ms", 0.3), ("1:02.5", 62.5), (" 4 ", 4), (".5 s", 0.5), ("10", 10)],
)
def test_times(text: str, seconds: float) -> None:
    assert parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.2m", "1e3", "1:2:3", "9" * 400, "nan", "1s2"])
def test_no_time(text: str) -> None:
    with pytest.raises(LiaxError, match="is no time"):
        parse_seconds(text)


def test_settings_for_some_time() -> None:
    assert parse_settings(["yaw=10deg@1.5s,smile=.5 @ 0:01 - 2500ms"]) == {
        "yaw": Amount(10, "deg", Stretch(1.5)),
        "smile": Amount(0.5, "", Stretch(1, 2.5)),
    }
    for text, reason in (
        ("yaw=1@3s-2s", "'3s-2s' ends before it begins"),
        ("yaw=1@", "'' is no time"),
        ("yaw=1@soon", "'soon' is no time"),
        ("yaw=1@1s@2s", "is no setting"),
    ):
        with pytest.raises(LiaxError, match=reason):
            parse_settings([text])
