"""What people do with portraits: animate, edit and turn them, edit videos, keep motion, work in batches."""

from liax.portrait.animator import Animator
from liax.portrait.source import open_portrait

# Machines that only train and measure have no PyAV; there the modules that need none still work.
try:
    from liax.portrait.animate import animate, animate_file
    from liax.portrait.batch import run_batch
    from liax.portrait.batch_config import read_batch
    from liax.portrait.clip import RenderedClip, WrittenFile, write_clip
    from liax.portrait.driving import encode_motion, open_driving
    from liax.portrait.edit import EditResult, edit_image
    from liax.portrait.edit_video import edit_video
    from liax.portrait.manipulate import orbit, sweep
    from liax.portrait.track_driving import open_track
    from liax.portrait.track_export import export_motion
except ModuleNotFoundError as missing:
    if missing.name != "av":
        raise

__all__ = [
    "Animator",
    "EditResult",
    "RenderedClip",
    "WrittenFile",
    "animate",
    "animate_file",
    "edit_image",
    "edit_video",
    "encode_motion",
    "export_motion",
    "open_driving",
    "open_portrait",
    "open_track",
    "orbit",
    "read_batch",
    "run_batch",
    "sweep",
    "write_clip",
]
