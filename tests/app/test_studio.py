"""What the tabs share: portraits that stay open, results that do not stay for ever."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import liax.app.studio as module
from liax.app.jobs import capture_warnings
from liax.app.studio import Studio
from liax.app.uploads import VisitorLimits
from liax.errors import LiaxError, SeveralFaces
from liax.model import LIAX
from liax.options import EditOptions, SourceOptions
from liax.portrait import Animator, edit_image


@pytest.fixture
def own(tiny: LIAX) -> Iterator[Studio]:
    with Studio(Animator(tiny, "cpu"), limits=VisitorLimits(picture_megapixels=1)) as studio:
        yield studio


def test_a_portrait_is_encoded_once(
    own: Studio, portrait_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = own.portrait(portrait_path)
    monkeypatch.setattr(module, "open_portrait", lambda *_, **__: pytest.fail("opened again"))
    assert own.portrait(portrait_path) is first


def test_what_was_warned_of_is_told_each_time(own: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(_: object, path: Path, __: object) -> object:
        logging.getLogger("liax.face").warning(SeveralFaces(path, 3, "face"))
        return object()

    monkeypatch.setattr(module, "open_portrait", opened)
    monkeypatch.setattr(module, "check_picture", lambda *_: None)
    for _ in range(3):
        with capture_warnings() as warnings:
            own.portrait(Path("three.jpg"))
        assert [type(warning) for warning in warnings] == [SeveralFaces]


def test_ways_of_opening_are_kept_apart(own: Studio, portrait_path: Path) -> None:
    assert (
        own.portrait(portrait_path, SourceOptions(crop=False)).framing != own.portrait(portrait_path).framing
    )


def test_no_more_than_the_last_portraits_are_kept(
    own: Studio, portrait_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(module, "open_portrait", lambda _, path, __: opened.append(path) or object())
    paths = []
    for number in range(module._OPEN_PORTRAITS + 1):
        paths.append(tmp_path / f"{number}.jpg")
        paths[-1].write_bytes(portrait_path.read_bytes())
        own.portrait(paths[-1])
    own.portrait(paths[-1])
    assert opened == paths
    own.portrait(paths[0])
    assert opened == [*paths, paths[0]]


@pytest.mark.parametrize("options", [EditOptions(), EditOptions(crop=False), EditOptions(paste=True)])
def test_editing_again_costs_one_drawing(
    own: Studio, portrait_path: Path, options: EditOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    render = own.animator.network.render
    monkeypatch.setattr(own.animator.network, "render", lambda *args: drawn.append(1) or render(*args))
    own.edit_portrait(portrait_path, {"#0": -0.3}, options)
    drawn.clear()
    edited = own.edit_portrait(portrait_path, {"#0": 0.4}, options)
    assert drawn == [1]
    wanted = edit_image(own.animator, portrait_path, {"#0": 0.4}, options).picture_HW3
    assert np.array_equal(edited, wanted)


def test_pictures_beyond_the_limits_are_not_opened(own: Studio, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (1100, 1000)).save(tmp_path / "large.png")
    with pytest.raises(LiaxError, match="up to 1 megapixels"):
        own.portrait(tmp_path / "large.png")


def test_of_what_replaces_each_other_two_stay(own: Studio) -> None:
    paths = [own.new_result_path("edited.png", view="one") for _ in range(4)]
    other = own.new_result_path("edited.png", view="../two")
    alone = [own.new_result_path("clip.mp4") for _ in range(3)]
    assert [path.parent.exists() for path in paths] == [False, False, True, True]
    assert all(path.parent.exists() for path in (other, *alone))
    assert all(path.parent.parent == own.folder / "results" for path in (*paths, other, *alone))


def test_old_results_are_removed(own: Studio) -> None:
    old, new = own.new_result_path("clip.mp4"), own.new_result_path("clip.mp4")
    for path in (old, new):
        path.write_bytes(b"clip")
    long_ago = time.time() - 60 * own.limits.kept_minutes - 1
    os.utime(old, (long_ago, long_ago))
    own.remove_old_files()
    assert not old.parent.exists()
    assert new.exists()


def test_no_result_is_begun_where_there_is_no_room(tiny: LIAX) -> None:
    with Studio(Animator(tiny, "cpu"), limits=VisitorLimits(total_megabytes=1)) as studio:
        studio.new_result_path("clip.mp4").write_bytes(bytes(1_000_001))
        with pytest.raises(LiaxError, match="no room for results"):
            studio.new_result_path("clip.mp4")


def test_who_asks_for_many_pictures_waits_and_others_do_not(own: Studio) -> None:
    begun, end = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        end.wait(10)

    threads = [
        threading.Thread(target=own.run_quick, args=(hold, "one")) for _ in range(module._QUICK_PER_VISITOR)
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(5)
    while own._quick_of["one"] < module._QUICK_PER_VISITOR:
        time.sleep(0.01)
    with pytest.raises(LiaxError, match="too many pictures at once"):
        own.run_quick(hold, "one")
    end.set()
    assert own.run_quick(lambda: "drawn", "two") == "drawn"
    for thread in threads:
        thread.join()
    assert own.run_quick(lambda: "drawn", "one") == "drawn"


def test_nothing_stays_behind(tiny: LIAX) -> None:
    with Studio(Animator(tiny, "cpu")) as studio:
        studio.new_result_path("clip.mp4").write_bytes(b"clip")
    assert not studio.folder.exists()
