"""Open media files for reading: only formats that hold their own content, and only as files."""

from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer

from liax.media.formats import PROTOCOLS, VIDEO_FORMATS

_OPTIONS = {"format_whitelist": ",".join(VIDEO_FORMATS), "protocol_whitelist": ",".join(PROTOCOLS)}


def open_media(path: Path) -> InputContainer:
    """Open a media file of one of `VIDEO_FORMATS`.

    Args:
        path: A file. A colon in its name names no protocol, except in what `liax.data.manifest.Item.path`
            gives for a clip in a shard.

    Raises:
        av.FFmpegError: If it is no such file, or damaged.
        OSError: If it cannot be read.
    """
    name = str(path)
    if not name.startswith("subfile,,"):
        name = f"file:{name}"
    return av.open(name, options=dict(_OPTIONS), metadata_errors="replace")
