"""`liax studio` as a process: it serves, asks nobody else, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from visitor import Visitor

from liax.cli.main import main

# Runs the command and keeps a list of all that it connects to or looks up.
_LISTENED = """
import sys
told = open(sys.argv.pop(1), "a", buffering=1)
def hook(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        print(event, *args[event == "socket.connect":], file=told)
sys.addaudithook(hook)
from liax.cli.main import main
main(sys.argv[1:])
"""


@contextmanager
def _running(tmp_path: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """The process, the page's address, and the file of what it connected to."""
    heard = tmp_path / "heard.txt"
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    words = [sys.executable, "-c", _LISTENED, str(heard), "studio", *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("liax studio is at http://"), line
        yield process, line.split()[4], heard
    finally:
        process.kill()
        process.wait()


def _temporary(tmp_path: Path) -> list[Path]:
    return list(tmp_path.glob("liax-studio-*"))


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_ended_and_leaves_nothing(
    tmp_path: Path, tiny_weights: Path, portrait_path: Path, ending: signal.Signals
) -> None:
    with _running(tmp_path, "--weights", str(tiny_weights)) as (process, address, heard):
        visitor = Visitor(address)
        picture, _, _ = visitor.change("edit", Your_portrait=visitor.upload(portrait_path))
        assert Path(picture["path"]).is_file()
        assert len(_temporary(tmp_path)) == 1
        process.send_signal(ending)
        assert process.wait(20) == 128 + ending
        assert not _temporary(tmp_path)
        places = heard.read_text().splitlines()
        assert places  # it hears that the page is reached
        assert all("127.0.0.1" in place or "localhost" in place for place in places), places


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--port", "80000"], "liax: 80000 is no port; take 1 to 65535 (--port).\n"),
        (
            ["--host", "nonsense"],
            "liax: nonsense is no address of this computer; take 127.0.0.1, or 0.0.0.0 to let other "
            "computers in (--host).\n",
        ),
        (["--port", "taken"], "liax: Port taken cannot be used"),
    ],
)
def test_places_that_cannot_be_listened_at_are_told(
    tmp_path: Path,
    tiny_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    told: str,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        options = [word.replace("taken", port) for word in options]
        with pytest.raises(SystemExit) as ended:
            main(["studio", "--weights", str(tiny_weights), *options])
    assert ended.value.code == 1
    err = capsys.readouterr().err
    assert err.startswith(told.replace("taken", port))
    assert err.count("\n") == 1
    assert not _temporary(tmp_path)
