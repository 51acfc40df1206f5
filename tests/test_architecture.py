"""docs/architecture.md lists every module of the package, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "liax"


def listed_modules() -> list[str]:
    """Paths of the modules in the page's first block, such as "model/config.py"."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = text.split("```")[1]
    room, paths = "", []
    for line in block.splitlines():
        if heading := re.match(r"(\w+)/ ", line):
            room = f"{heading[1]}/"
        else:
            # Names come first on a line, before two spaces and a description.
            names = re.split(r"\s{2,}", line.strip())[0].split()
            paths += [f"{room if line.startswith(' ') else ''}{name}" for name in names]
    return paths


def test_every_module_is_listed_once() -> None:
    there = {str(path.relative_to(PACKAGE).as_posix()) for path in PACKAGE.rglob("*.py")}
    there = {path for path in there if "/" not in path or not path.endswith("/__init__.py")}
    listed = listed_modules()
    assert len(listed) == len(set(listed))
    assert sorted(there - set(listed)) == [], "modules that docs/architecture.md does not list"
    assert sorted(set(listed) - there) == [], "modules that docs/architecture.md lists and that are gone"


@pytest.mark.parametrize("pattern", [r"`(\w+/\w+\.py)`", r"`(tests/[\w/]+\.py)`"])
def test_files_named_in_the_text_exist(pattern: str) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(pattern, text)
    assert [name for name in named if not (PACKAGE / name).exists() and not (ROOT / name).exists()] == []
