"""Numbers as people read them; what is not known is a dash."""

from __future__ import annotations

import math
from typing import SupportsFloat

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
