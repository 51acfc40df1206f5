"""What another program has to know to use exported models, as plain values for JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import onnx

from liax.export.graph import OPSET
from liax.face.crop import FACE_CENTRE, FACE_SIZE
from liax.model import LIAX
from liax.version import __version__
from liax.weights.controls import Controls
from liax.weights.files import fingerprint
from liax.weights.licence import Licence

FORMAT = "liax export 1"


def export_card(
    network: LIAX, controls: Controls, licence: Licence, models: list[dict[str, Any]]
) -> dict[str, Any]:
    """The card.

    Args:
        network: What is exported.
        controls: Its controls.
        licence: Its licence.
        models: As `describe` gives them.
    """
    config = network.config
    return {
        "format": FORMAT,
        "made_by": f"liax {__version__}",
        "weights": {
            "name": network.metadata.get("name"),
            "fingerprint": fingerprint(network),
            "licence": licence.name,
            "licence_text": licence.text,
        },
        "terms": "Animate people only with their consent, and say that the result is synthetic.",
        "opset": OPSET,
        "models": models,
        "pictures": {
            "layout": "frames, RGB, rows, columns",
            "seen_side": config.size,
            "drawn_side": network.drawn_size,
            "from_bytes": "byte / 127.5 - 1",
            "to_bytes": "round((clamp(value, -1, 1) + 1) * 127.5)",
            "crop": {
                "meaning": (
                    "The square around an upright face, scaled to seen_side. Of the box around MediaPipe's "
                    "face landmarks, the larger side is face_size of the square's, and the centre is at "
                    "face_centre, as shares of the square from its upper left corner."
                ),
                "face_size": FACE_SIZE,
                "face_centre": list(FACE_CENTRE),
            },
        },
        "motion": {
            "use": [
                "encoder: the portrait's image, once -> code, alpha (a_s) and features",
                "driver: each driving image -> alpha (a_t)",
                "decoder: code, alpha and features -> image",
            ],
            "relative": "alpha = a_s + a_t - a_1, with a_1 of the first driving image",
            "absolute": "alpha = a_t",
            "edited": "alpha = a_s + sum of value * vectors over the controls",
            "code": config.latent,
            "vectors": config.vectors,
            "grid": (
                "From where in the portrait each pixel is, as (x, y) with the centres of the corner pixels "
                "at -1 and 1"
            ),
            "reach": _reach(controls),
        },
        "controls": [
            {
                "name": control.name,
                "group": control.group,
                "unit": control.unit,
                "low": control.low,
                "high": control.high,
                "meaning": control.meaning,
                "vectors": {str(index): amount for index, amount in control.vectors.items()},
                "verified": None if control.verified is None else vars(control.verified),
            }
            for control in controls
        ],
    }


def _reach(controls: Controls) -> dict[str, Any] | None:
    if controls.limits is None:
        return None
    return {
        "meaning": "alpha is clamped to these, except where a_s or a_t lies beyond them itself",
        **json.loads(controls.limits.to_json()),
    }


def describe(
    model: onnx.ModelProto, file: str, dtype: str, size: int, digest: str, parity: Mapping[str, float]
) -> dict[str, Any]:
    """What the card says of a model.

    Args:
        model: The model.
        file: The name of its file.
        dtype: Of its maps.
        size: Bytes of the file.
        digest: Its SHA-256.
        parity: Outputs -> dB by which they agree with PyTorch.
    """
    return {
        "role": model.graph.name,
        "file": file,
        "dtype": dtype,
        "bytes": size,
        "sha256": digest,
        "inputs": [_value(value) for value in model.graph.input],
        "outputs": [_value(value) for value in model.graph.output],
        "parity_db": dict(parity),
    }


def _value(value: onnx.ValueInfoProto) -> dict[str, Any]:
    tensor = value.type.tensor_type
    shape = [size.dim_param or size.dim_value for size in tensor.shape.dim]
    return {
        "name": value.name,
        "dtype": onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name,
        "shape": shape,
    }
