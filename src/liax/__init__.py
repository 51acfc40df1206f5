"""liax: portrait animation along a sparse motion dictionary, open to training and measurement.

`liax.load` gives a network, `liax.Animator` animates with it, `liax.AnimateOptions` says how. They are
imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from liax.errors import LiaxError

if TYPE_CHECKING:
    from liax.options import AnimateOptions
    from liax.portrait import Animator
    from liax.weights import load

__all__ = ["AnimateOptions", "Animator", "LiaxError", "load"]

_HOMES = {"AnimateOptions": "liax.options", "Animator": "liax.portrait", "load": "liax.weights"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'liax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
