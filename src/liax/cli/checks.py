"""What several commands ask of their arguments."""

from __future__ import annotations

from liax.errors import LiaxError
from liax.options import EditSettings


def check_settings(settings: EditSettings) -> None:
    """Raise LiaxError if nothing is to be changed."""
    if not settings:
        raise LiaxError(
            "Nothing is to be changed; say what with --set, and see liax controls for what there is."
        )
