"""Bounded readers: what is too large, too deep or no number is refused, at once."""

from __future__ import annotations

import io
import json
import re
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liax.bounded import (
    check_safetensors,
    csv_header,
    parse_csv,
    parse_csv_numbers,
    parse_fraction,
    parse_json,
    parse_number,
    parse_toml,
    printable,
    read_arrays,
    read_json,
    short,
)

pytestmark = pytest.mark.timeout(10)

DEEP = 100_000
HOSTILE: list[tuple[Callable[[Any], Any], Any, str]] = [
    (parse_number, "1" * 5000, "too long for a number"),
    (parse_number, "nan", "not finite"),
    (parse_number, "-inf", "not finite"),
    (parse_number, "1e999", "not finite"),
    (parse_number, "much", "could not convert"),
    (parse_fraction, "1e99999999", "is not a fraction"),
    (parse_fraction, "1" * 5000, "is not a fraction"),
    (parse_fraction, "1/0", "divides by zero"),
    (parse_fraction, "-1/2", "is not a fraction"),
    (parse_fraction, "", "is not a fraction"),
    (parse_json, "[" * DEEP, "nested deeper"),
    (parse_json, '{"a":' * DEEP, "nested deeper"),
    (parse_json, "9" * 400, "too large"),
    (parse_json, "9" * 5000, "too large"),
    (parse_json, '"' + '\\"' * DEEP, "Unterminated"),
    (parse_json, " " * (5 << 20), "larger than 4 MiB"),
    (parse_json, b"\xff", "utf-8"),
    (parse_toml, "a = " + "[" * DEEP, "nested deeper"),
    (parse_toml, "a = " + "{a=" * DEEP, "nested deeper"),
    (parse_toml, ".".join("a" * DEEP) + " = 1", "nested deeper"),
    (parse_toml, "[" + ".".join("a" * DEEP) + "]", "nested deeper"),
    (parse_toml, '"a" . ' * DEEP + "a = 1", "nested deeper"),
    (parse_toml, "a = " + "9" * 4000, "64 bits"),
    (parse_toml, "a = 0x" + "f" * DEEP, "64 bits"),
    (parse_toml, "a" * (5 << 20), "larger than 4 MiB"),
    (parse_toml, "a = " + '"""' + '\\"' * DEEP, "Unterminated"),
    (lambda raw: parse_csv(raw, ["a"]), b"a\n" + b"x" * 200_000, "field"),
    (lambda raw: parse_csv(raw, ["a"]), b"a\n" + b"x" * 5000, "line 2 has a field of more than 4096"),
    (lambda raw: parse_csv(raw, ["a"]), b"a\n\xff", "utf-8"),
    (lambda raw: parse_csv_numbers(raw, [0]), b"a\n" + b"9" * 5000, "line 2 has a field of more than 4096"),
    (lambda raw: parse_csv_numbers(raw, [0]), b"a\n1e999", "line 2: '1e999' is not finite"),
    (lambda raw: parse_csv_numbers(raw, [0]), b"a\nmuch", "line 2: 'much' is no number"),
    (lambda raw: parse_csv_numbers(raw, [0]), b"a\n\xff", "utf-8"),
    (lambda raw: parse_csv_numbers(raw, [0]), b"a\n" + b"1\n" * 1_000_001, "more than 1,000,000 lines"),
]


@pytest.mark.parametrize(("read", "given", "reason"), HOSTILE, ids=[reason for *_, reason in HOSTILE])
def test_refused_with_a_short_reason(read: Callable[[Any], Any], given: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        read(given)
    assert len(str(caught.value)) < 300


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_json_is_read_as_ever(value: Any) -> None:
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


def test_toml_is_read_as_ever() -> None:
    text = (
        'a = "[[[" # [[[\nb = """\n[" {{ """\nc = \'[[\'\nd = [[1, 2], [3]]\n'
        "[[job]]\nset = {yaw = 1.5}\n" * 1 + "[[job]]\nx.y = 2\n"
    )
    assert parse_toml(text + "[t]\n" + "# '''\n")["job"] == [{"set": {"yaw": 1.5}}, {"x": {"y": 2}}]
    assert parse_toml("a = ['" + "[" * 99 + "']") == {"a": ["[" * 99]}


@pytest.mark.parametrize("text", ["25", "30000/1001", "1/90000"])
def test_fractions(text: str) -> None:
    assert str(parse_fraction(text)) == text == str(Fraction(text))


def test_csv_lines_may_be_short_or_empty() -> None:
    header, rows = parse_csv(b"\xef\xbb\xbfa,b,c\n1\n\n1,2,3,4\n", ["a", "b"])
    assert header == ["a", "b", "c"]
    assert rows == [{"a": "1", "b": ""}, {"a": "1", "b": "2"}]
    assert parse_csv(b"", ["a"]) == ([], [])


def _header(path: Path, header: bytes, size: int | None = None) -> Path:
    path.write_bytes(struct.pack("<Q", len(header) if size is None else size) + header)
    return path


@pytest.mark.parametrize(
    ("header", "size", "reason"),
    [
        (b"{}", 1 << 62, "larger than 16 MiB"),
        (b"[]", None, "no header"),
        (b"", None, "no header"),
        (b'{"a":' + b"[" * DEEP, None, "nested deeper"),
        (json.dumps(dict.fromkeys(map(str, range(20_001)))).encode(), None, "more than 20000 tensors"),
        (b'{"a":' + b"9" * 400 + b"}", None, "too large"),
    ],
)
def test_safetensors_headers(tmp_path: Path, header: bytes, size: int | None, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_safetensors(_header(tmp_path / "a.safetensors", header, size))


def test_files_are_not_read_beyond_their_bound(tmp_path: Path) -> None:
    path = tmp_path / "sparse.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match="larger than 4 MiB"):
        read_json(path)


def test_arrays(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.arange(3), b=np.ones((2, 2), np.float16))
    arrays = read_arrays(path)
    assert {name: array.tolist() for name, array in arrays.items()} == {"a": [0, 1, 2], "b": [[1, 1], [1, 1]]}
    with pytest.raises(ValueError, match="larger than"):
        read_arrays(path, most=100)
    np.savez(path, a=np.arange(3))
    for content in (path.read_bytes()[:-40], b"", b"PK", path.read_bytes().replace(b"NUMPY", b"NUMPI")):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(ValueError, match=r"."):
            read_arrays(tmp_path / "bad.npz")
    np.savez(path, a=np.array([{}], object))
    with pytest.raises(ValueError, match=r"."):
        read_arrays(path)


def test_an_array_that_claims_terabytes_is_not_allocated(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f2", "fortran_order": False, "shape": (10**13, 4)}
    )
    with ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue())
    with pytest.raises(ValueError, match="cut short"):
        read_arrays(tmp_path / "a.npz")


def test_nothing_steers_a_terminal() -> None:
    assert printable("a\x1b[2J\u202eb\n\tü 笑") == "a\\x1b[2J\\u202eb\n\tü 笑"
    assert short("\x1b" + "a" * 99, 10) == "'\\x1baaaaaaaaa…'"
    assert short(ValueError("a\nb\x07")) == "a b\\x07"
    assert re.fullmatch(r"\[0, 0, .{13}…", short([0] * 99, 20))


def test_numbers_of_a_csv() -> None:
    raw = b"\xef\xbb\xbf a ,b,c\r\n1,x,2\r\n\r\n,y\r\n"
    assert csv_header(raw) == ["a", "b", "c"]
    values_TC, texts = parse_csv_numbers(raw, [2, 0], [1])
    assert np.array_equal(values_TC, [[2, 1], [np.nan, np.nan]], equal_nan=True)
    assert texts == [["x", "y"]]


def test_decimal_commas() -> None:
    values_TC, _ = parse_csv_numbers(b"a;b\n1,5;-2,25\n", [0, 1])
    assert values_TC.tolist() == [[1.5, -2.25]]
    assert csv_header(b"a\tb,c\td") == ["a", "b,c", "d"]
    assert csv_header(b"") == []
