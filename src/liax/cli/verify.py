"""`liax verify`: what files say of how they were made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from liax.bounded import printable
from liax.cli.output import show

if TYPE_CHECKING:
    from liax.marking.pixel_reading import PixelMark
    from liax.marking.verify import FileMark


def verify(files: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="FILE")]) -> None:
    """Tell whether files are marked as synthetic, and what their marks say.

    A file says so itself, or its pixels do, by liax's invisible mark, which stays when other programs save it
    again. Exit status 0 if each file says so in one of these ways, else 1. A file without a mark may be
    synthetic all the same.

    Args:
        files: Pictures and videos of any origin.
    """
    # Imported here, so that --help does not wait for PyAV.
    from liax.errors import LiaxError
    from liax.marking.verify import read_mark
    from liax.media.pixel_marks import read_pixel_mark

    if not files:
        raise LiaxError("No file is given; name at least one.")
    found = [(read_mark(path), read_pixel_mark(path)) for path in files]
    marked = all(mark.marked or pixels.marked for mark, pixels in found)
    show(
        "\n".join(printable(_told(mark, pixels)) for mark, pixels in found),
        marked=marked,
        files=[
            {**vars(mark), "pixels": vars(pixels), "marked": mark.marked or pixels.marked}
            for mark, pixels in found
        ],
    )
    if not marked:
        raise SystemExit(1)


def _told(mark: FileMark, pixels: PixelMark) -> str:
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
    lines.append(f"pixels: {_pixels(pixels)}")
    return "\n  ".join(lines)


def _pixels(pixels: PixelMark) -> str:
    if pixels.problem:
        return f"not read: {pixels.problem}"
    right = f"{pixels.right} of 32 bits"
    if not pixels.marked:
        return f"not marked ({right}, about 16 are by chance)"
    frames = f" in {pixels.frames} frames" if pixels.frames > 1 else ""
    cut = ", of a larger picture" if min(pixels.kept) < 1 else ""
    return f"synthetic, says liax's invisible mark ({right}{frames}{cut})"


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
