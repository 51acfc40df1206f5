"""`python -m liax.marking.reading FILE KIND`: a file's manifests as JSON, in a process with little to spend.

The file may be anybody's. Whatever it makes its reader do, memory and time are limited from outside.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from liax.bounded import MIB, parse_json
from liax.errors import LiaxError
from liax.marking import manifest

_MEMORY = 2 << 30
_ANSWER = 16 * MIB
_SECONDS = 20
_BYTES_A_SECOND = 20 * MIB  # of a file that is read from a slow disk


def read_manifests(path: Path, kind: str) -> dict[str, Any] | None:
    """As `liax.marking.manifest.read`, in a process of its own.

    Raises:
        LiaxError: If the file's manifest cannot be read within the limits.
    """
    seconds = _SECONDS + path.stat().st_size / _BYTES_A_SECOND
    command = [sys.executable, "-m", "liax.marking.reading", os.fspath(path.absolute()), kind]
    paths = [entry or os.getcwd() for entry in sys.path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "LIAX_READING_SECONDS": str(seconds)}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as child:
        try:
            answer, _ = child.communicate(timeout=seconds)
        except BaseException as error:
            child.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise LiaxError(f"{path} has a manifest that takes too long to read") from None
            raise
    if child.returncode != 0:
        raise LiaxError(f"{path} has a manifest that cannot be read")
    try:
        told = parse_json(answer, _ANSWER)
    except ValueError as error:
        raise LiaxError(f"{path} has a manifest that cannot be read ({error})") from error
    if told is not None and not isinstance(told, dict):
        raise LiaxError(f"{path} has a manifest that cannot be read")
    return told


def _limit() -> None:
    """Take memory and time away from this process, where the system can; the parent ends it elsewhere."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        seconds = int(float(os.environ.get("LIAX_READING_SECONDS", _SECONDS))) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _main(path: str, kind: str, out: IO[str]) -> None:
    manifest.c2pa()  # before memory is limited
    _limit()
    with open(path, "rb") as file:
        out.write(json.dumps(manifest.read(file, kind))[: _ANSWER + 1])


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], sys.stdout)
