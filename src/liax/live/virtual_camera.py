"""The portrait as a camera for other programs, where the user has installed pyvirtualcam (GPL) and a driver.

pyvirtualcam is no part of liax and no dependency: it is imported only here, when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError

_RATE = 30


class VirtualCamera(Protocol):
    """Shows pictures of one size to other programs."""

    def show(self, picture_HW3: NDArray[np.uint8]) -> None:
        """Show an RGB uint8 picture until the next one comes."""

    def close(self) -> None:
        """Give the camera back."""


def open_virtual_camera(width: int, height: int) -> VirtualCamera:
    """A camera of that size.

    Raises:
        LiaxError: If pyvirtualcam is not installed, or finds no driver.
    """
    camera_class = load_virtual_camera()
    try:
        return _PyVirtualCam(camera_class(width=width, height=height, fps=_RATE, print_fps=False))
    except Exception as error:  # of each system's driver
        raise LiaxError(
            f"The virtual camera cannot be opened ({error})",
            "install its driver: OBS Studio on Windows and macOS, v4l2loopback on Linux",
        ) from error


def load_virtual_camera() -> Callable[..., Any]:
    """What opens cameras in pyvirtualcam.

    Raises:
        LiaxError: If it is not installed.
    """
    try:
        from pyvirtualcam import Camera
    except ImportError as error:
        raise LiaxError(
            "The virtual camera needs the package pyvirtualcam (GPL), which is no part of liax",
            "install it yourself, or do without a virtual camera",
        ) from error
    opened: Callable[..., Any] = Camera
    return opened


class _PyVirtualCam:
    def __init__(self, camera: Any) -> None:
        self._camera = camera

    def show(self, picture_HW3: NDArray[np.uint8]) -> None:
        self._camera.send(np.ascontiguousarray(picture_HW3))

    def close(self) -> None:
        self._camera.close()
