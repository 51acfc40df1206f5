"""What the page has to know besides the export's card, as plain values for JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import torch

from liax.live.session import SMOOTHINGS, STRENGTHS
from liax.marking.mark_network import DRAWN, SEEN
from liax.marking.output import FACTS_TAG, TYPE_TAG
from liax.marking.pixel_mark import HOLD, PSNR_OF_SIDE, SMALLEST
from liax.marking.provenance import SOURCE_TYPE, Provenance
from liax.model import LIAX
from liax.model.pixels import from_uint8, to_uint8
from liax.options import LiveOptions
from liax.portrait.pose import PoseRange
from liax.version import __version__
from liax.weights.controls import Controls
from liax.weights.files import fingerprint

FORMAT = "liax web 1"
# Squares a side over which the drawn picture is averaged, to compare it with the page's own.
_MEANS = 8


def page_facts(network: LIAX, controls: Controls, name: str, files: dict[str, int]) -> dict[str, Any]:
    """The facts.

    Args:
        network: What is exported, on the CPU.
        controls: Its controls.
        name: What visitors see of the weights.
        files: Names of the other files -> bytes.
    """
    defaults = LiveOptions()
    return {
        "format": FORMAT,
        "made_by": f"liax {__version__}",
        "weights": name,
        "files": files,
        "live": {
            "strength": [*STRENGTHS, defaults.strength],
            "smoothing": [*SMOOTHINGS, defaults.smoothing],
            "mirror": defaults.mirror,
        },
        "reads": "encoder" if network.driver is None else "driver",
        "head": _head(controls),
        "mark": {
            "seen": SEEN,
            "drawn": DRAWN,
            "hold": HOLD,
            "smallest": SMALLEST,
            "psnr_of_side": {str(side): psnr for side, psnr in PSNR_OF_SIDE.items()},
        },
        "tags": {
            TYPE_TAG: SOURCE_TYPE,
            FACTS_TAG: json.dumps(Provenance("web", fingerprint(network)).facts()),
        },
        "check": _check(network),
    }


def _head(controls: Controls) -> dict[str, Any]:
    """The controls of the head that are poses, and what takes a change of coefficients apart into them."""
    held = PoseRange(controls, {})
    return {
        "names": [control.name for control in held.heads],
        "directions": held.directions_MK.T.tolist(),
        "solve": held.solve_KM.tolist(),
    }


def _check_picture(side: int) -> torch.Tensor:
    """A picture (1, 3, side, side) in [-1, 1] of soft waves, which the page draws by the same formula."""
    place = torch.arange(side, dtype=torch.float64) / side
    rows, columns, shift = place[:, None], place, torch.arange(3)[:, None, None]
    levels = 127.5 * (1 + torch.sin(2 * math.pi * (2 * columns + 3 * rows) + shift))
    return from_uint8(levels.round())[None]


@torch.no_grad()
def _check(network: LIAX) -> list[float]:
    """Means over parts of what the network draws of that picture, row by row, in levels of each channel."""
    seen = network.encode(_check_picture(network.config.size))
    drawn = network.decode(network.reenact(seen.code_BD, seen.alpha_BM), seen.features)
    picture_RR3 = to_uint8(drawn)[0].permute(1, 2, 0).numpy().astype(np.float64)
    side = len(picture_RR3) // _MEANS
    means = picture_RR3.reshape(_MEANS, side, _MEANS, side, 3).mean((1, 3))
    return [float(mean) for mean in means.round(2).ravel()]
