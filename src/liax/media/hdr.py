"""Still pictures in HDR, which Pillow reads as if they were SDR: dull, and with wrong colours.

Without PyAV, as on nodes for training and measuring, there are none.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def read_hdr(path: Path) -> NDArray[np.uint8] | None:
    """An AVIF or HEIC picture of PQ or HLG, upright, as RGB uint8 (H, W, 3) of BT.709; None for all others.

    Also None for one that FFmpeg does not read, such as a HEIC picture in several tiles.
    """
    if find_spec("av") is None:
        return None
    import av

    from liax.media.colour import is_hdr, to_rgb
    from liax.media.container import open_media
    from liax.media.video import Orientation

    try:
        with open_media(path) as container:
            stream = container.streams.video[0]
            codec = stream.codec_context
            if not is_hdr(int(codec.color_trc)):
                return None
            frame = next(container.decode(stream))
    except (av.FFmpegError, OSError, IndexError, StopIteration):
        return None
    return Orientation.of(frame).upright(to_rgb(frame, frame.width, frame.height))
