"""Numbered pictures: named as the pattern says, all of them or none."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clips import flat_frames
from liax.errors import OutputExistsError
from liax.files import _part_name
from liax.media.sequence import create_sequence, is_sequence, picture_path


def write(path: Path, count: int, **options: bool) -> None:
    with create_sequence(path, **options) as writer:
        for frame in flat_frames(count):
            writer.write(frame, Fraction(0))


def test_names() -> None:
    assert all(is_sequence(Path(name)) for name in ("a_%04d.png", "%d.png"))
    assert not any(is_sequence(Path(name)) for name in ("a.png", "50%.png", "%s.png", "%99d"))
    assert picture_path(Path("f/a_%04d.png"), 12) == Path("f/a_0012.png")
    assert picture_path(Path("%d.png"), 12) == Path("12.png")


def test_all_pictures_appear_at_the_end(tmp_path: Path) -> None:
    with create_sequence(tmp_path / "a_%03d.png") as writer:
        for frame in flat_frames(3):
            writer.write(np.dstack([frame, frame[..., 0]]), Fraction(0))
        assert not [name for name in os.listdir(tmp_path) if not name.startswith(".")]
    assert sorted(os.listdir(tmp_path)) == ["a_001.png", "a_002.png", "a_003.png"]
    with Image.open(tmp_path / "a_002.png") as picture:
        assert picture.convert("RGBA").getpixel((5, 5)) == (25, 25, 25, 25)


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    def interrupted() -> None:
        with create_sequence(tmp_path / "a_%d.png") as writer:
            writer.write(flat_frames(1)[0], Fraction(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == []


def test_pictures_that_are_there(tmp_path: Path) -> None:
    write(tmp_path / "a_%d.png", 2)
    with pytest.raises(OutputExistsError, match=r"a_1\.png exists"):
        write(tmp_path / "a_%d.png", 3, overwrite=False)
    assert sorted(os.listdir(tmp_path)) == ["a_1.png", "a_2.png"]
    write(tmp_path / "a_%d.png", 3)
    assert len(os.listdir(tmp_path)) == 3


def test_what_a_killed_run_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liax.files._is_running", lambda process: False)
    left = tmp_path / _part_name(tmp_path / "pictures")
    left.mkdir()
    (left / "a_1.png").write_bytes(b"x")
    write(tmp_path / "a_%d.png", 1)
    assert os.listdir(tmp_path) == ["a_1.png"]
