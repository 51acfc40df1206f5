"""Measures that tell good clips from bad ones, taken on the clip's own square frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.data.regions import Regions
from liax.face.crop import Box
from liax.face.factors import FACTORS

# Side in pixels at which colours of the skin are measured, so that noise averages out.
_SKIN_SIDE = 64
# A point counts as covered when its colour, relative to the whole face's light, is further from its usual one
# than _COVERED (in shares of the face's brightness) and than _UNUSUAL times its own median distance, which
# says how much it changes as the head turns.
_COVERED, _UNUSUAL = 0.2, 4.0
# Turned further than this from their usual yaw and pitch, in degrees, faces show other skin in other light.
_TURN, _TURNED = [list(FACTORS).index(name) for name in ("yaw", "pitch")], 15.0
# Only points well within the face's outline count: up to this share of the way from its centre.
_INNER = 0.75
# Skin of all tones has more red than blue, in all but coloured light: at least by this share of its light.
_RED_OVER_BLUE = 0.02
# A clip's occlusion is this quantile of its frames' occlusions.
_WORST = 0.97


def sharpness(image_SS3: NDArray[np.uint8], face: Box) -> float:
    """How strongly neighbouring pixels of the face differ from their surroundings, relative to its contrast.

    Mean |Laplacian| over standard deviation of the grey levels in the face's box: neither light nor contrast
    matter.
    """
    left, top, right, bottom = (max(0, round(edge)) for edge in face)
    grey_HW = image_SS3[top : bottom + 1, left : right + 1].mean(-1)
    if min(grey_HW.shape) < 8:
        return 0.0
    sides = grey_HW[:-2, 1:-1] + grey_HW[2:, 1:-1] + grey_HW[1:-1, :-2] + grey_HW[1:-1, 2:]
    return float(np.abs(sides - 4 * grey_HW[1:-1, 1:-1]).mean() / max(float(grey_HW.std()), 1.0))


def movement(landmarks_TP2: NDArray[np.float32]) -> float:
    """How far landmarks move within the face, in shares of its size: position, size and roll are taken out.

    Root mean square distance to the mean shape after the best similarity; a photograph that is shifted and
    zoomed has next to none.
    """
    z_TP = landmarks_TP2[..., 0] + 1j * landmarks_TP2[..., 1]
    z_TP = z_TP - z_TP.mean(1, keepdims=True)
    size = np.sqrt((np.abs(z_TP) ** 2).mean())
    mean_P = z_TP[0]
    for _ in range(3):
        fit_T = (mean_P * z_TP.conj()).sum(1) / (np.abs(z_TP) ** 2).sum(1)
        mean_P = (fit_T[:, None] * z_TP).mean(0)
    fit_T = (mean_P * z_TP.conj()).sum(1) / (np.abs(z_TP) ** 2).sum(1)
    away_TP = np.abs(fit_T[:, None] * z_TP - mean_P)
    return float(np.sqrt((away_TP**2).mean()) / size)


def shake(landmarks_TP2: NDArray[np.float32]) -> float:
    """How much the face's place trembles, in shares of its size a frame: mean |second difference|."""
    centre_T2 = landmarks_TP2.mean(1)
    if len(centre_T2) < 3:
        return 0.0
    size = float(np.sqrt(((landmarks_TP2 - centre_T2[:, None]) ** 2).sum(2).mean()))
    return float(np.linalg.norm(np.diff(centre_T2, 2, axis=0), axis=1).mean() / size)


def skin_colours(image_SS3: NDArray[np.uint8], landmarks_P2: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean colours (P, 3) around the landmarks, relative to the face's median brightness."""
    image = Image.fromarray(image_SS3).resize((_SKIN_SIDE, _SKIN_SIDE), Image.Resampling.BOX)
    x_P, y_P = (landmarks_P2 * _SKIN_SIDE / len(image_SS3)).astype(int).clip(0, _SKIN_SIDE - 1).T
    colours_P3 = np.asarray(image, np.float32)[y_P, x_P]
    return colours_P3 / max(float(np.median(colours_P3)), 1.0)


def skin_share(colours_TP3: NDArray[np.float32]) -> float:
    """The share of points of the face that have a skin's colour in most frames.

    Rendered normals are blue in the face's middle, depths, meshes and films in black and white are grey.
    """
    light_TP = np.maximum(colours_TP3.sum(2), 1e-3)
    red_TP = (colours_TP3[..., 0] - colours_TP3[..., 2]) / light_TP
    return float((np.median(red_TP, 0) > _RED_OVER_BLUE).mean())


def occlusion(
    colours_TP3: NDArray[np.float32], landmarks_TP2: NDArray[np.float32], regions: Regions, side: int
) -> float:
    """The largest share of the face that is covered by something for a while, in all but its rarest moments.

    The landmarker guesses landmarks under a hand or a microphone, so that their colours change while it
    passes. Eyes and the outline, whose colours change anyway, do not count; neither do frames in which the
    head is turned far from its usual pose, and what covers the face from beginning to end.

    Args:
        colours_TP3, landmarks_TP2: Colours and landmarks of the T frames that show the face.
        regions: Regions of all frames.
        side: Side of the frames, in pixels.
    """
    pose_T2 = regions.factors_TK[:, _TURN]
    pose_T2 = pose_T2[np.isfinite(pose_T2).all(1)]
    usual_T = (np.abs(pose_T2 - np.median(pose_T2, 0)) < _TURNED).all(1)
    colours_TP3, landmarks_TP2 = colours_TP3[usual_T], landmarks_TP2[usual_T]
    mean_P2 = np.median(landmarks_TP2, 0)
    low, high = mean_P2.min(0), mean_P2.max(0)
    inner_P = (((mean_P2 - (low + high) / 2) / ((high - low) / 2 * _INNER)) ** 2).sum(1) < 1
    for left, top, right, bottom in np.nanmedian(regions.boxes_TP4[:, :2], 0) * side:
        x_P, y_P = mean_P2.T
        inner_P &= ~((left < x_P) & (x_P < right) & (top < y_P) & (y_P < bottom))
    if not inner_P.any():
        return 0.0
    skin_TP3 = colours_TP3[:, inner_P]
    away_TP = np.abs(skin_TP3 - np.median(skin_TP3, 0)).mean(2)
    covered_TP = away_TP > np.maximum(_COVERED, _UNUSUAL * np.median(away_TP, 0))
    return float(np.quantile(covered_TP.mean(1), _WORST))
