"""Files that appear whole or not at all, and paths that are checked before anything is done."""

import errno
import os
import signal
import subprocess
import sys
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


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("node", ["pipe", "device", "folder"])
def test_only_regular_files_are_replaced(tmp_path: Path, node: str, linked: bool) -> None:
    path = tmp_path / "a.mp4"
    if node == "pipe":
        os.mkfifo(path)
    elif node == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/null")
    if linked:
        (tmp_path / "link.mp4").symlink_to(path)
        path = tmp_path / "link.mp4"
    kind = path.stat().st_mode
    for write in (
        lambda: check_output(path, suffixes=(".mp4",), overwrite=True, inputs=()),
        lambda: atomic_file(path).__enter__(),
    ):
        with pytest.raises(LiaxError, match=r"is a (device or a pipe|folder), which is not replaced"):
            write()
    assert path.stat().st_mode == kind


@pytest.mark.parametrize("hard_links", [True, False])
def test_what_appears_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hard_links: bool
) -> None:
    """Two runs on one new output: the second finds that of the first."""
    if not hard_links:
        monkeypatch.setattr(os, "link", _no_links)
    path = tmp_path / "a.bin"
    with pytest.raises(OutputExistsError) as caught, atomic_file(path, overwrite=False) as second:  # noqa: PT012
        with atomic_file(path, overwrite=False) as first:
            first.write(b"first")
        second.write(b"second")
    assert caught.value.path == path
    assert path.read_bytes() == b"first"
    with atomic_file(path, overwrite=True) as file:
        file.write(b"third")
    assert path.read_bytes() == b"third"
    assert os.listdir(tmp_path) == ["a.bin"]


def _no_links(*_: object) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


def test_what_is_there_meanwhile_but_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with pytest.raises(LiaxError, match="not replaced"), atomic_file(path):
        os.mkfifo(path)
    assert path.is_fifo()


_KILLED = """
import os, signal, sys
from pathlib import Path
from liax.files import atomic_file
with atomic_file(Path(sys.argv[1])) as file:
    file.write(b"x" * 10)
    if sys.argv[2] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    print("writing", flush=True)
    sys.stdin.read()
"""


def _writer(path: Path, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _KILLED, str(path), how]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_next_run_sweeps_what_a_killed_one_left(tmp_path: Path) -> None:
    """And nothing else: not what a living process writes, and no file of the user's."""
    living = _writer(tmp_path / "living.mp4", "lives")
    assert living.stdout is not None
    assert living.stdout.readline() == "writing\n"
    assert _writer(tmp_path / "dead.mp4", "dies").wait(60) == -signal.SIGKILL
    (tmp_path / ".notes.part").write_text("mine")
    parts = set(os.listdir(tmp_path)) - {".notes.part"}
    assert {name.split(".")[1] for name in parts} == {"dead", "living"}
    elsewhere = ".x.0123abcd-1.89abcdef.part"  # another machine's, which may be alive
    old = (".y.0123abcd-1.89abcdef.part", ".z.89abcdef.part")
    for name in (elsewhere, *old):
        (tmp_path / name).write_bytes(b"x")
    for name in old:
        os.utime(tmp_path / name, (0, 0))
    with atomic_file(tmp_path / "new.mp4") as file:
        file.write(b"x")
    left = {name for name in os.listdir(tmp_path) if not name.startswith(".living.")}
    assert left == {".notes.part", elsewhere, "new.mp4"}
    living.communicate("", timeout=60)
    assert set(os.listdir(tmp_path)) == {".notes.part", elsewhere, "new.mp4", "living.mp4"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a" * 300 + ".mp4", "has a name that is too long; name another file."),
        ("笑" * 90 + ".mp4", "has a name that is too long; name another file."),
        ("d/" * 2500 + "a.mp4", "has a name that is too long; name another file."),
        ("a\0b.mp4", "has a null character in its name; name another file."),
    ],
)
def test_impossible_names(tmp_path: Path, name: str, said: str) -> None:
    for write in (
        lambda: check_output(tmp_path / name, suffixes=(".mp4",), overwrite=True, inputs=()),
        lambda: atomic_file(tmp_path / name).__enter__(),
    ):
        with pytest.raises(LiaxError) as caught:
            write()
        assert str(caught.value).endswith(said)
        assert len(str(caught.value)) < 160


@pytest.mark.parametrize("stem", ["a" * 251, "😀" * 62])
def test_long_names(tmp_path: Path, stem: str) -> None:
    with atomic_file(tmp_path / f"{stem}.mp4") as file:
        file.write(b"x")
    assert os.listdir(tmp_path) == [f"{stem}.mp4"]


def test_an_input_with_an_impossible_name_is_another_reader_s_fault(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    inputs = (Path("\0"), Path("x" * 5000))
    check_output(tmp_path / "a.mp4", suffixes=(".mp4",), overwrite=True, inputs=inputs)
