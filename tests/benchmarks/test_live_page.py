"""benchmarks/live_page.py: its table, and that docs/live.md has its numbers."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from scripts import BENCHMARKS, load_script


@pytest.fixture(scope="module")
def live_page(request: pytest.FixtureRequest) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)  # it shares a function with another script
        return load_script("live_page")


FOUND = {
    "processor": "a processor",
    "device": "cpu",
    "threads": 2,
    "backend": "torch",
    "size": 256,
    "pictures": 300,
    "pictures_a_second": 14.96,
    "behind_median_ms": 98.4,
    "behind_p95_ms": 131.2,
    "server_median_ms": 60.6,
}


def test_the_page_has_the_numbers(live_page: ModuleType) -> None:
    page = live_page.PAGE.read_text(encoding="utf-8")
    assert live_page.filled(page) == page


def test_the_page_has_the_servers_numbers(live_page: ModuleType) -> None:
    """Which were measured where there was no browser."""
    found = json.loads((live_page.RESULTS.parent / "live_server.json").read_text())
    told = (
        f"On an {found['device']}, the server's part takes {found['median_ms']:.1f} ms with "
        f"`{found['weights']}`, and {found['p95_ms']:.1f} ms"
    )
    assert told in live_page.PAGE.read_text(encoding="utf-8")


def test_results_are_put_into_their_place(live_page: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "live.json").write_text(json.dumps({"live, cpu, torch": FOUND}))
    text = live_page.filled("a\n<!-- live-page -->\nold\n<!-- end -->\nb\n", tmp_path / "live.json")
    assert text.startswith("a\n<!-- live-page -->\n\n| weights |")
    assert text.endswith("\n\n<!-- end -->\nb\n")
    row = "| `live`, 256² | a processor, 2 threads, torch | 15.0 | 98 ms | 131 ms | 61 ms |"
    assert row in text.splitlines()
    assert live_page.filled("<!-- live-page -->\n<!-- end -->", tmp_path / "none.json").count("|") == 0
    with pytest.raises(ValueError, match="no place"):
        live_page.filled("nothing")
