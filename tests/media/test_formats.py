"""Pictures are opened in allowed formats alone, and no more of a file is asked for than it has."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liax.media.formats import PICTURE_ERRORS, open_picture


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "tiff", "jp2", "avif"])
def test_pictures_open(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(path)
    with open_picture(path) as image:
        assert image.size == (60, 40)
        assert abs(np.asarray(image.convert("RGB")).astype(int) - 90).max() <= 2


def test_what_a_header_announces_is_not_allocated(tmp_path: Path) -> None:
    """A JPEG 2000 whose first box, of 8 bytes of header, says that it has four gigabytes."""
    path = tmp_path / "a.jp2"
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(path)
    content = bytearray(path.read_bytes())
    place = content.index(b"ihdr") - 4
    content[place : place + 4] = (2**32 - 1).to_bytes(4, "big")
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(PICTURE_ERRORS), open_picture(path):
        pass
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_other_formats_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    with pytest.raises(Image.UnidentifiedImageError), open_picture(path):
        pass
