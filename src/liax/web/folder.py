"""A folder with the page: its own files, the models, and what they run on. Any host can serve it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

from liax.bounded import read_json
from liax.errors import LiaxError
from liax.export.folder import Precision, Role, export_folder
from liax.export.graph import serialized
from liax.export.mark_graph import mark_model
from liax.files import atomic_files, check_folder_output
from liax.marking.pixel_mark import mark_networks
from liax.model import LIAX
from liax.report.json_files import write_json
from liax.web.facts import FORMAT, page_facts
from liax.web.runtime import runtime_files
from liax.weights.controls import read_controls
from liax.weights.licence import Licence

FACTS = "page.json"
_LARGEST_FACTS = 4 << 20  # bytes
_ASSETS = ("face_landmarker.task", "demo_portrait.jpg")


class WrittenPage(NamedTuple):
    """What was written.

    Args:
        folder: Where.
        files: Names -> bytes.
        parity_db: Of each precision of the models, the least parity with PyTorch.
    """

    folder: Path
    files: dict[str, int]
    parity_db: dict[Precision, float]


def check_folder(folder: Path, *, overwrite: bool) -> list[str]:
    """As `liax.files.check_folder_output`, of a page."""
    return check_folder_output(folder, _earlier(folder / FACTS), overwrite=overwrite)


def _earlier(path: Path) -> set[str]:
    """The files of the page whose facts these are; none if they are of no page."""
    try:
        facts = read_json(path, _LARGEST_FACTS)
        return {FACTS, *facts["files"]} if facts["format"] == FORMAT else set()
    except (OSError, ValueError, TypeError, KeyError):
        return set()


def write_page(
    network: LIAX,
    folder: Path,
    name: str,
    licence: Licence = Licence(None, None),  # noqa: B008 - immutable
    *,
    precisions: Sequence[Precision] = ("float32", "float16"),
    overwrite: bool = False,
) -> WrittenPage:
    """Write the page with these weights: all files, or none.

    Args:
        network: On the CPU; where it draws at a smaller side (`draw_at`), so does the page.
        folder: Created if it is missing.
        name: What visitors see of the weights.
        licence: Of the weights, which visitors see too.
        precisions: Of the models. GPUs that can take float16, WebAssembly and the others float32.
        overwrite: Replace an earlier page.

    Raises:
        OutputExistsError: If there is an earlier page, and `overwrite` is false.
        MissingPackageError: If the page's runtime is not installed.
        LiaxError: If the folder holds something else or cannot be written, or a model does not compute what
            the network does.
    """
    runtime = runtime_files()
    earlier = check_folder(folder, overwrite=overwrite)
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_files(folder) as part:
            # Without a driver, the page's encoder reads.
            roles: list[Role] = (
                ["encoder", "decoder"] if network.driver is None else ["encoder", "driver", "decoder"]
            )
            parity_db = export_folder(network, part, licence, roles=roles, precisions=precisions).parity_db
            (part / "mark.onnx").write_bytes(serialized(mark_model(mark_networks())))
            with as_file(files("liax.web") / "page") as page, as_file(files("liax.assets")) as assets:
                for path in (*page.iterdir(), *(assets / name for name in _ASSETS), *runtime):
                    shutil.copyfile(path, part / path.name)
            sizes = {path.name: path.stat().st_size for path in sorted(part.iterdir())}
            controls = read_controls(network.metadata, network.config.vectors)
            write_json(part / FACTS, page_facts(network, controls, name, sizes))
        for gone in set(earlier) - {FACTS, *sizes}:
            (folder / gone).unlink(missing_ok=True)
    except OSError as error:
        raise LiaxError(f"{folder} cannot be written ({error.strerror})", "write elsewhere") from error
    finally:
        if new and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return WrittenPage(folder, {**sizes, FACTS: (folder / FACTS).stat().st_size}, parity_db)
