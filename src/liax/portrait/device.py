"""Where the network runs, and how its memory is kept there."""

from __future__ import annotations

import ctypes
import logging
import sys
import warnings
from functools import cache

import torch

from liax.errors import OptionError, SlowerPath
from liax.options import Backend

log = logging.getLogger(__name__)


def choose_device(name: str | None = None, backend: Backend | None = None) -> torch.device:
    """The device called `name` ("cpu", "cuda", "cuda:1", "mps"); without a name CUDA, else MPS, else the CPU.

    Without a name, a GPU that is not used because its driver is too old is told about once.

    Args:
        name: Of the device.
        backend: What is to run the network; all but "torch" run on the CPU only.

    Raises:
        OptionError: If the device is unknown or not present, or not the backend's.
    """
    if backend not in (None, "torch"):
        if name not in (None, "cpu"):
            options = {"backend": backend, "device": name}
            raise OptionError(options, f"{backend} runs on the CPU, not on {name}")
        return torch.device("cpu")
    if name is None:
        usable, old_driver = _cuda()
        if usable:
            return torch.device("cuda")
        if old_driver:
            _tell_of_old_driver()
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise _unusable(name, f"{name} is not a device", "use cpu, cuda, cuda:N or mps") from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise _unusable(name, f"{name} is not a device that liax runs on", "use cpu, cuda, cuda:N or mps")
    if device.type == "cuda":
        usable, old_driver = _cuda()
        count = torch.cuda.device_count() if usable else 0
        if old_driver:
            problem = f"{name} is not available: the NVIDIA driver is too old for this PyTorch"
            raise _unusable(name, problem, "update the driver, or use cpu")
        if count == 0:
            raise _unusable(name, f"{name} is not available: PyTorch sees no NVIDIA GPU here", "use cpu")
        if (device.index or 0) >= count:
            raise _unusable(
                name, f"{name} is not available: PyTorch sees {count} GPU(s)", "their numbers start at cuda:0"
            )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise _unusable(name, f"{name} is not available: PyTorch sees no Apple GPU here", "use cpu")
    return device


def _cuda() -> tuple[bool, bool]:
    """Whether PyTorch can use an NVIDIA GPU, and whether one is there whose driver is too old for that."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        usable = torch.cuda.is_available()
    old = [each for each in said if "driver" in str(each.message) and "too old" in str(each.message)]
    for each in said:
        if each not in old:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    return usable, bool(old) and not usable


@cache
def _tell_of_old_driver() -> None:
    reason = "The NVIDIA driver is too old for this PyTorch, so the processor computes in place of the GPU"
    log.warning(SlowerPath(reason))


def _unusable(name: str, problem: str, advice: str) -> OptionError:
    return OptionError({"device": name}, problem, advice)


def keep_freed_memory() -> None:
    """Tell glibc to reuse freed memory instead of returning it, for this process: halves a frame's CPU time.

    Else each large activation is mapped, zeroed page by page and unmapped again. mallopt(3): M_MMAP_MAX = -4,
    M_TRIM_THRESHOLD = -1, M_TOP_PAD = -2. Nothing happens elsewhere than under glibc.
    """
    for parameter, value in ((-4, 0), (-1, 2**31 - 1), (-2, 2**28)):
        _glibc("mallopt", parameter, value)


def share_arenas() -> None:
    """Let threads share two of glibc's arenas (mallopt(3): M_ARENA_MAX): one uses what another freed."""
    _glibc("mallopt", -8, 2)


def return_freed_memory() -> None:
    """Give the system back what freed pictures took: glibc keeps it, in pieces that fit little."""
    _glibc("malloc_trim", 0)


def _glibc(name: str, *arguments: int) -> None:
    """Call a function of the C library, where it has it."""
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
