"""The page over HTTP, as a visitor's browser asks it, and as nobody's browser would."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from visitor import Visitor, file_value

from clips import moving_face, write_clip
from liax.app.studio import Studio
from liax.marking.pixel_mark import PixelMarker
from liax.media.images import read_image
from liax.media.video import Video
from liax.options import EditOptions
from liax.portrait import edit_image, edit_video


@pytest.fixture
def visitor(address: str) -> Visitor:
    return Visitor(address)


@pytest.fixture(scope="session")
def talk(portrait_HW3: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds of a face, with sound."""
    path = tmp_path_factory.mktemp("talk") / "my talk.mp4"
    return write_clip(path, moving_face(portrait_HW3, 30), rate=10, sound="aac")


def _last(messages: Iterator[dict[str, Any]]) -> list[Any]:
    last = list(messages)[-1]
    assert last["success"], last["output"]
    return last["output"]["data"]


def _results(studio: Studio) -> list[Path]:
    return [path for path in (studio.folder / "results").rglob("*") if path.is_file()]


def test_a_slider_shows_the_edited_portrait(visitor: Visitor, studio: Studio, portrait_path: Path) -> None:
    portrait = visitor.upload(portrait_path)
    shown, _, status = visitor.change("edit", Your_portrait=portrait, Blink=0.7)
    wanted = edit_image(studio.animator, portrait_path, {"blink": 0.7}).picture_HW3
    assert np.array_equal(read_image(Path(shown["path"])), wanted)
    assert status == ""
    whole, _, _ = visitor.change("edit", Your_portrait=portrait, Blink=0.7, In_the_whole_picture=True)
    assert read_image(Path(whole["path"])).shape == read_image(portrait_path).shape


def test_before_and_after_have_the_same_crop(visitor: Visitor, studio: Studio, portrait_path: Path) -> None:
    portrait = visitor.upload(portrait_path)
    opened = studio.portrait(portrait_path)
    squares = (opened.from_square(opened.square_RR3), read_image(portrait_path))
    for paste, wanted in zip((False, True), squares, strict=True):
        values = {"Your_portrait": portrait, "Blink": 0.7, "In_the_whole_picture": paste}
        shown, pair, _ = visitor.change("edit", Before_and_after=True, **values)
        before, after = (read_image(Path(file["path"])) for file in pair)
        assert np.array_equal(before, wanted)
        assert np.array_equal(after, read_image(Path(shown["path"])))
        assert np.abs(before.astype(int) - after).max() > 10


@pytest.mark.parametrize(
    ("tab", "values", "command"),
    [
        (
            "show",
            {
                "At_the_beginning": "Copy the video's poses as they are throughout",
                "Which_face_in_the_video": 2,
                "Already_cropped_to_the_face": True,
                "Smooth": True,
                "Eyes": 1.5,
                "Yaw_(°)": 5,
            },
            "animate demo_portrait.jpg demo_driving.mp4 -o demo_portrait_demo_driving.mp4 --no-crop "
            "--driving-face 2 --absolute --strength eyes=1.5 --smooth --set yaw=5",
        ),
        (
            "show_1",
            {"In_the_whole_picture": True},
            "edit demo_portrait.jpg -o demo_portrait_edited.png --paste",
        ),
        (
            "show_2",
            {"Only_the_square_around_the_face": True, "From_the_first_frame_only": True, "Save_as": "webm"},
            "edit-video demo_driving.mp4 -o demo_driving_edited.webm --from-first-frame --no-paste",
        ),
        (
            "show_3",
            {"Which_movements": ["blink", "yaw"], "Which_face_in_the_portrait": 3},
            "manipulate demo_portrait.jpg -o demo_portrait_sweep.mp4 --sweep yaw,blink --face 3 --extent 0.8",
        ),
    ],
)
def test_each_tab_shows_its_command(visitor: Visitor, tab: str, values: dict[str, Any], command: str) -> None:
    shell, _ = visitor.change(tab, **values)
    assert shell == f"liax {command}"


def test_a_video_is_edited_with_progress(visitor: Visitor, studio: Studio, talk: Path) -> None:
    messages = list(visitor.press("Edit the video", Your_video=visitor.upload(talk), **{"Yaw_(°)": 10}))
    status, video, _, download, *_ = messages[-1]["output"]["data"]
    assert "30 frames, 3.0 s, 320 × 240" in status
    made = Path(video["value"]["path"])
    assert made.name == "my talk_yaw10.mp4"
    assert download["value"]["path"] == str(made)
    wanted = edit_video(studio.animator, talk, {"yaw": 10})
    assert (wanted.width, wanted.height) == (320, 240)
    assert len(list(Video(made))) == 30
    assert visitor.http.get(f"/gradio_api/file={made}").content == made.read_bytes()


def test_a_moment_of_an_edited_video_is_seen_before_the_whole(
    visitor: Visitor, studio: Studio, talk: Path
) -> None:
    values = {"Your_video": visitor.upload(talk), "Yaw_(°)": 10, "Moment_(%_of_the_video)": 100}
    status, _, picture, *_ = _last(visitor.press("Preview this moment", **values))
    assert "at 2.9 s" in status
    *_, last = Video(talk)
    wanted = edit_image(studio.animator, last.rgb(), {"yaw": 10}, EditOptions(paste=True)).picture_HW3
    assert np.array_equal(read_image(Path(picture["value"]["path"])), PixelMarker().mark(wanted))


def test_a_portrait_is_animated_with_the_sound_of_the_video(visitor: Visitor, talk: Path) -> None:
    import av

    data = _last(visitor.press("Animate", Who_moves_it=visitor.upload(talk), Side_by_side=True, Smooth=True))
    with av.open(data[1]["value"]["path"]) as made:
        assert made.streams.audio
        assert made.streams.video[0].width == 3 * 64


def test_motion_is_saved_and_drives_again(visitor: Visitor, talk: Path) -> None:
    data = _last(visitor.press("Save this motion", Who_moves_it=visitor.upload(talk)))
    reply = visitor.http.get(f"/gradio_api/file={data[1]['value']['path']}")
    motion = talk.with_name("saved.safetensors")
    motion.write_bytes(reply.content)
    data = _last(
        visitor.press(
            "Animate", Moved_by="A saved motion", A_saved_motion=visitor.upload(motion), Save_as="gif"
        )
    )
    assert "30 frames" in data[0]
    assert data[2]["value"]["path"].endswith("demo_portrait_saved.gif")


@pytest.fixture
def slow(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Makes every batch of a clip take half a second, as a large network's; grows by each one's frames."""
    engine, made = studio.animator._engine, list[int]()
    draw_levels = engine.draw_levels

    def slowly(code_BD: Tensor, features: tuple[Tensor, ...]) -> Tensor:
        if threading.current_thread().name == "liax stage":  # a picture alone is drawn in none
            time.sleep(0.5)
            made.append(len(code_BD))
        return draw_levels(code_BD, features)

    monkeypatch.setattr(engine, "draw_levels", slowly)
    return made


def _until_it_animates(messages: Iterator[dict[str, Any]]) -> None:
    assert any("Animating: " in str(message.get("output")) for message in messages)


def _until_results_are(studio: Studio, wanted: list[Path]) -> None:
    until = time.monotonic() + 30
    while _results(studio) != wanted and time.monotonic() < until:
        time.sleep(0.1)
    assert _results(studio) == wanted


def test_stop_ends_the_work_and_leaves_nothing(
    visitor: Visitor, studio: Studio, talk: Path, slow: list[int]
) -> None:
    before = _results(studio)
    _until_it_animates(visitor.press("Animate", Who_moves_it=visitor.upload(talk)))
    assert len(_results(studio)) > len(before)  # half written
    visitor.stop()
    _until_results_are(studio, before)
    assert sum(slow) < 30
    made = len(slow)
    time.sleep(0.7)
    assert len(slow) == made


def test_work_ends_when_its_visitor_leaves(
    visitor: Visitor, studio: Studio, talk: Path, slow: list[int]
) -> None:
    before = _results(studio)
    _until_it_animates(visitor.press("Animate", Who_moves_it=visitor.upload(talk)))
    visitor.http.close()
    _until_results_are(studio, before)
    assert sum(slow) < 30


def test_edits_are_answered_while_a_video_is_made(
    visitor: Visitor, address: str, talk: Path, slow: list[int]
) -> None:
    _until_it_animates(visitor.press("Animate", Who_moves_it=visitor.upload(talk)))
    others = [Visitor(address) for _ in range(3)]
    shown: list[Any] = []
    threads = [threading.Thread(target=lambda v=v: shown.append(v.change("edit", Blink=0.2))) for v in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(shown) == 3
    assert all(picture["path"].endswith("demo_portrait_blink0.2.png") for picture, _, _ in shown)
    assert sum(slow) < 30
    visitor.stop()


def test_what_cannot_be_used_is_told_in_plain_words(visitor: Visitor, studio: Studio, tmp_path: Path) -> None:
    Image.new("RGB", (300, 300), (90, 120, 90)).save(tmp_path / "my lawn.png")
    picture, _, status = visitor.change("edit", Your_portrait=visitor.upload(tmp_path / "my lawn.png"))
    assert picture is None
    assert 'role="alert"' in status
    assert "my lawn.png" in status
    assert str(studio.folder) not in status
    assert "--" not in status
    lawn = visitor.upload(tmp_path / "my lawn.png") | {"orig_name": "talk.mp4"}
    data = _last(visitor.press("Edit the video", Your_video=lawn, **{"Yaw_(°)": 10}))
    assert "my lawn.png" in data[0]
    data = _last(visitor.press("Animate", Your_portrait=None))
    assert "Give a portrait first" in data[0]
    data = _last(visitor.press("Edit the video"))
    assert "move a slider first" in data[0]


def test_a_fault_of_ours_is_told_without_its_details(
    visitor: Visitor, studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret of the server")

    monkeypatch.setattr(studio, "portrait", broken)
    *_, status = visitor.change("edit")
    assert "Something went wrong on our side" in status
    assert "secret" not in status
    assert "RuntimeError: secret of the server" in caplog.messages[-1]  # who runs it can find it


@pytest.mark.parametrize(
    "named", ["/etc/passwd", "{folder}/../../etc/passwd", "{asset}", "http://127.0.0.1:9/a.png"]
)
@pytest.mark.parametrize("meta", [True, False])
def test_no_path_of_a_visitor_is_opened(
    visitor: Visitor, studio: Studio, portrait_path: Path, named: str, meta: bool
) -> None:
    path = named.format(folder=studio.folder, asset=portrait_path)
    value = file_value(path) if meta else {"path": path}
    for name, label in (("edit", "Your_portrait"), ("run", "Who_moves_it"), ("run", "A_saved_motion")):
        event = next(event for event in visitor._events if event["api_name"] == name)
        last = list(visitor.send(event, **{label: value}))[-1]
        assert not last["success"]
        assert last["output"]["error"] == "This file was not uploaded here; upload it again."


def test_content_sent_as_text_is_refused(visitor: Visitor, portrait_path: Path) -> None:
    value = visitor.upload(portrait_path) | {"url": "data:image/png;base64,iVBORw0KGgo="}
    event = next(event for event in visitor._events if event["api_name"] == "edit")
    last = list(visitor.send(event, Your_portrait=value))[-1]
    assert "not its content as text" in last["output"]["error"]


def test_what_visitors_leave_is_removed_in_time_and_the_example_stays(
    visitor: Visitor, studio: Studio, talk: Path
) -> None:
    uploaded = Path(visitor.upload(talk)["path"])
    made = Path(visitor.change("edit")[0]["path"])
    studio.remove_old_files()
    assert uploaded.exists()
    assert made.exists()
    studio.files.remove_old(-1)  # as if that time had passed
    assert not uploaded.exists()
    assert not made.exists()
    assert visitor.change("edit")[0]["path"].endswith("demo_portrait_edited.png")
    *_, status = visitor.change("edit", Your_portrait=file_value(str(uploaded)))
    assert "my talk.mp4 is not kept here any more; upload it again." in status


def test_uploads_cannot_choose_their_place(visitor: Visitor, studio: Studio, portrait_path: Path) -> None:
    files = {"files": ("../../../evil.png", portrait_path.read_bytes())}
    path = Path(visitor.http.post("/gradio_api/upload", files=files).json()[0]).resolve()
    assert path.is_relative_to(studio.folder.resolve())
    assert ".." not in path.name


def test_several_uploads_at_once_are_all_taken(address: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for number, path in enumerate(paths):
        noise_HW3 = np.random.default_rng(number).integers(0, 256, (400, 400, 3), np.uint8)
        Image.fromarray(noise_HW3).save(path)
    taken: dict[int, str] = {}

    def upload(number: int) -> None:
        taken[number] = Visitor(address).upload(paths[number])["path"]

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    assert Visitor(address).http.get("/").status_code == 200
    for thread in threads:
        thread.join()
    assert all(Path(taken[number]).read_bytes() == paths[number].read_bytes() for number in range(8))


def test_the_page_listens_here_only_and_reports_to_nobody(visitor: Visitor, address: str) -> None:
    assert address.startswith("http://127.0.0.1:")
    assert visitor.config["analytics_enabled"] is False
