"""Material for tests: a real portrait, a clip of it, tiny weights, and the shared data if it is there."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from browsers import CHROMIUM
from clips import moving_face, write_clip
from liax.model import LIAX, PRESETS

# The certificate that liax makes for its user is not made in the tester's own folder.
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="liax-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_DATA_HOME"], ignore_errors=True)

# Without a GPU, kernels run in Triton's interpreter; Triton reads it when it is imported.
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

# Processes that test side by side share the cores.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))

# Ray's workers are niced by default, and another test beside them would starve them.
os.environ.setdefault("RAY_worker_niceness", "0")

# Tests that run in the background ignore Ctrl-C, and so would the processes that they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


# A test that waits for another one is no failure.
hypothesis.settings.register_profile("side by side", deadline=None)
hypothesis.settings.load_profile("side by side")

# What takes longest comes first, so that no process is left with it at the end.
_LONGEST = (
    "tests/model/test_network_golden.py",
    "tests/training",
    "tests/app/browser",
    "tests/model/test_inf",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(_LONGEST))
    for item in items:
        if "playwright" in getattr(item, "fixturenames", ()):
            # On a busy machine, a browser and a server may be slower than a test reckons with: it is tried
            # once more, and the summary says so.
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_runtest_setup(item: pytest.Item) -> None:
    torch.manual_seed(0)  # the same untrained networks each time, whatever ran before


@pytest.fixture(scope="session", autouse=True)
def _pytorch_runs_networks() -> Iterator[None]:
    """No other runtime takes over by itself, so that pictures of several runs can be compared bit by bit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("liax.portrait.engine_choice.missing_packages", lambda name: (name,))
        yield


@pytest.fixture
def large_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton's interpreter takes as long for a small block of a map as for a large one."""
    if not torch.cuda.is_available():
        monkeypatch.setattr("liax.kernels.rows._ELEMENTS", 8192)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared real clips and portraits beside the checkout."""
    folder = Path(__file__).parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("needs the shared data beside the checkout (../shared/data)")
    return folder


@pytest.fixture(scope="session")
def portrait_path() -> Path:
    """A 512x512 JPEG with one face."""
    return Path(str(files("liax.assets") / "demo_portrait.jpg"))


@pytest.fixture(scope="session")
def portrait_HW3(portrait_path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(portrait_path).convert("RGB"))


@pytest.fixture(scope="session")
def tiny() -> LIAX:
    """A network of 64x64 with random weights whose frames react to driving and edits."""
    torch.manual_seed(0)
    network = LIAX(PRESETS["tiny"]).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.startswith("to_alpha"):
                parameter.mul_(2)  # so that driving frames differ visibly
    return network


@pytest.fixture(scope="session")
def tiny_weights(tiny: LIAX, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from liax.weights import save

    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save(tiny, path)
    return path


@pytest.fixture(scope="session")
def face_clip(portrait_HW3: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """320x240, 12 frames at 12 a second with AAC sound; a face that moves to the right."""
    path = tmp_path_factory.mktemp("clip") / "face.mp4"
    return write_clip(path, moving_face(portrait_HW3, 12), rate=12, sound="aac")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    """Playwright, of which a process can run one, and Chromium there is."""
    api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with api.sync_playwright() as started:
        yield started


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """`with full_disk(size):` no file that this process writes can grow beyond `size` bytes.

    Only within the block, for the limit also holds for a file that the tests' own report goes to.
    """
    return _full_disk


@contextmanager
def _full_disk(size: int) -> Iterator[None]:
    resource = pytest.importorskip("resource", reason="limits of a file's size are Unix's")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
