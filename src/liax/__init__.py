"""liax: portrait animation along a sparse motion dictionary, open to training and measurement.

`liax.load` gives a network, and `liax.Animator` runs it. `liax.animate`, `liax.edit_image` and
`liax.edit_video` take files and give pictures; options such as `liax.AnimateOptions` say how, and
`liax.write_clip` writes a moving result. Each is imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from liax.errors import LiaxError
from liax.version import __version__

if TYPE_CHECKING:
    from liax.options import AnimateOptions, EditOptions, EditVideoOptions
    from liax.portrait.animate import animate
    from liax.portrait.animator import Animator
    from liax.portrait.clip import write_clip
    from liax.portrait.edit import edit_image
    from liax.portrait.edit_video import edit_video
    from liax.weights import PretrainedLIAX, load

__all__ = [
    "AnimateOptions",
    "Animator",
    "EditOptions",
    "EditVideoOptions",
    "LiaxError",
    "PretrainedLIAX",
    "__version__",
    "animate",
    "edit_image",
    "edit_video",
    "load",
    "write_clip",
]

_HOMES = {
    "liax.options": ("AnimateOptions", "EditOptions", "EditVideoOptions"),
    "liax.portrait": ("Animator", "animate", "edit_image", "edit_video", "write_clip"),
    "liax.weights": ("PretrainedLIAX", "load"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'liax' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
