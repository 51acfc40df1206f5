import importlib.util
import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin, features

from clips import same_priority
from liax.errors import LiaxError, MissingPackageError
from liax.media import images
from liax.media.colour import to_rgb
from liax.media.images import SUFFIXES, read_image, write_image
from liax.options import MarkOptions


def two_halves() -> Image.Image:
    """40 wide, 20 high; left half red, right half blue."""
    array = np.zeros((20, 40, 3), np.uint8)
    array[:, :20] = (200, 0, 0)
    array[:, 20:] = (0, 0, 200)
    return Image.fromarray(array)


def near(pixel: np.ndarray, expected: tuple[int, int, int], tolerance: int = 6) -> bool:
    return bool((np.abs(pixel.astype(int) - expected) <= tolerance).all())


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp"])
def test_formats(tmp_path: Path, name: str) -> None:
    two_halves().save(tmp_path / name, quality=95) if name != "a.bmp" else two_halves().save(tmp_path / name)
    image = read_image(tmp_path / name)
    assert image.shape == (20, 40, 3)
    assert image.dtype == np.uint8
    assert near(image[10, 5], (200, 0, 0))
    assert near(image[10, 35], (0, 0, 200))


def test_exif_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    two_halves().save(tmp_path / "a.jpg", exif=exif, quality=95)
    image = read_image(tmp_path / "a.jpg")
    assert image.shape == (40, 20, 3)
    assert near(image[5, 10], (200, 0, 0))  # left became top


def test_alpha_is_laid_over_grey(tmp_path: Path) -> None:
    array = np.zeros((4, 4, 4), np.uint8)
    array[:, 2:] = (10, 20, 30, 255)
    Image.fromarray(array).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert tuple(image[0, 0]) == images.BACKGROUND
    assert tuple(image[0, 3]) == (10, 20, 30)


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((0, 0), 1)
    image.save(tmp_path / "a.png", transparency=0)
    read = read_image(tmp_path / "a.png")
    assert tuple(read[0, 0]) == (0, 255, 0)
    assert tuple(read[3, 3]) == images.BACKGROUND


def test_grey_of_8_and_16_bits(tmp_path: Path) -> None:
    Image.new("L", (3, 3), 77).save(tmp_path / "8.png")
    Image.fromarray(np.full((3, 3), 128 * 257, np.uint16)).save(tmp_path / "16.png")
    assert tuple(read_image(tmp_path / "8.png")[1, 1]) == (77, 77, 77)
    assert tuple(read_image(tmp_path / "16.png")[1, 1]) == (128, 128, 128)


def test_grey_with_alpha(tmp_path: Path) -> None:
    Image.merge("LA", [Image.new("L", (3, 3), 50), Image.new("L", (3, 3), 255)]).save(tmp_path / "la.png")
    assert tuple(read_image(tmp_path / "la.png")[1, 1]) == (50, 50, 50)


def test_cmyk(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    red = read_image(tmp_path / "a.jpg")[8, 8].astype(int)
    assert red[0] > 200
    assert red[1:].max() < 60


def test_colour_profile_becomes_srgb(tmp_path: Path) -> None:
    """The same numbers under a linear profile are lighter in sRGB."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    Image.new("RGB", (8, 8), (100, 100, 100)).save(tmp_path / "s.png", icc_profile=bytes(profile))
    assert near(read_image(tmp_path / "s.png")[4, 4], (100, 100, 100), 1)
    Image.new("RGB", (8, 8), (100, 100, 100)).save(tmp_path / "b.png", icc_profile=b"no profile")
    assert tuple(read_image(tmp_path / "b.png")[4, 4]) == (100, 100, 100)


def test_animated_takes_the_first_frame(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (8, 8), (250, 0, 0)), Image.new("RGB", (8, 8), (0, 250, 0))
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second], lossless=True)
    assert near(read_image(tmp_path / "a.webp")[4, 4], (250, 0, 0))


def test_errors_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture")
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (99, 99, 3), np.uint8)).save(buffer, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(buffer.getvalue()[:2000])
    cases = {
        "missing.png": "does not exist",
        "empty.png": "empty",
        "text.png": "not a picture",
        "cut.jpg": "damaged",
        ".": "folder",
        "x" * 300: "cannot be opened",
    }
    for name, reason in cases.items():
        with pytest.raises(LiaxError, match=reason) as caught:
            read_image(tmp_path / name)
        assert str(tmp_path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("side", [13_000, 30_000])
def test_huge_picture_is_refused_before_decoding(tmp_path: Path, side: int) -> None:
    """A PNG header alone that promises too many pixels: on either side of Pillow's own error."""
    path = tmp_path / "huge.png"
    Image.new("1", (side, side + 1000)).save(path) if side < 20_000 else _header_only(path, side)
    with pytest.raises(LiaxError, match="megapixels"):
        read_image(path)


def test_a_side_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "panorama.png"
    Image.new("1", (40_000, 3)).save(path)
    with pytest.raises(LiaxError, match="side of more than 32766 pixels"):
        read_image(path)


def _header_only(path: Path, side: int) -> None:
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        header = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
        PngImagePlugin.putchunk(file, b"IHDR", header)
        PngImagePlugin.putchunk(file, b"IDAT", b"")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_written_is_what_is_read(tmp_path: Path, portrait_HW3: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"picture{suffix.upper()}"
    write_image(path, portrait_HW3[:201, :150], mark=MarkOptions(mark=False))
    apart = np.abs(read_image(path).astype(int) - portrait_HW3[:201, :150])
    assert apart.mean() <= (0 if suffix == ".png" else 2)
    write_image(path, portrait_HW3[:9, :9])  # in its place
    assert read_image(path).shape == (9, 9, 3)
    assert list(tmp_path.iterdir()) == [path]


def test_too_large_for_its_format(tmp_path: Path) -> None:
    with pytest.raises(LiaxError, match=r"long\.webp cannot be written as WEBP .*name it \.png instead"):
        write_image(tmp_path / "long.webp", np.zeros((2, 17000, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_full_disk_leaves_what_was_there(
    tmp_path: Path,
    portrait_HW3: np.ndarray,
    full_disk: Callable[[int], AbstractContextManager[None]],
) -> None:
    path = tmp_path / "picture.png"
    write_image(path, portrait_HW3[:9, :9])
    before = path.read_bytes()
    with full_disk(100_000), pytest.raises(LiaxError, match="disk is full"):
        write_image(path, portrait_HW3)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_heic_picture_is_called_by_its_name(tmp_path: Path) -> None:
    """Also when its name says otherwise; what only resembles one is no picture."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    if importlib.util.find_spec("pillow_heif") is None:
        with pytest.raises(
            MissingPackageError, match=r"HEIC picture .*photo.jpg needs .*pillow-heif.*extra heic"
        ):
            read_image(path, "portrait")
    path.write_bytes(b"\0\0\0\x18ftypqqqq" + bytes(40))
    with pytest.raises(LiaxError, match="is not a picture"):
        read_image(path, "portrait")


def test_avif(tmp_path: Path) -> None:
    if not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    Image.new("RGB", (32, 24), (200, 90, 40)).save(tmp_path / "a.avif", quality=95)
    picture_HW3 = read_image(tmp_path / "a.avif", "portrait")
    assert picture_HW3.shape == (24, 32, 3)
    assert np.abs(picture_HW3.astype(int) - [200, 90, 40]).max() <= 4


# Numbers of ITU-T H.273: PQ, HLG, BT.709; BT.2020 and BT.709 as primaries and as matrices.
@pytest.mark.parametrize(("transfer", "primaries", "matrix"), [(16, 9, 9), (18, 9, 9), (1, 1, 1)])
def test_hdr_stills_are_read_as_video_is(tmp_path: Path, transfer: int, primaries: int, matrix: int) -> None:
    """The same numbers look darker as PQ's than Pillow says, and those of SDR are read by Pillow itself."""
    if not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    path = tmp_path / "a.avif"
    deep_HW3 = np.full((64, 96, 3), (36_000, 32_000, 26_000), np.uint16)
    deep_HW3[:, 48:] //= 2
    picture = av.VideoFrame.from_ndarray(deep_HW3, format="rgb48le")
    with same_priority(), av.open(path, "w", format="avif") as container:
        stream = container.add_stream("libsvtav1", rate=1, options={"crf": "5", "svtav1-params": "avif=1"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p10le"
        codec = stream.codec_context
        codec.color_trc, codec.color_primaries, codec.colorspace, codec.color_range = (
            transfer,
            primaries,
            matrix,
            1,
        )
        frame = picture.reformat(format="yuv420p10le", dst_colorspace=matrix, dst_color_range=1)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    seen = read_image(path)
    assert seen.shape == (64, 96, 3)
    with Image.open(path) as plain:
        by_pillow = np.asarray(plain.convert("RGB")).astype(int)
    if transfer == 1:
        assert np.array_equal(seen, by_pillow)
    else:
        with av.open(path) as container:
            wanted = to_rgb(next(container.decode(video=0)), 96, 64)
        assert np.array_equal(seen, wanted)
        assert np.abs(seen.astype(int) - by_pillow).max() > 10


def test_a_gain_map_is_left_alone(tmp_path: Path) -> None:
    """A JPEG with a gain map is a multi-picture file; its first picture is the SDR base."""
    base, gain = Image.new("RGB", (64, 48), (200, 150, 100)), Image.new("RGB", (32, 24), (9, 9, 9))
    base.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[gain])
    seen = read_image(tmp_path / "a.jpg")
    assert seen.shape == (48, 64, 3)
    assert np.abs(seen.astype(int) - [200, 150, 100]).max() <= 3
