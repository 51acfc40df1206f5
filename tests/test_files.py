"""Files that appear whole or not at all, and paths that are checked before anything is done."""

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from liax.errors import LiaxError, OutputExistsError
from liax.files import atomic_file, check_output


def test_replacing_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic_file(path) as file:  # noqa: PT012
        file.write(b"half")
        assert path.read_bytes() == b"old"
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]
    with atomic_file(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_replacing_keeps_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with atomic_file(tmp_path / "link") as file:
        file.write(b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"x"


def test_full_disk_is_one_sentence(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    wanted = pytest.raises(LiaxError, match="disk is full")
    with full_disk(1000), wanted, atomic_file(tmp_path / "a.bin") as file:
        file.write(b"x" * 5000)
    with pytest.raises(LiaxError, match="disk is full"), atomic_file(tmp_path / "a.bin"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_other_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="elsewhere"), atomic_file(tmp_path / "a.bin"):
        raise OSError(errno.EIO, "elsewhere")


def test_check_output(tmp_path: Path) -> None:
    there, source = tmp_path / "there.mp4", tmp_path / "source.mp4"
    there.write_bytes(b"x")
    source.write_bytes(b"x")

    def check(path: Path, overwrite: bool = False) -> None:
        check_output(path, suffixes=(".mp4",), overwrite=overwrite, inputs=(source,))

    check(tmp_path / "new.mp4")
    check(tmp_path / "NEW.MP4")
    check(there, overwrite=True)
    with pytest.raises(OutputExistsError) as caught:
        check(there)
    assert caught.value.path == there
    with pytest.raises(LiaxError, match="also an input"):
        check(source, overwrite=True)
    with pytest.raises(LiaxError, match=r"\.mp4"):
        check(tmp_path / "new.avi")
    with pytest.raises(LiaxError, match="create it"):
        check(tmp_path / "no" / "new.mp4")
    (tmp_path / "d.mp4").mkdir()
    with pytest.raises(LiaxError, match="is a folder"):
        check(tmp_path / "d.mp4", overwrite=True)
    assert there.read_bytes() == b"x"
