"""Under which licence weights may be used, as far as they say so."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import Distribution, entry_points
from typing import NamedTuple

from liax.weights.loading import ENTRY_POINTS


class Licence(NamedTuple):
    """A licence.

    Args:
        name: An SPDX expression or another name; None if nobody says.
        text: The whole of it, where it is known.
    """

    name: str | None
    text: str | None


def licence_of(name: str, metadata: Mapping[str, str]) -> Licence:
    """The licence that weights carry in their metadata ("license"), or that of the package they come in.

    Args:
        name: As for `liax.load`.
        metadata: Of the weights file.
    """
    if "license" in metadata:
        return Licence(metadata["license"], None)
    for point in entry_points(group=ENTRY_POINTS, name=name):
        if point.dist is not None:
            names = point.dist.metadata.get_all("License-Expression")
            return Licence(names[0] if names else None, _text(point.dist))
    return Licence(None, None)


def _text(package: Distribution) -> str | None:
    """The text of a package's first licence file."""
    for file in package.files or ():
        if file.parent.name == "licenses":
            return file.read_text(encoding="utf-8")
    return None
