import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from liax.errors import LiaxError
from liax.files import atomic_file


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
