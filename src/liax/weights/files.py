"""liax's weights files: write, read and check them, and build the network that they hold.

A weights file is a safetensors file. Its metadata has the configuration, and the orthonormal motion vectors Q
are stored in place of the trained W.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from liax.bounded import check_safetensors, parse_json, printable, short
from liax.errors import LiaxError, WrongFileError
from liax.files import atomic_file, refuse_stream
from liax.model import LIAX, ModelConfig

Shape = tuple[int, ...]

_LONGEST_NAME = 80  # characters shown
_LISTED = 3  # tensor names listed of each kind of mismatch


def mismatch(
    expected: Mapping[str, Shape], found: Mapping[str, Shape], optional: Collection[str] = ()
) -> str:
    """Describe missing, unexpected and misshapen tensors; "" if all are as expected.

    At most three names of each kind are listed, and the others are counted.

    Args:
        expected, found: Tensor name -> shape.
        optional: Names in `expected` that may be missing.
    """
    missing = [name for name in expected if name not in found and name not in optional]
    unexpected = [name for name in found if name not in expected]
    misshapen = [
        f"{name} is {_shape(found[name])}, not {_shape(shape)}"
        for name, shape in expected.items()
        if name in found and tuple(found[name]) != tuple(shape)
    ]
    kinds = (("missing tensors", missing), ("unexpected tensors", unexpected), ("wrong shapes", misshapen))
    return "; ".join(f"{len(names)} {kind} ({_first(names)})" for kind, names in kinds if names)


def _first(names: list[str]) -> str:
    more = len(names) - _LISTED
    listed = ", ".join(printable(name[:_LONGEST_NAME]) for name in names[:_LISTED])
    return listed + (f" and {more} more" if more > 0 else "")


def _shape(shape: Iterable[int]) -> str:
    return "×".join(map(str, shape)) or "a single number"


_SAMPLES = 4096


def fingerprint(network: LIAX) -> str:
    """16 hexadecimal digits that identify a network's configuration and weights.

    Motion coefficients have the same meaning in two networks only if their fingerprints agree.

    Up to about 8,000 evenly spaced values of each parameter are hashed as float32, which takes milliseconds
    at any size. Device, mode and frozen motion vectors make no difference.
    """
    digest = hashlib.sha256(json.dumps(network.config.to_dict(), sort_keys=True).encode())
    for name, parameter in sorted(network.named_parameters()):
        values = parameter.detach().flatten()
        sample = values[:: max(1, values.numel() // _SAMPLES)]
        digest.update(name.encode())
        digest.update(sample.float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


FORMAT = "1"
VECTORS = "dictionary.frozen_DM"
DICTIONARY = "dictionary.weight"


class StoredWeights(NamedTuple):
    """The content of a weights file.

    Args:
        config: The network's sizes.
        tensors: liax's names -> tensors, memory-mapped from the file.
        metadata: Free facts, text to text, without the keys that liax itself writes.
    """

    config: ModelConfig
    tensors: dict[str, Tensor]
    metadata: dict[str, str]


def save(
    network: LIAX,
    path: str | os.PathLike[str],
    *,
    metadata: Mapping[str, str] | None = None,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write a network for inference.

    The motion vectors Q are stored in float32 in place of the dictionary's W, because the signs that a QR
    picks differ between backends.

    Args:
        network: On any device, frozen or not.
        path: The file to write, usually .safetensors; it is replaced if it exists.
        metadata: Free facts, text to text, which `load(...).metadata` returns; keys that start with "liax."
            are reserved.
        dtype: Of all other weights: float16, bfloat16 or float32.

    Raises:
        LiaxError: If a weight is not finite in `dtype` or the file cannot be written.
    """
    path = Path(path)
    tensors = {VECTORS: motion_vectors(network).contiguous()}
    for name, value in network.state_dict().items():
        if name in (VECTORS, DICTIONARY):
            continue
        tensors[name] = value.detach().to("cpu", dtype).contiguous()
        if not tensors[name].isfinite().all():
            raise LiaxError(
                f"{path} was not written: {name} has values that are not finite in "
                f"{str(dtype).removeprefix('torch.')}",
                "save in float32, or a network that has not diverged",
            )
    write(path, StoredWeights(network.config, tensors, dict(metadata or {})))


def motion_vectors(network: LIAX) -> Tensor:
    """Q as the network uses it: (D, M) float32 on the CPU.

    Frozen vectors are returned as they are. Otherwise Q is computed in float64, with the signs that the
    network's own QR picks.
    """
    own_DM = network.dictionary.vectors_DM().detach().to("cpu", torch.float32)
    if VECTORS in network.state_dict():
        return own_DM
    weight_DM = network.dictionary.weight.detach().to("cpu", torch.float32) + 1e-8
    exact_DM = torch.linalg.qr(weight_DM.double())[0]
    return (exact_DM * (exact_DM * own_DM).sum(0).sign()).float()


def write(path: Path, stored: StoredWeights) -> None:
    """Write `stored` at `path`, completely or not at all.

    Raises:
        LiaxError: If that is impossible.
    """
    metadata = {**stored.metadata, "liax.format": FORMAT, "liax.config": json.dumps(stored.config.to_dict())}
    write_safetensors(path, lambda name: save_file(stored.tensors, name, metadata=metadata))


def write_safetensors(path: Path, save: Callable[[str], None], *, overwrite: bool = True) -> None:
    """Write a safetensors file at `path`, completely or not at all.

    Args:
        path: The file.
        save: Called with the name of a temporary file, which it writes.
        overwrite: Whether a file that is at `path` by then is replaced.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        LiaxError: If that is impossible.
    """
    with atomic_file(path, overwrite=overwrite) as file:
        mode = os.fstat(file.fileno()).st_mode
        try:
            save(file.name)
        except SafetensorError as error:
            raise LiaxError(
                f"{path} cannot be written ({error})", "free some space or choose another place"
            ) from error
        os.chmod(file.name, mode)  # The user's default mode; safetensors makes private files.


def read(path: Path) -> StoredWeights:
    """Open a weights file, and check everything but the weights' values.

    Raises:
        WrongFileError: If it is a file of another kind.
        LiaxError: If it is missing, damaged or incomplete.
    """
    if not path.exists():
        raise LiaxError(f"There is no file {path}", "check the path")
    if path.is_dir():
        raise LiaxError(f"{path} is a folder", "give the .safetensors file in it")
    refuse_stream(path, "weights")
    try:
        check_safetensors(path)
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            config = _config(path, metadata)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, ValueError) as error:
        raise _unreadable(path, short(error, 200)) from error
    except OSError as error:
        raise LiaxError(f"{path} cannot be read ({error})", "check its permissions") from error
    expected = expected_shapes(config)
    faults = mismatch(expected, {n: tuple(t.shape) for n, t in tensors.items()}, optional=[DICTIONARY])
    if faults:
        raise LiaxError(
            f"{path} does not hold the network that it describes: {faults}", "download or export it again"
        )
    free = {key: value for key, value in metadata.items() if key not in ("liax.format", "liax.config")}
    return StoredWeights(config, tensors, free)


def expected_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """liax's tensor names -> shapes, the frozen motion vectors included."""
    with torch.device("meta"):
        state = LIAX(config).state_dict()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    return shapes | {VECTORS: (config.latent, config.vectors)}


N = TypeVar("N", bound=LIAX)


def build(
    stored: StoredWeights,
    device: str | torch.device = "cpu",
    kind: type[N] = LIAX,  # type: ignore[assignment]
) -> N:
    """The network of `stored`, ready for inference: float32 on `device`, evaluation mode, no gradients.

    If the file has no W, then W is set to Q, whose QR is Q up to rounding, so that training can continue.

    Raises:
        LiaxError: If a tensor has values that are not finite.
    """
    tensors = {DICTIONARY: stored.tensors[VECTORS], **stored.tensors}
    state = {name: value.to(device, torch.float32, copy=True) for name, value in tensors.items()}
    _check_finite(state)
    vectors_DM = state.pop(VECTORS)
    with torch.device("meta"):
        network = kind(stored.config)
    network.load_state_dict(state, assign=True)
    network.dictionary.freeze(vectors_DM)
    network.metadata = dict(stored.metadata)
    return network.requires_grad_(False).eval()


def _check_finite(state: Mapping[str, Tensor]) -> None:
    """Raise LiaxError unless all values are finite; their sums show it without a copy."""
    sums = torch.stack([value.sum() for value in state.values()])
    if not sums.isfinite().all():
        names = [name for name, finite in zip(state, sums.isfinite().tolist(), strict=True) if not finite]
        raise LiaxError(
            f"The weights have values that are not finite ({_first(names)})", "download or export them again"
        )


def _config(path: Path, metadata: dict[str, str]) -> ModelConfig:
    if "liax.template" in metadata:
        raise WrongFileError(path, "motion template", "weights")
    if "liax.format" not in metadata:
        raise WrongFileError(path, "other", "weights", "a safetensors file that liax did not write")
    if metadata["liax.format"] != FORMAT:
        raise LiaxError(
            f"{path} has format {printable(metadata['liax.format'][:20])}, and this liax reads {FORMAT}",
            "use the version of liax that wrote it, or a newer one",
        )
    try:
        return ModelConfig.from_dict(parse_json(metadata["liax.config"]))
    except (KeyError, TypeError, ValueError) as error:
        raise LiaxError(
            f"{path} describes no usable network ({short(error)})", "download or export it again"
        ) from error


def _unreadable(path: Path, reason: str) -> LiaxError:
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith((b"PK", b"\x80")):
        return WrongFileError(path, "checkpoint", "weights")
    if start[8:9] == b"{":
        return LiaxError(f"{path} is damaged or cut short ({reason})", "copy or download it again")
    return WrongFileError(path, "other", "weights", reason)
