"""Puts the figures of fuzz.json, turned.json, kill.json and soak.json into docs/reliability.md.

python benchmarks/reliability.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
FAULTS = ("traceback", "hang", "crash", "leftover", "memory")
KILLED = ("harmed", "failed", "left")


def fuzz_table(found: dict[str, Any]) -> str:
    """Mutations of each format, and what became of them."""
    lines = [
        "| format | mutations | taken | refused in a sentence | tracebacks | hangs | crashes | left behind | "
        "too much memory | most memory |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    total: dict[str, int] = {}
    for name, counts in found["formats"].items():
        lines.append(_fuzz_row(name, counts))
        total = {
            key: total.get(key, 0) + counts.get(key, 0) for key in ("mutations", "fine", "refused", *FAULTS)
        } | {"peak_mb": max(total.get("peak_mb", 0), counts["peak_mb"])}
    return "\n".join([*lines, _fuzz_row("**together**", total)])


def _fuzz_row(name: str, counts: dict[str, Any]) -> str:
    cells = [f"{counts.get(key, 0):,}" for key in ("mutations", "fine", "refused", *FAULTS)]
    return f"| {name} | {' | '.join(cells)} | {counts['peak_mb']} MB |"


def turned_table(found: dict[str, Any]) -> str:
    """Drivings that begin turned, carried over in three ways."""
    ways = {
        "default": "as `liax animate` does by itself",
        "first_frame": "`--reference first`",
        "free": "`--reference first --force`",
    }
    lines = [
        "| motion | pictures | without a face | another person's | mean distance | worst |",
        "|---|---|---|---|---|---|",
    ]
    for way, name in ways.items():
        told = found["ways"][way]
        cells = (str(told[key]) for key in ("pictures", "without_a_face", "beyond"))
        distances = (f"{told[key]:.2f}".lstrip("0") for key in ("mean", "worst"))
        lines.append(f"| {name} | {' | '.join((*cells, *distances))} |")
    return "\n".join(lines)


def kill_table(found: dict[str, Any]) -> str:
    """Commands killed at random moments, and what was wrong after the next run."""
    lines = [
        "| command | killed | with unfinished files | harmed | failed | left behind |",
        "|---|---|---|---|---|---|",
    ]
    keys = ("trials", "with_unfinished_files", *KILLED)
    for name, counts in found.items():
        lines.append(f"| {name} | {' | '.join(str(counts[key]) for key in keys)} |")
    sums = [str(sum(counts[key] for counts in found.values())) for key in keys]
    return "\n".join([*lines, f"| **together** | {' | '.join(sums)} |"])


def soak_table(found: dict[str, Any]) -> str:
    """Peaks of memory of a short clip and of a long one."""
    lines = ["| command | frames | peak | frames | peak | open files |", "|---|---|---|---|---|---|"]
    for name, told in found.items():
        if name != "studio":
            short, long = told["short"], told["long"]
            cells = (f"{each['frames']:,} | {each['peak_mb']} MB" for each in (short, long))
            lines.append(f"| {name} | {' | '.join(cells)} | {long['open_files']} |")
    return "\n".join(lines)


def studio_table(found: dict[str, Any]) -> str:
    """The page's process early and late in a row of jobs."""
    studio = found["studio"]
    done = {kind: _ended(studio["outcomes"], kind) for kind in ("done", "refused", "stopped", "fault")}
    told = ", ".join(f"{count} {kind}" for kind, count in done.items())
    lines = [f"{studio['jobs']} jobs: {told}.", "", "| | early | late |", "|---|---|---|"]
    for name, early in studio["early"].items():
        lines.append(
            f"| {name.replace('_mb', ' in MB').replace('_', ' ')} | {early} | {studio['late'][name]} |"
        )
    return "\n".join(lines)


def _ended(outcomes: dict[str, int], kind: str) -> int:
    return sum(count for told, count in outcomes.items() if f": {kind}" in told)


# Table of the page -> the results it is made of, and how.
TABLES = {
    "fuzz": ("fuzz", fuzz_table),
    "turned": ("turned", turned_table),
    "kill": ("kill", kill_table),
    "soak": ("soak", soak_table),
    "studio": ("soak", studio_table),
}


def page(text: str, results: Path = RESULTS) -> str:
    """The page with the results in its tables, each of which stands from <!-- name --> to <!-- end -->.

    Tables without results stay as they are.
    """
    for name, (source, table) in TABLES.items():
        path = results / f"{source}.json"
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        assert begin, f"the page has no table {name}"
        assert end, f"the table {name} has no end"
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            text = f"{before}{begin}\n{table(found)}\n\n{end}{after}"
    return text


def main() -> None:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
