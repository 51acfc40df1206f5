"""Pictures inside a page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_QUALITY = 82


def picture_uri(image_HW3: NDArray[np.uint8], width: int | None = None, quality: int = _QUALITY) -> str:
    """An RGB uint8 image (H, W, 3) as a data URI of WebP, made narrower to `width` pixels if it is wider."""
    image = Image.fromarray(image_HW3)
    if width is not None and image.width > width:
        height = max(1, round(image.height * width / image.width))
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    packed = io.BytesIO()
    image.save(packed, "WEBP", quality=quality, method=6)
    return "data:image/webp;base64," + base64.b64encode(packed.getvalue()).decode("ascii")


def file_uri(path: Path) -> str:
    """A picture file (WebP, PNG or JPEG) as a data URI, as it is."""
    kind = {".jpg": "jpeg"}.get(path.suffix, path.suffix[1:])
    return f"data:image/{kind};base64," + base64.b64encode(path.read_bytes()).decode("ascii")
