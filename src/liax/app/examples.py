"""The bundled portrait and clip that the page opens with."""

from __future__ import annotations

from importlib.resources import files

_ASSETS = files("liax.assets")
PORTRAIT = str(_ASSETS / "demo_portrait.jpg")
DRIVING = str(_ASSETS / "demo_driving.mp4")
