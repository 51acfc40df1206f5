"""`liax verify`: what files say of how they were made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from liax.bounded import printable
from liax.cli.output import show

if TYPE_CHECKING:
    from liax.marking.verify import FileMark


def verify(files: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="FILE")]) -> None:
    """Tell whether files are marked as synthetic, and what their marks say.

    Exit status 0 if all are, 1 if one is not, or its mark does not hold. A file without a mark may be
    synthetic all the same: marks are lost when a file is saved again by most other programs.

    Args:
        files: Pictures and videos of any origin.
    """
    # Imported here, so that --help does not wait for PyAV.
    from liax.errors import LiaxError
    from liax.marking.verify import read_mark

    if not files:
        raise LiaxError("No file is given; name at least one.")
    marks = [read_mark(path) for path in files]
    show(
        "\n".join(printable(_told(mark)) for mark in marks),
        marked=all(mark.marked for mark in marks),
        files=[{**vars(mark), "marked": mark.marked} for mark in marks],
    )
    if not all(mark.marked for mark in marks):
        raise SystemExit(1)


def _told(mark: FileMark) -> str:
    """Some lines about one file."""
    lines = [f"{mark.path}: {_verdict(mark)}"]
    facts = mark.facts
    if facts.get("operation") or facts.get("weights"):
        weights = f" with the weights {facts['weights']}" if facts.get("weights") else ""
        lines.append(f"liax {facts.get('version', '')} says: {facts.get('operation', 'made')}{weights}")
    lines += [
        f"{one.get('role', 'ingredient')}: SHA-256 {one.get('sha256', 'unknown')}"
        for one in facts.get("ingredients", ())
    ]
    return "\n  ".join(lines)


def _verdict(mark: FileMark) -> str:
    match mark.finding:
        case "signed":
            return f"synthetic, says {mark.tool or 'a manifest'}; signed {_signer(mark)}"
        case "tagged":
            return f"synthetic, say its tags ({mark.tool or 'unknown tool'}), which nobody signed"
        case "changed":
            return f"not marked: the mark by {mark.tool or 'a tool'} does not hold ({mark.problem})"
        case "not synthetic":
            return f"not marked: its manifest by {mark.tool or 'a tool'} does not call it synthetic"
        case "damaged":
            return f"not marked: {mark.problem}"
    return "not marked" + (f": {mark.problem}" if mark.problem else "")


def _signer(mark: FileMark) -> str:
    if mark.self_made:
        return "with a certificate that liax made itself, which proves nobody's name"
    how = "a trusted certificate" if mark.trusted else "a certificate that is on no list here"
    return f"by {mark.signer or 'nobody named'}, with {how}"
