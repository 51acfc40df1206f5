"""The formats that are read. All others are refused, whatever a file is called.

None of these names other files to be read in its place, as a list of files to join does, takes any text for a
picture, or starts another program.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

# By FFmpeg's names.
VIDEO_FORMATS = (
    *("mov", "matroska", "avi", "mpegts", "mpeg", "ogg", "flv", "asf", "mxf", "rm", "nut", "dv", "wtv"),
    *("m4v", "h263", "h264", "hevc", "mpegvideo", "mjpeg", "ivf", "obu", "yuv4mpegpipe"),
    *("gif", "apng", "webp", "png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe"),
    *("wav", "mp3", "aac", "flac"),
)
# The protocol for a part of a file is how clips in shards are read.
PROTOCOLS = ("file", "subfile")
# By Pillow's names.
_PICTURE_FORMATS = (
    *("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "AVIF"),
    *("TGA", "ICO", "PCX", "SGI", "PSD", "DDS", "QOI", "HEIF"),
)
# What phones call HEIC: the brands of its header, which follow the four letters "ftyp".
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

# What Pillow raises for pictures that are damaged, too large or of a kind that it lacks.
PICTURE_ERRORS = (
    *(Image.DecompressionBombError, OSError, EOFError, SyntaxError, ValueError, TypeError, RuntimeError),
    *(LookupError, ArithmeticError, MemoryError, struct.error, zlib.error),
)


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """The picture at `path` in one of the allowed formats, as Pillow opens it: its header is read.

    Raises:
        PICTURE_ERRORS: For what is none.
    """
    with _PictureFile(path) as file, Image.open(file, formats=picture_formats()) as image:
        yield image


class _PictureFile(io.BufferedReader):
    """A file of which no more is asked for than it has: Python allocates what a header says in advance."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._bytes = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size >= 0:
            size = min(size, max(self._bytes - self.tell(), 0))
        return super().read(size)


def picture_formats() -> tuple[str, ...]:
    """The formats of pictures that the installed Pillow can read, by its names.

    The extra `heic` adds HEIF.
    """
    Image.init()
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        pass
    else:
        register_heif_opener()
    return tuple(name for name in _PICTURE_FORMATS if name in Image.OPEN)


def is_heic(start: bytes) -> bool:
    """Whether a file that starts with these bytes, 12 at least, is a HEIC picture."""
    return start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS
