"""`liax export`: the network for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from liax.cli.model_options import DEFAULT_WEIGHTS
from liax.cli.output import show


def export(
    weights: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="WEIGHTS")] = DEFAULT_WEIGHTS,
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    precision: tuple[Literal["float32", "float16"], ...] = ("float32", "float16"),
    size: int | None = None,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Write the network as ONNX models, which other programs run without liax.

    The folder gets an encoder, a driver and a decoder of each precision, and card.json: inputs and outputs,
    crop and scaling of pictures, controls with ranges and units, the limits of coefficients, and the licence.
    Each model is run in ONNX Runtime beside PyTorch, and nothing is written if they differ.

    Args:
        weights: Name or file of the network's weights.
        output: The folder to write; created if it is missing.
        precision: float32, float16 or both. float16 takes half the space.
        size: Side of the pictures that the models draw; by default the network's largest.
        overwrite: Replace an earlier export.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.errors import MissingPackageError
    from liax.export.runtime_choice import missing_packages
    from liax.weights import load
    from liax.weights.licence import licence_of

    if missing := missing_packages("onnxruntime"):
        raise MissingPackageError("The export", missing, "onnxruntime")
    from liax.export.folder import check_folder, export_folder

    check_folder(output, overwrite=overwrite)
    network = load(weights, size=size)
    done = export_folder(
        network,
        output,
        licence_of(weights, network.metadata),
        precisions=tuple(dict.fromkeys(precision)),
        overwrite=overwrite,
    )
    models = done.card["models"]
    size_MB = sum(model["bytes"] for model in models) / 1e6
    parity = ", ".join(f"{name} {least:.0f} dB" for name, least in done.parity_db.items())
    show(
        f"{output}: {len(models)} models, {size_MB:,.0f} MB; beside PyTorch {parity}",
        path=output,
        models=models,
        parity_db=done.parity_db,
    )
