"""Opening MediaPipe starts no compiler, leaves no temporary file, and is done by one thread at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from threading import Thread

import numpy as np
import pytest
from numpy.typing import NDArray

from liax.face import landmarks
from liax.face.landmarks import FaceLandmarker

OPENED = """
import sys

made = []
watched = ("tempfile.", "subprocess.")
sys.addaudithook(lambda event, arguments: made.append(event) if event.startswith(watched) else None)
from liax.face.landmarks import FaceLandmarker

with FaceLandmarker():
    pass
print(made, "sounddevice" in sys.modules, "matplotlib" in sys.modules)
from mediapipe.tasks.python.vision import drawing_utils

print(drawing_utils.plt.figure.__module__, "matplotlib.pyplot" in sys.modules)
"""


def test_opening_leaves_sound_and_plots_alone() -> None:
    """Whoever plots with MediaPipe all the same still can."""
    done = subprocess.run([sys.executable, "-c", OPENED], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["[] False False", "matplotlib.pyplot True"]


def test_threads_import_it_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once leave one of them with half a module."""
    importing: list[int] = []
    at_once: list[int] = []

    @contextmanager
    def counted() -> Iterator[None]:
        importing.append(1)
        at_once.append(len(importing))
        time.sleep(0.1)
        yield
        importing.pop()

    def opened() -> None:
        FaceLandmarker().close()

    monkeypatch.setattr("liax.face.landmarks._without_extras", counted)
    monkeypatch.setattr("liax.face.landmarks._IDLE", {})
    threads = [Thread(target=opened) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert at_once == [1, 1]


def test_a_native_task_serves_one_landmarker_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened once, and one more only while another landmarker has it."""
    opened: list[object] = []
    open_one = FaceLandmarker._open
    monkeypatch.setattr("liax.face.landmarks._IDLE", {})
    monkeypatch.setattr(
        FaceLandmarker, "_open", lambda self, *what: opened.append(what) or open_one(self, *what)
    )
    for _ in range(3):
        with FaceLandmarker():
            pass
    assert len(opened) == 1
    with FaceLandmarker(), FaceLandmarker():
        pass
    assert len(opened) == 2
    with FaceLandmarker(max_faces=1):
        pass
    assert len(opened) == 3
    with pytest.raises(ZeroDivisionError), FaceLandmarker():
        raise ZeroDivisionError
    with FaceLandmarker(), FaceLandmarker():
        pass
    assert len(opened) == 4  # one of two went with the error


def test_threads_share_a_landmarker(monkeypatch: pytest.MonkeyPatch, portrait_HW3: NDArray[np.uint8]) -> None:
    """They see what one thread sees, and no task is closed while it is in use."""
    monkeypatch.setattr("liax.face.landmarks._IDLE", {})
    pictures = [portrait_HW3, np.ascontiguousarray(portrait_HW3[:, 40:]), np.zeros_like(portrait_HW3)] * 6
    with FaceLandmarker() as landmarker:
        wanted = [[face.box for face in landmarker.detect(each_HW3)] for each_HW3 in pictures]
        with ThreadPoolExecutor(6) as pool:
            got = [[face.box for face in faces] for faces in pool.map(landmarker.detect, pictures)]
    np.testing.assert_allclose(list(chain(*got)), list(chain(*wanted)), atol=1e-3)
    assert [len(faces) for faces in got] == [1, 1, 0] * 6
    (idle,) = landmarks._IDLE.values()
    assert 1 <= len(idle) <= 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_opens_its_own(portrait_HW3: NDArray[np.uint8]) -> None:
    with FaceLandmarker() as landmarker:
        assert landmarker.detect(portrait_HW3)
    assert landmarks._IDLE
    child = os.fork()
    if not child:
        os._exit(len(landmarks._IDLE))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert landmarks._IDLE
