from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clips import flat_frames, write_clip
from liax.errors import LiaxError
from liax.media.footage import Excerpt, ImageSequence, is_still, open_footage, sound_of
from liax.media.video import Video


def save(path: Path, level: int, width: int = 64, height: int = 48) -> None:
    Image.new("RGB", (width, height), (level, level, level)).save(path)


def test_a_folder_plays_in_natural_order(tmp_path: Path) -> None:
    for number, level in ((10, 90), (2, 50), (1, 10)):
        save(tmp_path / f"Frame{number}.png", level)
    save(tmp_path / "frame03.bmp", 70)
    save(tmp_path / ".hidden.png", 200)
    (tmp_path / "notes.txt").write_text("not a frame")
    (tmp_path / "more.png").mkdir()
    footage = open_footage(tmp_path, "driving video")
    assert [int(frame.rgb().mean()) for frame in footage] == [10, 50, 70, 90]
    assert [frame.time for frame in footage] == [Fraction(k, 25) for k in range(4)]
    assert (footage.rate, footage.expected, footage.width, footage.height) == (25, 4, 64, 48)
    assert open_footage(tmp_path, "driving video", Fraction(10)).rate == 10
    assert [f.time for f in ImageSequence(tmp_path, rate=Fraction(30000, 1001))][-1] == Fraction(3003, 30000)


def test_pictures_are_scaled_down_but_not_up(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 100)
    (frame,) = ImageSequence(tmp_path / "a.png")
    assert frame.rgb(longest=32).shape == (24, 32, 3)
    assert frame.rgb(longest=640).shape == frame.rgb().shape == (48, 64, 3)


def test_a_picture_is_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (64, 48))
    exif = image.getexif()
    exif[0x0112] = 6  # lying on its side
    image.save(tmp_path / "a.jpg", exif=exif)
    footage = open_footage(tmp_path / "a.jpg", "driving video")
    assert (footage.width, footage.height, footage.expected) == (48, 64, 1)


def test_only_what_does_not_move_is_a_still(tmp_path: Path) -> None:
    images = [Image.fromarray(frame) for frame in flat_frames(3)]
    images[0].save(tmp_path / "moves.png", save_all=True, append_images=images[1:])
    images[0].save(tmp_path / "still.webp")
    assert is_still(tmp_path / "still.webp")
    assert not is_still(tmp_path / "moves.png")
    assert not is_still(write_clip(tmp_path / "a.mp4", flat_frames(2)))
    moving = open_footage(tmp_path / "moves.png", "driving video")
    assert isinstance(moving, Video)
    assert len(list(moving)) == 3


def test_an_animated_webp_has_times_of_its_own(tmp_path: Path) -> None:
    first, *others = map(Image.fromarray, flat_frames(4))
    options = {"save_all": True, "append_images": others, "lossless": True}
    first.save(tmp_path / "a.webp", duration=[100, 50, 5, 250], **options)
    footage = open_footage(tmp_path / "a.webp", "driving video")
    assert (footage.width, footage.height, footage.expected, footage.rate) == (64, 48, 4, 8)
    frames = list(footage)
    assert [frame.time for frame in frames] == [Fraction(k, 100) for k in (0, 10, 15, 25)]
    assert [int(frame.rgb().mean()) for frame in frames] == [20, 25, 30, 35]
    whole = (tmp_path / "a.webp").read_bytes()
    (tmp_path / "cut.webp").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LiaxError, match=r"cut\.webp is (damaged|not a picture)"):
        list(open_footage(tmp_path / "cut.webp", "driving video"))


def test_errors_name_the_file_and_the_remedy(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "a.txt").write_text("x")
    with pytest.raises(LiaxError, match=r"empty has no pictures in it; put frames there \(\.jpg"):
        open_footage(empty, "driving video")
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    save(mixed / "1.png", 10)
    save(mixed / "2.png", 10, 48, 64)
    with pytest.raises(LiaxError, match=r"2\.png is 48x64 pixels and 1\.png 64x48; give frames of one size"):
        list(open_footage(mixed, "driving video"))
    (mixed / "2.png").write_bytes((mixed / "1.png").read_bytes()[:60])
    with pytest.raises(LiaxError, match=r"2\.png is (damaged|not a picture)"):
        list(open_footage(mixed, "driving video"))
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(LiaxError, match=r"text\.jpg is not a picture; give .* as driving video"):
        open_footage(tmp_path / "text.jpg", "driving video")
    with pytest.raises(LiaxError, match="does not exist"):
        open_footage(tmp_path / "missing.mp4", "driving video")
    clip = write_clip(tmp_path / "a.mp4", flat_frames(2))
    with pytest.raises(LiaxError, match=r"a\.mp4 is no folder of frames"):
        open_footage(clip, "driving video", Fraction(25))
    with pytest.raises(LiaxError, match="cannot run at 0 frames"):
        open_footage(mixed, "driving video", Fraction(0))


def test_one_picture_in_memory_at_a_time(tmp_path: Path) -> None:
    import tracemalloc

    for k in range(12):
        Image.fromarray(np.full((500, 500, 3), k, np.uint8)).save(tmp_path / f"{k}.png")
    tracemalloc.start()
    for _ in ImageSequence(tmp_path):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 500 * 500 * 3


def test_an_excerpt_is_footage_of_its_own(tmp_path: Path) -> None:
    """Its frames are those from `since` on and before `until`, of a video and of a folder alike."""
    clip = write_clip(tmp_path / "c.mp4", flat_frames(25), rate=10)
    for number in range(25):
        save(tmp_path / f"{number}.png", 20 + 5 * number)
    for whole in (Video(clip), ImageSequence(tmp_path, rate=Fraction(10))):
        part = Excerpt(whole, 0.6, 1.9)
        frames = [(frame.time, int(frame.rgb().mean())) for frame in part]
        assert (part.start, part.expected, part.rate) == (Fraction(6, 10), 13, 10)
        assert [time for time, _ in frames] == [Fraction(k, 10) for k in range(13)]
        assert [level for _, level in frames] == pytest.approx([20 + 5 * k for k in range(6, 19)], abs=2)
        assert Excerpt(whole, 2.05, None).expected == 4
        with pytest.raises(LiaxError, match=r"has no frame between 0.61 s and 0.65 s"):
            Excerpt(whole, 0.61, 0.65)
    assert sound_of(Excerpt(Video(clip), 0.6, None)) == (clip, Fraction(6, 10))
    assert sound_of(Excerpt(ImageSequence(tmp_path), 0.6, None)) == (None, Fraction(6, 10))
