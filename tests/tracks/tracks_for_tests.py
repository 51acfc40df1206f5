"""Controls like those of the bundled weights, in small."""

from __future__ import annotations

import numpy as np

from liax.weights.controls import CoefficientLimits, Control, Controls

COUNT = 8
# brow and jaw share #5; gaze-y has no vector of its own, because #3 is blink's.
CONTROLS = Controls(
    COUNT,
    (
        Control("yaw", "head", {0: 0.035}, -30, 40, "deg"),
        Control("jaw", "mouth", {1: 1.5, 5: -0.7}, -1, 1),
        Control("smile", "mouth", {2: 1.5}, -0.8, 1),
        Control("blink", "eyes", {3: 1.5}, -1, 1),
        Control("brow", "brows", {4: 1.4, 5: -0.7}, -1, 1),
        Control("gaze-y", "gaze", {0: 0.4, 3: -1.5}, -1, 1),
    ),
    CoefficientLimits(-np.ones(COUNT), np.array([1.0, 2.5, 1.7, 1.6, 1.5, 1, 1, 1])),
)
