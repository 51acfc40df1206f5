"""A folder with the network as ONNX models, and a card that says how to use them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from liax.bounded import read_json
from liax.errors import LiaxError
from liax.export.card import FORMAT, describe, export_card
from liax.export.graph import serialized
from liax.export.models import decoder_model, driver_model, encoder_model
from liax.export.parity import check_parity
from liax.files import atomic_files, check_folder_output
from liax.model import LIAX
from liax.report.json_files import write_json
from liax.weights.controls import read_controls
from liax.weights.licence import Licence

Precision = Literal["float32", "float16"]
Role = Literal["encoder", "driver", "decoder"]
CARD = "card.json"
_MODELS = {"encoder": encoder_model, "driver": driver_model, "decoder": decoder_model}
_ENDINGS: dict[Precision, str] = {"float32": "", "float16": "-float16"}
_NAMES = {CARD, *(f"{role}{ending}.onnx" for role in _MODELS for ending in _ENDINGS.values())}
_LARGEST_CARD = 16 << 20  # bytes


class Exported(NamedTuple):
    """What was written.

    Args:
        folder: Where.
        card: The content of its card.
    """

    folder: Path
    card: dict[str, Any]

    @property
    def parity_db(self) -> dict[Precision, float]:
        """Of each precision, the least parity of any output with PyTorch."""
        found: dict[Precision, float] = {}
        for model in self.card["models"]:
            found[model["dtype"]] = min(*model["parity_db"].values(), found.get(model["dtype"], float("inf")))
        return found


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """As `liax.files.check_folder_output`, of an export."""
    check_folder_output(folder, _NAMES if _is_card(folder / CARD) else set(), overwrite=overwrite)


def _is_card(path: Path) -> bool:
    try:
        card = read_json(path, _LARGEST_CARD)
    except (OSError, ValueError):
        return False
    return isinstance(card, dict) and card.get("format") == FORMAT


def export_folder(
    network: LIAX,
    folder: Path,
    licence: Licence = Licence(None, None),  # noqa: B008 - immutable
    *,
    precisions: Sequence[Precision] = ("float32", "float16"),
    roles: Sequence[Role] = ("encoder", "driver", "decoder"),
    overwrite: bool = False,
) -> Exported:
    """Write encoder, driver and decoder as ONNX models, checked beside PyTorch, and card.json.

    Another program needs nothing of liax to run them: the card has inputs and outputs, how pictures are
    cropped and scaled, the controls, and the limits of coefficients.

    Args:
        network: On the CPU; where it draws at a smaller side (`draw_at`), so do the models.
        folder: Created if it is missing. All files are written, or none.
        licence: Of the weights; `liax.weights.licence.licence_of` finds it.
        precisions: Of the models' maps and weights. Inputs and outputs are float32, but for the features,
            which the encoder hands to the decoder.
        roles: Which models are written.
        overwrite: Replace an earlier export.

    Raises:
        OutputExistsError: If there is an earlier export, and `overwrite` is false.
        LiaxError: If the folder holds something else or cannot be written, or a model does not compute what
            the network does.
    """
    check_folder(folder, overwrite=overwrite)
    controls = read_controls(network.metadata, network.config.vectors)
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LiaxError(f"{folder} cannot be made ({error.strerror})", "name another folder") from error
    try:
        with atomic_files(folder) as part:
            models = [each for precision in precisions for each in _write(network, part, precision, roles)]
            card = export_card(network, controls, licence, models)
            write_json(part / CARD, card)
            earlier = _NAMES - {path.name for path in part.iterdir()}
        for name in earlier:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise LiaxError(f"{folder} cannot be written ({error.strerror})", "write elsewhere") from error
    finally:
        if new and not any(folder.iterdir()):
            folder.rmdir()
    return Exported(folder, card)


def _write(network: LIAX, folder: Path, precision: Precision, roles: Sequence[Role]) -> list[dict[str, Any]]:
    """Write the models of one precision, and describe them for the card."""
    models = {role: _MODELS[role](network, precision) for role in roles}
    files: dict[str, Path] = {role: folder / f"{role}{_ENDINGS[precision]}.onnx" for role in models}
    digests = {}
    for role, model in models.items():
        content = serialized(model)
        files[role].write_bytes(content)
        digests[role] = hashlib.sha256(content).hexdigest()
    parity = check_parity(network, files, precision)
    return [
        describe(model, path.name, precision, path.stat().st_size, digests[role], parity[role])
        for (role, model), path in zip(models.items(), files.values(), strict=True)
    ]
