"""What people do with portraits: animate one with a video."""

from liax.portrait.animate import Animation, animate_file
from liax.portrait.animator import Animator

__all__ = ["Animation", "Animator", "animate_file"]
