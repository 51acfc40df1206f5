"""What people do with portraits: animate one with a video."""

from liax.portrait.animate import animate_file
from liax.portrait.animator import Animator
from liax.portrait.clip import Clip, Written, write_clip

__all__ = ["Animator", "Clip", "Written", "animate_file", "write_clip"]
