"""Load a network from a name or a path."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path

import torch

from liax.bounded import short
from liax.errors import LiaxError
from liax.weights import files
from liax.weights.controls import CONTROLS_KEY, Control, Controls, read_controls
from liax.weights.pretrained import PretrainedLIAX

DEFAULT = "small"
# Distributions with weights declare an entry point of this group: a name, and the path of a weights file.
ENTRY_POINTS = "liax.weights"


def load(
    name_or_path: str | os.PathLike[str] = DEFAULT,
    device: str | torch.device = "cpu",
    *,
    size: int | None = None,
) -> PretrainedLIAX:
    """Load a network for inference: float32 on `device`, evaluation mode, no gradients.

    The file's own metadata becomes the network's `metadata`.

    Args:
        name_or_path: The name of installed weights ("small"), the path of a weights file, or a hub name
            ("owner/repository"; "YaohuiW/LIA-X" is the published checkpoint, converted as it is read).
        device: Where the network is put.
        size: Side of the pictures that it draws, 64, 128, … up to that of the weights, which is the default.
            A smaller one is drawn faster; what goes in keeps the weights' size.

    Raises:
        WrongFileError: If the file is not a weights file of liax.
        LiaxError: If there is no such file or name, the file is damaged, or its network does not draw `size`.
    """
    network = files.build(open_weights(name_or_path), device, PretrainedLIAX)
    if size is not None:
        try:
            network.draw_at(size)
        except ValueError:
            sides = ", ".join(str(side) for side in network.config.sides if side >= 64)
            problem = f"{name_or_path} draws no pictures of {size} pixels"
            raise LiaxError(problem, f"choose one of {sides}") from None
    return network


def open_weights(name_or_path: str | os.PathLike[str] = DEFAULT) -> files.StoredWeights:
    """The checked content of the weights that `load` would make a network of, mapped into memory.

    Args:
        name_or_path: As for `load`.

    Raises:
        LiaxError: As `load` does.
    """
    name = os.fspath(name_or_path)
    if installed := find_installed(name):
        return files.read(installed)
    path = Path(name)
    if path.exists() or isinstance(name_or_path, Path):
        return files.read(path)

    from liax.weights import hub  # Slow to import and seldom needed.

    if not hub.is_hub_name(name):
        if name == DEFAULT:
            raise LiaxError(
                f"The weights {name} are not installed",
                f"install the package liax-weights-{name} (in a checkout: packages/liax-weights-{name}), "
                "or give the path of a weights file",
            )
        names = ", ".join(installed_names()) or "none are installed"
        raise LiaxError(
            f"There is no file {name}",
            f"give a path, the name of installed weights ({names}) or a hub name (owner/repository)",
        )
    path = hub.fetch(name)
    if path.suffix == ".safetensors":
        return files.read(path)
    from liax.weights.checkpoint import read_state
    from liax.weights.published import to_ours

    return to_ours(read_state(path), path)


def set_controls(
    name_or_path: str | os.PathLike[str], out: str | os.PathLike[str], controls: Iterable[Control]
) -> None:
    """Write weights with other controls; every tensor keeps its bits.

    Args:
        name_or_path: The weights, named as for `load`.
        out: The file to write, which may be the weights' own.
        controls: They replace all controls of the weights.

    Raises:
        LiaxError: If the weights cannot be read, the controls do not fit them, or `out` cannot be written.
    """
    stored = open_weights(name_or_path)
    count = stored.config.vectors
    metadata = stored.metadata | {CONTROLS_KEY: Controls(count, tuple(controls)).to_json()}
    read_controls(metadata, count)
    files.write(Path(out), stored._replace(metadata=metadata))


def installed_names() -> list[str]:
    """The names of the weights that are installed as packages, in alphabetical order."""
    return sorted(entry_points(group=ENTRY_POINTS).names)


def find_installed(name: str) -> Path | None:
    """The file of the installed weights called `name`, or None if there are none.

    Raises:
        LiaxError: If the package that declares them is damaged.
    """
    for point in entry_points(group=ENTRY_POINTS, name=name):
        try:
            path = Path(point.load())
        except Exception as error:  # The package is another project's code.
            raise LiaxError(
                f"The installed weights {name} cannot be found ({point.value}: {short(error)})",
                "install their package again",
            ) from error
        if not path.is_file():
            raise LiaxError(
                f"The installed weights {name} lack their file {path}", "install their package again"
            )
        return path
    return None
