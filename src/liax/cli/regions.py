"""`liax regions`: where eyes and mouth are in every frame of a training set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from liax.cli.progress import ProgressDisplay
from liax.errors import LiaxError


def regions(
    manifest: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MANIFEST")],
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    *,
    overwrite: tyro.conf.FlagCreatePairsOff[bool] = False,
) -> None:
    """Measure eyes and mouths of all clips and stills of a manifest, for `liax train --data.regions`.

    Interrupted, it goes on where it was when it is started again; what is measured already is not measured
    anew, so that clips may be added to a manifest later.

    Args:
        manifest: The CSV of clips and stills, or the folder of a manifest.csv.
        output: Where to write, by default regions.npz beside the manifest.
        overwrite: Measure everything anew.
    """
    # Imported here, so that --help does not wait for PyTorch.
    from liax.data.manifest import read_manifest
    from liax.data.regions import measure_regions
    from liax.files import check_output

    wanted = read_manifest(manifest, None)
    path = output or wanted.folder / "regions.npz"
    check_output(path, suffixes=(".npz",), overwrite=True, inputs=(manifest,))
    with ProgressDisplay() as progress:
        failed = measure_regions(wanted, path, overwrite=overwrite, progress=progress)
    print(f"{path}: {len(wanted.items) - len(failed)} of {len(wanted.items)} files")
    if failed:
        raise LiaxError(
            f"{len(failed)} of {len(wanted.items)} files cannot be decoded and are not in {path}; "
            "replace them or take them out of the manifest"
        )
