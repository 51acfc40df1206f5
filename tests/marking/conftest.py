"""Marks are read in this process, which is quicker, by tests that ask for `read_here`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli.conftest import command  # noqa: F401
from liax.marking import manifest, verify


@pytest.fixture
def read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path, kind: str) -> dict[str, Any] | None:
        with path.open("rb") as file:
            return manifest.read(file, kind)

    monkeypatch.setattr(verify, "read_manifests", read)
