"""How a result was made: what its mark says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from liax.version import __version__

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC's name for real material composed with what a trained network has drawn."""

SYNTHETIC_TYPES = (
    SOURCE_TYPE,
    "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic",
)
"""IPTC's names for media that are synthetic, wholly or in part."""

LABEL = "org.liax.provenance"
"""Under which a manifest has what `Provenance.facts` gives."""


@dataclass(frozen=True)
class Provenance:
    """How a result was made.

    Args:
        operation: The command that makes the like, such as "edit-video"; "" where nobody said.
        weights: The fingerprint of the network's weights.
        ingredients: Role -> the files that were read for it, such as {"source": (Path("portrait.jpg"),)}.
            Their content is what counts; names are told nobody.
        synthetic: Whether anything of it was drawn by a network. What was not is not marked.
    """

    operation: str = ""
    weights: str = ""
    ingredients: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    synthetic: bool = True

    def facts(self) -> dict[str, Any]:
        """What the mark says, ready for JSON. What is not known is left out.

        An ingredient's "sha256" is its file's, of several files that of their digests in a row. The files are
        read the first time: a video has the same facts in its tags and its manifest, and a sequence in every
        picture.
        """
        return self._facts

    @cached_property
    def _facts(self) -> dict[str, Any]:
        known = {"operation": self.operation, "weights": self.weights, "version": __version__}
        digests = [{"role": role, **_digest(files)} for role, files in self.ingredients.items()]
        return {name: value for name, value in (known | {"ingredients": digests}).items() if value}


NOT_SYNTHETIC = Provenance(synthetic=False)
"""Of a recording, or a rendering without a network."""


def _digest(files: tuple[Path, ...]) -> dict[str, str]:
    """{"sha256": …}; empty if a file is gone, or is none."""
    try:
        digests = [_sha256(path) for path in files]
    except OSError:
        return {}
    if not digests:
        return {}
    joined = hashlib.sha256("".join(digests).encode()).hexdigest()
    return {"sha256": digests[0] if len(digests) == 1 else joined}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
