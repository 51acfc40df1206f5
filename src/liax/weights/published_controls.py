"""The controls of the published checkpoint, as its authors name its motion vectors."""

from __future__ import annotations

from liax.model import PRESETS
from liax.weights.controls import Control, Controls

# Group, name, motion vector, lowest and highest value, what growing values do as far as it is published.
_TABLE = (
    ("head", "yaw", 37, -1.0, 0.5, "turns the head sideways"),
    ("head", "yaw-shoulders", 39, -1.0, 0.5, "turns head and shoulders sideways"),
    ("head", "pitch", 28, -1.0, 0.5, "nods the head"),
    ("head", "roll", 15, -0.5, 0.5, "tilts the head sideways"),
    ("head", "roll-2", 33, -0.5, 0.5, "tilts the head sideways, another way"),
    ("head", "neck", 31, -0.5, 0.5, "moves the neck"),
    ("mouth", "pout", 6, -0.4, 0.4, "pouts"),
    ("mouth", "mouth", 25, -0.4, 0.4, "closes the mouth; negative values open it"),
    ("mouth", "o-mouth", 16, -0.4, 0.4, "rounds the mouth to an O"),
    ("mouth", "smirk", 19, -0.4, 0.4, "moves the cheeks, smirks"),
    ("eyes", "eyes", 13, -0.4, 0.4, "opens the eyes; negative values close them"),
    ("brows", "eyebrows", 24, -0.4, 0.4, "moves the eyebrows"),
    ("gaze", "gaze", 17, -0.2, 0.2, "turns the gaze"),
    ("gaze", "gaze-2", 26, -0.2, 0.2, "turns the gaze, another way"),
)
PUBLISHED_CONFIG = PRESETS["large"]
PUBLISHED_CONTROLS = Controls(
    PUBLISHED_CONFIG.vectors,
    tuple(
        Control(name, group, {vector: 1.0}, low, high, meaning=meaning)
        for group, name, vector, low, high, meaning in _TABLE
    ),
)
