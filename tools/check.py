"""Run the tests that a change needs: those that mirror the modules changed since `main`, and the fences.

    python -m tools.check [BASE]        # BASE: the commit to compare with, main by default

`make check` runs lint before it. `make test` runs everything.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
# Tests of the whole repository, which are quick.
FENCES = (
    "tests/test_architecture.py",
    "tests/test_errors.py",
    "tests/test_documents.py",
    "tests/test_liax.py",
)


def changed_files(base: str) -> list[str]:
    """Files that differ from `base`, committed or not, and files that git does not know yet."""
    commands = (
        ["git", "diff", "--name-only", "--merge-base", base],
        ["git", "ls-files", "--others", "--exclude-standard"],
    )
    return [
        line
        for command in commands
        for line in subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()
    ]


def mirroring_tests(changed: Iterable[str], known: Iterable[str]) -> list[str]:
    """The test files among `known` that changed, or that mirror a module that did.

    src/liax/face/crop.py is mirrored by tests/face/test_crop.py and tests/face/test_crop_*.py; a module
    without such a file by all tests of its room.
    """
    known = sorted(known)
    chosen = set(FENCES)
    for name in map(PurePosixPath, changed):
        if str(name) in known:
            chosen.add(str(name))
        elif name.suffix == ".py" and name.parts[:2] == ("src", "liax"):
            room = PurePosixPath("tests", *name.parts[2:-1])
            there = [path for path in known if PurePosixPath(path).parent == room]
            stems = (f"test_{name.stem}.", f"test_{name.stem}_")
            chosen.update([path for path in there if PurePosixPath(path).name.startswith(stems)] or there)
    return sorted(chosen & set(known))


def main() -> None:
    base = sys.argv[1] if len(sys.argv) > 1 else "main"
    if subprocess.run(
        ["git", "rev-parse", "--quiet", "--verify", base], cwd=ROOT, capture_output=True
    ).returncode:
        sys.exit(f"There is no commit {base} to compare with; name another: python -m tools.check BASE")
    known = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    chosen = mirroring_tests(changed_files(base), known)
    print(*chosen, sep="\n", flush=True)
    sys.exit(subprocess.run([sys.executable, "-m", "pytest", *chosen], cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()
