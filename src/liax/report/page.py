"""A template becomes one HTML file that needs nothing else: no links, no scripts.

With it, numbers as people read them (what is not known is a dash) and pictures as data URIs."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, SupportsFloat

import numpy as np
from jinja2 import Environment, FunctionLoader, StrictUndefined
from numpy.typing import NDArray
from PIL import Image

from liax.files import atomic_file
from liax.version import __version__

UNKNOWN = "–"
_MINUS = "−"


def number(value: SupportsFloat | None, digits: int = 2) -> str:
    """ "0.65", "−1.20", "12,345.00"; a dash for None, NaN and infinity."""
    return _written(value, f",.{digits}f")


def signed(value: SupportsFloat | None, digits: int = 2) -> str:
    """As `number`, with a plus where it grows: "+0.65"; zero has no sign."""
    return _written(value, f"+,.{digits}f")


def percent(value: SupportsFloat | None, digits: int = 0) -> str:
    """0.125 as "12 %" (or "12.5 %" with one digit); the space does not break."""
    text = _written(None if value is None else 100 * float(value), f",.{digits}f")
    return text if text == UNKNOWN else f"{text}\N{NO-BREAK SPACE}%"


def whole(value: SupportsFloat | None) -> str:
    """12345.0 as "12,345"."""
    return number(value, 0)


def _written(value: SupportsFloat | None, form: str) -> str:
    if value is None or not math.isfinite(float(value)):
        return UNKNOWN
    text = format(float(value), form)
    if not text.strip("+-0.,"):  # rounded to nothing: no sign
        text = text.lstrip("+-")
    return text.replace("-", _MINUS)


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


_Source = tuple[str, str, Callable[[], bool]]


def render(template: str, out: Path, **values: Any) -> None:
    """Write the template as `out`, whole or not at all.

    Args:
        template: "evaluation/report.html" is report.html in the folder `templates` of liax.evaluation.
        values: What the template names, each needed; text is escaped, `markupsafe.Markup` is not. Of the base
            template: title, kicker (what kind of report, a word or two), sections [(id, name)] for the table
            of contents; optional subtitle, and command, by which the report was made.

    Raises:
        LiaxError: When it cannot be written.
    """
    environment = Environment(
        loader=FunctionLoader(_load),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent, "signed": signed, "whole": whole}
    page = environment.get_template(template).render(
        {"version": __version__, "date": f"{datetime.now():%-d %B %Y}", **values}
    )
    with atomic_file(out) as file:
        file.write(page.encode())


def _load(name: str) -> _Source | None:
    package, _, file = name.partition("/")
    try:
        path = files(f"liax.{package}") / "templates" / file
        return path.read_text("utf-8"), name, lambda: True
    except (ModuleNotFoundError, FileNotFoundError):
        return None
