"""`liax web`: a static page that moves portraits in the visitor's browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.model_options import live_weights
from liax.cli.output import show


def web(
    *,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    weights: str = live_weights(),
    size: int | None = None,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Write a page that moves portraits in the browser of whoever opens it, without a server.

    The folder gets the page, the network as ONNX models, and all that they run on. Any host of files can
    serve it, also python -m http.server. The page asks no other computer for anything, and what visitors give
    it stays in their browsers. Without --weights, the weights called live are used if they are installed;
    others draw fewer pictures a second.

    Args:
        output: The folder to write; created if it is missing.
        weights: Name or file of the network's weights.
        size: Side of the pictures that the page draws; by default the network's largest. Half of it is drawn
            faster.
        overwrite: Replace an earlier page.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.errors import MissingPackageError
    from liax.export.runtime_choice import missing_packages
    from liax.weights import load
    from liax.weights.licence import licence_of

    if missing := missing_packages("onnxruntime"):
        raise MissingPackageError("The page", missing, "web")
    from liax.web.folder import check_folder, write_page
    from liax.web.runtime import runtime_files

    runtime_files()
    check_folder(output, overwrite=overwrite)
    network = load(weights, size=size)
    shown = Path(weights).name if Path(weights).is_file() else weights
    done = write_page(network, output, shown, licence_of(weights, network.metadata), overwrite=overwrite)
    parity = ", ".join(f"{name} {least:.0f} dB" for name, least in done.parity_db.items())
    size_MB = sum(done.files.values()) / 1e6
    show(
        f"{output}: {len(done.files)} files, {size_MB:,.0f} MB; beside PyTorch {parity}. "
        f"See it with: python -m http.server --directory {output}",
        path=output,
        files=done.files,
        parity_db=done.parity_db,
    )
