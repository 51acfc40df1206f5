"""What a kind of input is to the fuzzer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

import torch

from liax.bounded import printable
from liax.errors import LiaxError
from liax.model import LIAX, PRESETS


class Format(NamedTuple):
    """A kind of input.

    Attributes:
        name: Of the file that is read.
        make: Gives the bytes of a sound one; the folder is scratch.
        mutate: Changes them.
        read: Does with the file what the commands do with it.
    """

    name: str
    make: Callable[[Path], bytes]
    mutate: Callable[[Random, bytes], bytes]
    read: Callable[[Path], object]


@cache
def tiny_network() -> LIAX:
    """A network of 64x64 with random weights."""
    torch.manual_seed(0)
    return LIAX(PRESETS["tiny"]).eval()


def check_message(error: LiaxError) -> None:
    """A message is short, can be printed, and cannot steer a terminal once it is."""
    message = str(error)
    assert 0 < len(message) < 3000
    printable(message).encode()
