"""`liax regions`: measures eyes and mouth in every frame of a training set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.output import show
from liax.cli.progress import ProgressDisplay
from liax.errors import LiaxError


def regions(
    manifest: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MANIFEST")],
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    *,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Measure eyes, mouths and factors in all files of a manifest, for `liax train --data.regions`.

    Started again after an interruption, or with more clips in the manifest, it measures only what is missing.

    Args:
        manifest: The CSV file of clips and stills, or its folder.
        output: File to write; by default regions.npz beside the manifest.
        overwrite: Measure everything again.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.data.manifest import manifest_in, read_manifest
    from liax.data.regions import measure_regions
    from liax.files import check_output

    wanted = read_manifest(manifest, None)
    path = output or wanted.folder / "regions.npz"
    inputs = (manifest_in(manifest) or manifest, *(wanted.folder / item.file for item in wanted.items))
    check_output(path, suffixes=(".npz",), overwrite=True, inputs=inputs)
    with ProgressDisplay() as progress:
        failed = measure_regions(wanted, path, overwrite=overwrite, progress=progress)
    total, measured = len(wanted.items), len(wanted.items) - len(failed)
    show(f"{path}: {measured} of {total} files", path=path, files=total, measured=measured)
    if failed:
        raise LiaxError(
            f"{len(failed)} of {total} files cannot be decoded and are not in {path}",
            "replace them or take them out of the manifest",
        )
