"""Paint of rendered heads: skin, lips, brows, eyes and hair by rest position, so that it sticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

Array = NDArray[np.float64]
Colour = tuple[float, float, float]
"""Linear red, green and blue, 0…1."""

_MOUTH: Colour = (0.16, 0.035, 0.03)


@dataclass(frozen=True)
class Appearance:
    """A person's colours.

    Args:
        beard: How much darker its shadow is, 0…1.
    """

    skin: Colour = (0.56, 0.335, 0.24)
    lips: Colour = (0.38, 0.11, 0.095)
    hair: Colour = (0.035, 0.02, 0.013)
    iris: Colour = (0.11, 0.065, 0.03)
    shirt: Colour = (0.055, 0.10, 0.17)
    beard: float = 0.22


def smooth_step(x: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def normalised(x_N3: Array) -> Array:
    return x_N3 / np.maximum(np.linalg.norm(x_N3, axis=-1, keepdims=True), 1e-12)


@cache
def _grid(seed: int) -> NDArray[np.float32]:
    grid = gaussian_filter(np.random.default_rng(seed).normal(size=(64, 64, 64)), 0.8, mode="wrap")
    return (grid / grid.std()).astype(np.float32)


def noise(seed: int, points_N3: Array, frequency: float) -> Array:
    """Smooth periodic noise (N,) of unit variance at points."""
    return map_coordinates(_grid(seed), (points_N3 * frequency).T % 64, order=1, mode="grid-wrap")


def over_hairline(rest_N3: Array) -> Array:
    azimuth = np.degrees(np.arctan2(np.abs(rest_N3[:, 0]), 0.085 - rest_N3[:, 1]))
    heights = [0.068, 0.068, 0.058, 0.040, 0.0, -0.018, 0.0, 0.005, -0.045, -0.075]
    return rest_N3[:, 2] - np.interp(azimuth, [0, 25, 42, 60, 72, 80, 88, 110, 130, 180], heights)


def strands(rest_N3: Array, along: float) -> Array:
    """Coordinates in which noise looks like combed-back hair."""
    x, y, z = rest_N3.T
    return np.stack([np.arctan2(x, z + 0.02) * 0.12, y * along, z * along], 1)


def strand_relief(rest_N3: Array) -> Array:
    lines_N3 = strands(rest_N3, 0.22)
    return 0.0010 * noise(0, lines_N3, 260) + 0.0012 * noise(1, lines_N3, 90)


def shirt_cover(rest_N3: Array) -> Array:
    around = np.hypot(rest_N3[:, 0] / 0.088, (rest_N3[:, 1] - 0.075) / 0.098)
    return smooth_step(around, 0.99, 1.01) * (rest_N3[:, 2] < -0.12)


def paint_skin(
    look: Appearance, rest_N3: Array, masks: Sequence[Array], bald: bool
) -> tuple[Array, Array, Array]:
    """Colour (N, 3), gloss (N,) and shirt (N,) of the body.

    Args:
        masks: Lips, inside of the mouth, ears.
    """
    lips, mouth, ears = masks
    x, y, z = np.abs(rest_N3[:, 0]), rest_N3[:, 1], rest_N3[:, 2]
    fine, middle, coarse = noise(0, rest_N3, 1400), noise(1, rest_N3, 320), noise(2, rest_N3, 70)
    hairs = noise(3, np.stack([x + 1.4 * z, z - 0.4 * x, y], 1) * [1, 0.25, 0.3], 2200)

    def spot(at_x: float, at_z: float, wide: float, high: float) -> Array:
        return np.exp(-(((x - at_x) / wide) ** 2) - ((z - at_z) / high) ** 2) * (y < 0.03)

    red = 0.55 * spot(0.04, -0.042, 0.02, 0.018) + 0.5 * spot(0, -0.042, 0.012, 0.014)
    red = red + 0.2 * coarse.clip(0, 1)
    shadow = 0.30 * spot(0.03, -0.015, 0.016, 0.006) + 0.25 * spot(0.031, 0.006, 0.017, 0.007)
    beard = look.beard * smooth_step(-z, 0.05, 0.075) * smooth_step(z, -0.14, -0.11) * (y < 0.06)
    beard = beard * (0.6 + 0.25 * fine) * (1 - lips)
    colour = np.array(look.skin) * (1 + 0.035 * fine + 0.03 * middle + 0.04 * coarse)[:, None]
    for amount, tint in ((red, [0.02, 0.22, 0.18]), (shadow, [0.5, 0.75, 0.7]), (beard, [1, 0.85, 0.7])):
        colour = colour * (1 - amount[:, None] * tint)
    arch = 0.0148 + 0.0075 * np.sin(np.clip((x - 0.008) / 0.052, 0, 1) * 2.3)
    thick = 0.0048 * np.clip(1.15 - (x - 0.01) / 0.055, 0.4, 1)
    brow = smooth_step(1.3 - np.abs(z - arch) / thick + 0.3 * hairs, 0.0, 1.1) * smooth_step(x, 0.006, 0.020)
    brow = 0.96 * brow * (1 - smooth_step(x, 0.05, 0.06)) * (y < 0.03)
    scalp = (
        0.85
        * smooth_step(over_hairline(rest_N3) + 0.0016 * hairs, -0.004, 0.003)
        * (1 - smooth_step(ears, 0.2, 0.6))
    )
    scalp = scalp * (0.2 if bald else 1)
    lips, mouth, shirt = smooth_step(lips, 0.35, 0.75), smooth_step(mouth, 0.3, 0.7), shirt_cover(rest_N3)
    hair = np.array(look.hair)
    short = np.minimum(hair, 0.1)  # brows and stubble of the fair are darker than their hair
    lipstick = np.array(look.lips) * (1 + 0.12 * middle)[:, None]
    cloth = np.array(look.shirt) * (1 + 0.1 * fine)[:, None]
    head = short if bald else hair
    layers = (0.9 * short, head, lipstick, np.array(_MOUTH), cloth)
    for layer, amount in zip(layers, (brow, scalp, 0.75 * lips, mouth, shirt), strict=True):
        colour = colour + (layer - colour) * amount[:, None]
    gloss = (0.3 + 0.25 * lips + 0.08 * fine) * (1 - shirt) * (1 - scalp) * (1 - brow) * (1 - 0.6 * mouth)
    return colour, gloss, shirt


def paint_eye(look: Appearance, out_N3: Array) -> Array:
    """Colour of an eyeball, a sphere with an iris around its forward axis, in directions from its centre."""
    angle = np.degrees(np.arccos(np.clip(-out_N3[:, 1], -1, 1)))
    rays = np.stack([np.arctan2(out_N3[:, 0], out_N3[:, 2]) * 3, angle * 0.02, angle * 0], 1)
    spoke = noise(1, rays, 1.6)
    tone = (1 + 0.35 * spoke + 0.8 * smooth_step(-angle, -24, -12)) * (1 - 0.7 * smooth_step(angle, 22, 27))
    iris = np.outer(tone, look.iris)
    white = np.outer((1 - 0.25 * smooth_step(angle, 35, 70)) * (1 + 0.02 * spoke), [0.60, 0.56, 0.53])
    iris = iris + (white - iris) * smooth_step(angle, 25.5, 28.5)[:, None]
    return iris * smooth_step(angle, 9.5, 11.5)[:, None] + 0.004


def paint_hair(look: Appearance, rest_N3: Array) -> tuple[Array, Array]:
    """Colour (N, 3) and gloss (N,) of hair."""
    lines_N3 = strands(rest_N3, 0.11)
    streak = 0.6 * noise(2, lines_N3, 900) + 0.5 * noise(3, lines_N3, 350)
    return np.array(look.hair) * np.exp(0.45 * streak)[:, None], 0.11 * np.exp(streak / 2)
