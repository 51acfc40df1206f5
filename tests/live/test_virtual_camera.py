"""The virtual camera: a package that users install, of which the tests have a stand-in."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from liax.errors import LiaxError
from liax.live.virtual_camera import open_virtual_camera


class _Camera:
    """As pyvirtualcam's."""

    opened: list[_Camera] = []  # noqa: RUF012

    def __init__(self, width: int, height: int, fps: float, **how: Any) -> None:
        if width > 1000:
            raise RuntimeError("no device")
        self.size, self.sent, self.closed = (width, height), list[Any](), False
        self.opened.append(self)

    def send(self, picture_HW3: Any) -> None:
        assert picture_HW3.flags["C_CONTIGUOUS"]
        self.sent.append(picture_HW3)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("pyvirtualcam")
    package.Camera = _Camera  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyvirtualcam", package)


@pytest.mark.usefixtures("installed")
def test_pictures_are_sent_to_it() -> None:
    camera = open_virtual_camera(64, 48)
    picture_HW3 = np.zeros((48, 128, 3), np.uint8)[:, ::2]
    camera.show(picture_HW3)
    camera.close()
    (opened,) = _Camera.opened
    assert (opened.size, len(opened.sent), opened.closed) == ((64, 48), 1, True)


@pytest.mark.usefixtures("installed")
def test_a_missing_driver_is_told() -> None:
    with pytest.raises(LiaxError, match=r"cannot be opened \(no device\); install its driver: OBS"):
        open_virtual_camera(2000, 2000)


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(LiaxError) as refused:
        open_virtual_camera(64, 64)
    assert str(refused.value) == (
        "The virtual camera needs the package pyvirtualcam (GPL), which is no part of liax; "
        "install it yourself, or do without a virtual camera."
    )
