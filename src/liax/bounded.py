"""Readers of what comes from outside: numbers, JSON, TOML, CSV, the header of a safetensors file, arrays.

Sizes and depths are checked before anything is allocated or computed, so that a damaged or hostile file costs
neither time nor memory. A reader raises ValueError with the reason; its caller names the file and the remedy.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import tomllib
from array import array
from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

MIB = 1 << 20
_JSON_BYTES = 4 * MIB
_TOML_BYTES = 4 * MIB
_CSV_BYTES = 512 * MIB
_NUMBER_CSV_BYTES = 128 * MIB
_HEADER_BYTES = 16 * MIB
_ARRAY_BYTES = 16 << 30
_DEPTH = 32  # of tables and lists in each other
_CHARACTERS = 100  # of a number
_FIELD = 4096  # characters of a CSV's field
_ROWS = 5_000_000
_NUMBER_ROWS = 1_000_000
_TENSORS = 20_000
_LARGEST = 1 << 63  # whole numbers have 64 bits


def read_bytes(path: Path, most: int) -> bytes:
    """A file of at most `most` bytes.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is larger.
    """
    with path.open("rb") as file:
        raw = file.read(most + 1)
    _check_size(len(raw), most)
    return raw


def parse_number(text: str) -> float:
    """A finite number, such as "1.5" or "-2e3"."""
    if len(text) > _CHARACTERS:
        raise ValueError(f"{short(text)} is too long for a number")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{short(text)} is not finite")
    return value


def parse_fraction(text: str) -> Fraction:
    """A fraction as `str` writes it: "25" or "30000/1001", of at most 18 digits above and below."""
    if re.fullmatch(r"[0-9]{1,18}(/[0-9]{1,18})?", text) is None:
        raise ValueError(f"{short(text)} is not a fraction")
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"{short(text)} divides by zero") from None


def read_json(path: Path, most: int = _JSON_BYTES) -> Any:
    """What a JSON file holds; otherwise as `parse_json`.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no JSON, or out of bounds.
    """
    return parse_json(read_bytes(path, most), most)


def parse_json(text: str | bytes, most: int = _JSON_BYTES) -> Any:
    """What JSON says.

    NaN and infinity are read, as Python writes them.

    Args:
        text: Bytes are taken for UTF-8.
        most: Largest size in bytes.

    Raises:
        ValueError: If it is no JSON, larger, nested deeper than 32 levels, or has a whole number of more
            than 64 bits.
    """
    _check_size(len(text), most)
    text = text.decode("utf-8") if isinstance(text, bytes) else text
    _check_depth(_JSON_TOKEN.finditer(text))
    return json.loads(text, parse_int=_whole)


def parse_toml(text: str) -> dict[str, Any]:
    """What TOML says.

    Raises:
        ValueError: If it is no TOML, larger than 4 MiB, nested deeper than 32 levels, or has a whole number
            of more than 64 bits.
    """
    _check_size(len(text), _TOML_BYTES)
    _check_depth(_TOML_TOKEN.finditer(text))
    if _LONG_KEY.search(_TOML_TOKEN.sub("x", text)):  # tomllib takes quadratic time for it
        raise ValueError(f"it is nested deeper than {_DEPTH} levels")
    try:
        tables = tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level: list[Any] = [tables]
    for _ in range(_DEPTH):
        level = [value for item in level for value in _values(item)]
    if level:
        raise ValueError(f"it is nested deeper than {_DEPTH} levels")
    return tables


def parse_csv(raw: bytes, columns: Collection[str]) -> tuple[list[str], list[dict[str, str]]]:
    """The names of a CSV's columns, and its lines as column -> text, "" where a line is too short.

    Args:
        raw: UTF-8 with or without a byte order mark.
        columns: Others are left out.

    Raises:
        ValueError: If it is no UTF-8, larger than 512 MiB, or has a field of more than 4096 characters or
            more than 5 million lines.
    """
    _check_size(len(raw), _CSV_BYTES)
    reader = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    try:
        header = next(reader, [])
        wanted = [(at, name) for at, name in enumerate(header) if name in columns]
        rows: list[dict[str, str]] = []
        for line in reader:
            if any(len(field) > _FIELD for field in line):
                raise ValueError(f"line {reader.line_num} has a field of more than {_FIELD} characters")
            if len(rows) == _ROWS:
                raise ValueError(f"it has more than {_ROWS} lines")
            if line:
                rows.append({name: line[at] if at < len(line) else "" for at, name in wanted})
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None
    return header, rows


def csv_header(raw: bytes) -> list[str]:
    """The names of a CSV's columns without the spaces around them; ValueError as in `parse_csv_numbers`."""
    return [name.strip() for name in next(_csv_lines(raw), (0, []))[1]]


def parse_csv_numbers(
    raw: bytes, numbers: Sequence[int], texts: Sequence[int] = ()
) -> tuple[NDArray[np.float64], list[list[str]]]:
    """Some columns of a CSV as numbers (T, len(numbers)), NaN where a cell is empty, and others as texts.

    Semicolons and tabs part columns, too, if the header has more of them than commas; numbers may then have
    decimal commas, as spreadsheets of many countries write them.

    Args:
        raw: UTF-8 with or without a byte order mark.
        numbers, texts: Which columns, counted from 0.

    Raises:
        ValueError: If it is no UTF-8, larger than 128 MiB, has a field of more than 4096 characters or more
            than a million lines, or if a cell is no finite number.
    """
    cells = array("d")
    found: list[list[str]] = [[] for _ in texts]
    lines = _csv_lines(raw)
    next(lines, None)
    count = 0
    for line, row in lines:
        count += 1
        if count > _NUMBER_ROWS:
            raise ValueError(f"it has more than {_NUMBER_ROWS:,} lines")
        for at in numbers:
            text = row[at].strip() if at < len(row) else ""
            try:
                cells.append(float(text.replace(",", ".")) if text else math.nan)
            except ValueError:
                raise ValueError(f"line {line}: {short(text, 20)} is no number") from None
            if math.isinf(cells[-1]):
                raise ValueError(f"line {line}: {short(text, 20)} is not finite")
        for column, at in zip(found, texts, strict=True):
            column.append(row[at].strip() if at < len(row) else "")
    return np.array(cells, np.float64).reshape(count, len(numbers)), found


def _csv_lines(raw: bytes) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of every line that is not empty."""
    _check_size(len(raw), _NUMBER_CSV_BYTES)
    head = raw[: raw.find(b"\n") if b"\n" in raw else len(raw)]
    delimiter = max(",;\t", key=lambda mark: head.count(mark.encode()))
    reader = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if any(len(field) > _FIELD for field in row):
                raise ValueError(f"line {reader.line_num} has a field of more than {_FIELD} characters")
            if any(row):
                yield reader.line_num, row
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None


def check_safetensors(path: Path) -> None:
    """Check the header of a safetensors file, before its tensors are read.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it has no such header, or one that is larger than 16 MiB, is nested deeper than 32
            levels or lists more than 20,000 tensors.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if file.read(1) != b"{":
            raise ValueError("it has no header")
        _check_size(size, _HEADER_BYTES)
        header = parse_json(b"{" + file.read(size - 1), _HEADER_BYTES)
    if len(header) > _TENSORS:
        raise ValueError(f"it lists more than {_TENSORS} tensors")


def read_arrays(file: Path | IO[bytes], most: int = _ARRAY_BYTES) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by name; pickled ones are refused.

    Args:
        file: A path, or an open file.
        most: Largest size of all arrays together, in bytes.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is none, damaged, or its arrays are larger than it says or than `most`.
    """
    try:
        with ZipFile(file) as archive:
            _check_size(sum(member.file_size for member in archive.infolist()), most)
            for member in archive.infolist():
                with archive.open(member) as stream:
                    version = np.lib.format.read_magic(stream)
                    reader = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
                    shape, _, dtype = reader[version[0]](stream)
                    if math.prod(shape) * dtype.itemsize > member.file_size:
                        raise ValueError(f"{short(member.filename)} is cut short")
        if not isinstance(file, Path):
            file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except OSError:
        raise
    except Exception as error:  # zipfile, zlib and NumPy raise many kinds for damaged files.
        raise ValueError(short(error)) from None


def short(value: object, longest: int = 80) -> str:
    """A value for a message: without control characters, and cut where it is long."""
    if isinstance(value, str):
        return repr(value if len(value) <= longest else f"{value[:longest]}…")
    text = str(value) if isinstance(value, Exception) else repr(value)
    text = printable(" ".join(text[: longest + 1].split()))
    return text if len(text) <= longest else f"{text[:longest]}…"


def printable(text: str) -> str:
    """Text with its control characters, which could steer a terminal, as escapes such as \\x1b.

    Line ends and tabs stay. Marks that reverse the direction of writing count as control characters.
    """
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# Strings are skipped, to their end or to that of the text; the second group is nesting.
_JSON_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)
_TOML_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+(?:"""|$)'
    r"|'''(?:[^']++|'(?!''))*+(?:'''|$)"
    r'|"(?:[^"\\\n]++|\\.)*+"?'
    r"|'[^'\n]*+'?"
    r"|\#[^\n]*+"
    r"|([\[{])|([\]}])",
    re.DOTALL,
)

_LONG_KEY = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{_DEPTH}}}")


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise ValueError(f"it is larger than {most / MIB:g} MiB")


def _check_depth(tokens: Iterator[re.Match[str]]) -> None:
    depth = 0
    for token in tokens:
        depth += (token[1] is not None) - (token[2] is not None)
        if depth > _DEPTH:
            raise ValueError(f"it is nested deeper than {_DEPTH} levels")


def _whole(text: str) -> int:
    if len(text) > 20 or not -_LARGEST <= int(text) < 2 * _LARGEST:
        raise ValueError(f"the number {text[:20]}… is too large")
    return int(text)


def _values(item: Any) -> Iterator[Any]:
    """What a table or list holds; ValueError for a whole number that is too large."""
    if isinstance(item, dict):
        yield from item.values()
    elif isinstance(item, list):
        yield from item
    elif isinstance(item, int) and not -_LARGEST <= item < _LARGEST:
        raise ValueError("it has a whole number of more than 64 bits")
