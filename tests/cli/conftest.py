"""The command line, run in the tests' own process."""

import re
import signal
from collections.abc import Callable

import pytest

from liax.cli.main import main

CommandResult = tuple[int, str, str]
# Whether a command is slow enough to say how far it is depends on the machine.
_PROGRESS = re.compile(r"^[a-z ]+: \d+( of \d+)? frames(, about \d+ s left)?\n", re.MULTILINE)


@pytest.fixture
def command(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., CommandResult]:
    """`command("edit", …)` runs `liax edit …`; exit code, output, errors without progress."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def run(*args: object) -> CommandResult:
        with pytest.raises(SystemExit) as stopped:
            main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return int(stopped.value.code or 0), out, _PROGRESS.sub("", err)

    return run
