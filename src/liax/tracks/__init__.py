"""Motion as data: tracks in files, other programs' tracks, keyframes, idle life."""

from liax.tracks.idle import idle_track
from liax.tracks.keyframes import Keyframes, read_keyframes
from liax.tracks.reading import read_track
from liax.tracks.timing import Timing
from liax.tracks.track import Track
from liax.tracks.track_file import write_track

__all__ = ["Keyframes", "Timing", "Track", "idle_track", "read_keyframes", "read_track", "write_track"]
