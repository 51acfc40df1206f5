"""The one place that every picture and video passes on its way into a file: it is marked there.

Pictures and frames pass `picture_marker` before they are encoded, and what is encoded passes `marked_file`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.files import atomic_file, scratch_file
from liax.marking import manifest
from liax.marking.badge import draw_badge
from liax.marking.certificate import Certificate, certificate
from liax.marking.provenance import SOURCE_TYPE, Provenance
from liax.options import MarkOptions

log = logging.getLogger(__name__)

TAGGED = (".webm", ".mp4", ".mov")
"""Formats whose own tags say the same, which nobody signs. C2PA has no place for a manifest in WebM, and
programs that copy the streams of an MP4 into a new file keep tags, but no manifest."""

PictureMarker = Callable[[NDArray[np.uint8]], Callable[[], NDArray[np.uint8]]]
"""Takes RGB or RGBA uint8 pictures in their order, and gives for each what computes, in any thread, how it is
written: with a badge and the invisible mark, or as it was."""

TYPE_TAG, FACTS_TAG = "DIGITAL_SOURCE_TYPE", "LIAX_PROVENANCE"


@contextmanager
def marked_file(
    path: Path,
    provenance: Provenance,
    options: MarkOptions = MarkOptions(),  # noqa: B008 - frozen
    *,
    overwrite: bool = True,
) -> Iterator[IO[bytes]]:
    """Open a binary file that becomes `path` when the block ends, with a signed manifest if it is synthetic.

    Otherwise as `liax.files.atomic_file`. Where no manifest can be signed, a warning says so, and the file is
    written without one: hours of work are not lost for it.

    Args:
        path: Its suffix says what is written into it.
        provenance: How it was made.
        options: Whether it is marked.
        overwrite: Whether a file that is at `path` when the block ends is replaced.

    Raises:
        LiaxError: As `atomic_file` does; before the block, also for a certificate of the user's that cannot
            sign.
    """
    kind = manifest.FORMATS.get(path.suffix.lower())
    marked = options.mark and provenance.synthetic
    signer = _signer(path) if marked and kind is not None else None
    with atomic_file(path, overwrite=overwrite) as target:
        if signer is None or kind is None:
            yield target
            return
        with scratch_file(path) as source:
            yield source
            source.flush()
            try:
                manifest.sign(source, target, kind, provenance.facts(), signer)
            except LiaxError as error:
                log.warning("%s is not marked as synthetic. %s", path, error)
                _copy(source, target)


def unmarked(picture_HWC: NDArray[np.uint8]) -> Callable[[], NDArray[np.uint8]]:
    """The `PictureMarker` that leaves pictures as they are."""
    return lambda: picture_HWC


def picture_marker(path: Path, provenance: Provenance, options: MarkOptions) -> PictureMarker:
    """What every picture or frame of one output passes before it is encoded.

    Args:
        path: The output; the log names it if its pictures are too small for the invisible mark.
        provenance: How it was made. What is not synthetic stays as it is.
        options: Whether there is an invisible mark, and whether there is a badge.
    """
    if not provenance.synthetic or not (options.mark or options.badge):
        return unmarked
    # Here, so that programs that only read need no PyTorch.
    from liax.marking.pixel_mark import SMALLEST, PixelMarker, carries_mark

    marker = PixelMarker() if options.mark else None
    told = False

    def marked(picture_HWC: NDArray[np.uint8]) -> Callable[[], NDArray[np.uint8]]:
        nonlocal told
        if options.badge:
            picture_HWC = draw_badge(picture_HWC)
        if marker is None:
            return unmarked(picture_HWC)
        if not told and not carries_mark(picture_HWC):
            told = True
            log.info(
                "The pixels of %s carry no mark: that takes pictures of at least %d pixels a side.",
                path,
                SMALLEST,
            )
        return marker.later(picture_HWC)

    return marked


def tags(suffix: str, provenance: Provenance, options: MarkOptions) -> dict[str, str]:
    """What stands in a video's own tags."""
    if suffix not in TAGGED or not (options.mark and provenance.synthetic):
        return {}
    return {TYPE_TAG: SOURCE_TYPE, FACTS_TAG: json.dumps(provenance.facts())}


def _signer(path: Path) -> Certificate | None:
    """What signs, tried once; None, with a warning, where the package for it is missing."""
    if manifest.c2pa() is None:
        log.warning(
            "%s is not marked as synthetic: the package c2pa-python is not installed, or does not run here.",
            path,
        )
        return None
    signer = certificate()
    _try(signer)
    return signer


@cache
def _try(signer: Certificate) -> None:
    manifest.check(signer)


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    source.seek(0)
    target.seek(0)
    target.truncate()
    while block := source.read(1 << 20):
        target.write(block)
