from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

from liax.errors import LiaxError
from liax.options_file import OptionType, has_key, read_options, read_tables


class Angle(NamedTuple):
    degrees: float


@dataclass(frozen=True)
class Inner:
    weight: float = 1.0
    pair: tuple[float, float] = (1.0, 0.5)
    kind: Literal["light", "dark"] = "light"


@dataclass(frozen=True)
class Outer:
    path: Path
    inner: Inner = field(default_factory=Inner)
    count: int = 1
    on: bool = False
    most: float | None = None
    strength: float | Mapping[str, float] = 1.0
    edit: Mapping[str, float | Angle] = field(default_factory=dict)
    names: Collection[str] = ()
    sizes: tuple[int, ...] = ()
    rate: Fraction | None = None


ANGLES = {Angle: OptionType(lambda text: Angle(float(text.removesuffix("deg"))), "an angle", "angles")}


def read(values: object) -> Outer:
    return read_options(Outer, values, "a.toml", types=ANGLES, renamed={"inner.size": "inner.weight"})


def test_tables_become_dataclasses() -> None:
    values = {
        "path": "x/y",
        "inner": {"weight": 3, "pair": [1, 2], "kind": "dark"},
        "most": None,
        "strength": {"mouth": 2},
        "edit": {"yaw": "15deg", "jaw": 1},
        "names": ["a", "b"],
        "sizes": [3],
        "rate": 29.97,
    }
    assert read(values) == Outer(
        Path("x/y"),
        Inner(3.0, (1.0, 2.0), "dark"),
        strength={"mouth": 2.0},
        edit={"yaw": Angle(15.0), "jaw": 1.0},
        names=("a", "b"),
        sizes=(3,),
        rate=Fraction(2997, 100),
    )
    assert isinstance(read(values).inner.weight, float)
    assert read({"path": "x"}) == Outer(Path("x"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "a.toml lacks path; add it."),
        ([1], "a.toml must be a table of keys, not [1]."),
        ({"count": 2, "paths": "x"}, "a.toml has the unknown key 'paths'; did you mean path?"),
        ({"zzz": 2}, "a.toml has the unknown key 'zzz'; known are path, inner, count, on, most, strength, "),
        ({"inner": {"wait": 1}}, "a.toml has the unknown key 'inner.wait'; did you mean weight?"),
        ({"inner": {"size": 1}}, "a.toml: inner.size is called inner.weight now; rename it."),
        ({"inner": 3}, "a.toml: inner must be a table of keys, not 3."),
        ({"inner": None}, "a.toml: inner must be a table of keys, not None."),
        ({"inner": {"weight": "1"}}, "a.toml: inner.weight must be a number, not '1'."),
        ({"inner": {"weight": None}}, "a.toml: inner.weight must be a number, not None."),
        ({"inner": {"weight": True}}, "a.toml: inner.weight must be a number, not True."),
        ({"inner": {"weight": 10**400}}, "a.toml: inner.weight must be a number, not 1000"),
        ({"inner": {"pair": [1]}}, "a.toml: inner.pair must be a list of 2 numbers, not [1]."),
        ({"inner": {"pair": "ab"}}, "a.toml: inner.pair must be a list of 2 numbers, not 'ab'."),
        ({"inner": {"pair": [1, "a"]}}, "a.toml: inner.pair must be a list of 2 numbers, not [1, 'a']."),
        ({"inner": {"kind": "red"}}, "a.toml: inner.kind must be 'light' or 'dark', not 'red'."),
        ({"inner": {"kind": ["light"]}}, "a.toml: inner.kind must be 'light' or 'dark', not ['light']."),
        ({"count": 1.5}, "a.toml: count must be a whole number, not 1.5."),
        ({"count": True}, "a.toml: count must be a whole number, not True."),
        ({"on": 1}, "a.toml: on must be true or false, not 1."),
        ({"path": 3}, "a.toml: path must be a path, not 3."),
        ({"most": "long"}, "a.toml: most must be a number, not 'long'."),
        ({"strength": "x"}, "a.toml: strength must be a number or a table of numbers, not 'x'."),
        ({"edit": {"yaw": "far"}}, "a.toml: edit must be a table of numbers or angles, not {'yaw': 'far'}."),
        ({"edit": {"yaw": [1]}}, "a.toml: edit must be a table of numbers or angles, not {'yaw': [1]}."),
        ({"names": "ab"}, "a.toml: names must be a list of texts, not 'ab'."),
        ({"sizes": [1, "a"]}, "a.toml: sizes must be a list of whole numbers, not [1, 'a']."),
        ({"rate": float("inf")}, "a.toml: rate must be a number, not inf."),
    ],
)
def test_what_does_not_fit_is_told_by_file_and_key(values: Any, message: str) -> None:
    whole = {"path": "x"} | values if values and isinstance(values, dict) else values
    with pytest.raises(LiaxError) as told:
        read(whole)
    assert str(told.value).startswith(message)


def test_dotted_keys() -> None:
    assert has_key({"a": {"b": None}}, "a.b")
    assert has_key({"a": 1}, "a")
    assert not has_key({"a": {"b": 1}}, "a.c")
    assert not has_key({"a": 1}, "a.b")
    assert not has_key({}, "a.b")


def test_files_are_toml_or_json(tmp_path: Path) -> None:
    toml, plain = tmp_path / "a.toml", tmp_path / "a.json"
    toml.write_text('[a]\nb = "é"\n', encoding="utf-8")
    plain.write_text('{"a": {"b": "é"}}', encoding="utf-8")
    assert read_tables(toml) == read_tables(plain) == {"a": {"b": "é"}}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.toml", b"steps = \n", "a.toml is no TOML (Invalid value"),
        ("a.toml", b"x = '\xff'", "a.toml is no TOML ("),
        ("a.json", b"{", "a.json is no JSON (Expecting property name"),
        ("a.json", b"[1]", "a.json must be a table of keys, not [1]."),
        ("a.toml", None, "a.toml: No such file or directory; check the path."),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(LiaxError) as told:
        read_tables(tmp_path / name)
    assert message in str(told.value)
