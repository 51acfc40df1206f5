"""The formats that are read. All others are refused, whatever a file is called.

None of these names other files to be read in its place, as a list of files to join does, takes any text for a
picture, or starts another program.
"""

from __future__ import annotations

import struct
import zlib

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
    *(LookupError, ArithmeticError, struct.error, zlib.error),
)


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
