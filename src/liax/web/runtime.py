"""What the page runs on: programs of others, in a distribution of their own."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from liax.errors import LiaxError, MissingPackageError

PACKAGE = "liax_web_runtime"
NAMES = (
    "LICENSES.txt",
    "mediabunny.min.mjs",
    "ort-wasm-simd-threaded.asyncify.mjs",
    "ort-wasm-simd-threaded.asyncify.wasm",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
    "ort.wasm.min.mjs",
    "ort.webgpu.min.mjs",
    "vision_bundle.mjs",
    "vision_wasm_module_internal.js",
    "vision_wasm_module_internal.wasm",
)
"""The files of ONNX Runtime Web, MediaPipe and Mediabunny that the page loads, and their licences."""


def runtime_files() -> list[Path]:
    """The installed files, one for each of `NAMES`.

    Raises:
        MissingPackageError: If the distribution liax-web-runtime is not installed.
        LiaxError: If it lacks files, as a checkout does before `make web`.
    """
    if find_spec(PACKAGE) is None:
        raise MissingPackageError("The page", (PACKAGE.replace("_", "-"),), "web")
    folder = Path(import_module(PACKAGE).FILES)
    files = [folder / name for name in NAMES]
    if missing := [path.name for path in files if not path.is_file()]:
        raise LiaxError(
            f"The package {PACKAGE.replace('_', '-')} lacks {missing[0]}",
            "run make web in the checkout, which needs node and npm, or install the package's wheel",
        )
    return files
