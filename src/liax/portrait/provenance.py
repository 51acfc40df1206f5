"""How a result of these operations was made, for the mark in its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from liax.marking.provenance import Provenance
from liax.media.footage import files_of
from liax.portrait.animator import Animator
from liax.portrait.source import Portrait


def provenance_of(animator: Animator, operation: str, **ingredients: object) -> Provenance:
    """How `animator` makes something of `ingredients`.

    Args:
        operation: The command's name, such as "edit-video".
        ingredients: Role -> a file, a folder of pictures, or a portrait. Those that came from no file are
            left out.
    """
    files = {role: _files(one) for role, one in ingredients.items()}
    known = {role: paths for role, paths in files.items() if paths}
    return Provenance(operation, animator.fingerprint, known)


def by_role(drivings: Mapping[int | None, object]) -> dict[str, object]:
    """What moves faces, by the roles that they have in the result; None is the only face."""
    return {"driving" if face is None else f"driving {face}": moves for face, moves in drivings.items()}


def _files(ingredient: object) -> tuple[Path, ...]:
    if isinstance(ingredient, Portrait):
        ingredient = ingredient.path
    return files_of(ingredient) if isinstance(ingredient, Path) else ()
