"""Messages of the tab "Live": read as the page writes them, and nothing else."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liax.app.live_messages import (
    FRAME,
    SOUND,
    Frame,
    MessageError,
    OpenRequest,
    picture_message,
    read_binary,
    read_options,
    read_sound_start,
    read_text,
)
from liax.options import LiveOptions, SourceOptions

SET = {"strength": 1.5, "smoothing": 0, "mirror": True}


@given(st.integers(0, 2**32 - 1), st.floats(0, 1e10), st.binary(min_size=1, max_size=50))
def test_frames_are_read_as_the_page_writes_them(shown: int, captured: float, packed: bytes) -> None:
    message = struct.pack("<BId", FRAME, shown, captured) + packed
    assert read_binary(message) == Frame(shown, captured, packed)
    assert read_binary(bytes([SOUND]) + packed) == packed


@given(st.binary(max_size=60))
def test_other_bytes_are_refused_or_within_bounds(message: bytes) -> None:
    try:
        read = read_binary(message)
    except MessageError:
        return
    if isinstance(read, Frame):
        assert 0 <= read.captured <= 1e10
        assert read.packed


@pytest.mark.parametrize("name", SET)
@pytest.mark.parametrize("value", [None, "1", [], {}, -1, 2.1, 1e400, float("nan"), 10**30])
def test_options_of_other_kinds_or_beyond_their_ranges_are_refused(name: str, value: Any) -> None:
    with pytest.raises(MessageError):
        read_options({**SET, name: value})


def test_a_portrait_is_a_file_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    values = {"portrait": str(tmp_path / "a.png"), "face": 2, "cropped": True, **SET}
    request = OpenRequest.read(values, tmp_path)
    assert request == OpenRequest(
        tmp_path / "a.png", SourceOptions(crop=False, face=2), LiveOptions(strength=1.5, smoothing=0)
    )
    for wrong in (
        {"portrait": "/etc/passwd"},
        {"portrait": str(tmp_path / ".." / "a.png")},
        {"portrait": str(tmp_path)},
        {"portrait": None},
        {"face": 6},
        {"face": True},
        {"cropped": 1},
        {"smoothing": 2},
    ):
        with pytest.raises(MessageError):
            OpenRequest.read({**values, **wrong}, tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"do": 3}', "nul", "[" * 1000, "x" * 30_000, '{"do": "a"'])
def test_texts_that_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(MessageError):
        read_text(text)


def test_times_of_sound() -> None:
    assert read_text(json.dumps({"do": "save", "sound_start": 5})) == (
        "save",
        {"do": "save", "sound_start": 5},
    )
    assert read_sound_start({"sound_start": None}) is None
    assert read_sound_start({"sound_start": 12.5}) == 12.5
    for wrong in ({}, {"sound_start": "1"}, {"sound_start": float("inf")}, {"sound_start": -1}):
        with pytest.raises(MessageError):
            read_sound_start(wrong)


def test_pictures_have_a_header_of_17_bytes() -> None:
    message = picture_message(7, 1234.5, 60.25, True, b"picture")
    assert struct.unpack_from("<IdfB", message) == (7, 1234.5, 60.25, 1)
    assert message[17:] == b"picture"
