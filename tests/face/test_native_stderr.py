"""What is suppressed comes back, also after several threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from liax.face.native_stderr import suppress_native_stderr

OVERLAPPING = """
import os
from liax.face.native_stderr import suppress_native_stderr

one, other = suppress_native_stderr(), suppress_native_stderr()
os.write(2, b"before ")
one.__enter__()
other.__enter__()
one.__exit__(None, None, None)
os.write(2, b"within ")
other.__exit__(None, None, None)
os.write(2, b"after")
"""


def test_blocks_that_overlap() -> None:
    """As those of two threads do: the first to leave must not bring back what the other took away."""
    done = subprocess.run([sys.executable, "-c", OVERLAPPING], capture_output=True, text=True, check=True)
    assert done.stderr == "before after"


def test_after_an_exception(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with suppress_native_stderr():
            os.write(2, b"lost")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"


def test_without_a_standard_error() -> None:
    code = "import os; os.close(2)\nfrom liax.face.native_stderr import suppress_native_stderr as s\n"
    code += "with s(), s():\n    print('inside')\n"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "inside\n"
