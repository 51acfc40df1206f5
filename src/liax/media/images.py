"""Read and write still pictures; every mode that Pillow opens becomes upright 8-bit sRGB."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from liax.errors import LiaxError, MissingPackageError
from liax.files import check_input
from liax.marking.output import PictureMarker, marked_file, picture_marker
from liax.marking.provenance import Provenance
from liax.media.formats import PICTURE_ERRORS, is_heic, open_picture
from liax.media.hdr import read_hdr
from liax.options import MarkOptions

# The most pixels that are decoded; Pillow's guard against decompression bombs refuses larger pictures.
MAX_PIXELS = 2 * 89_478_485
# The longest side that OpenCV bends.
MAX_SIDE = 32_766
# The colour behind transparent pixels: a grey near the middle of the model's range.
BACKGROUND = (128, 128, 128)
# File name suffix that can be written -> Pillow's format and options.
_FORMATS: dict[str, tuple[str, dict[str, int]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95}),
}
SUFFIXES = tuple(_FORMATS)
# Those that can hold transparency.
ALPHA_SUFFIXES = (".png", ".webp")


def read_image(path: Path, role: str = "picture") -> NDArray[np.uint8]:
    """Read a picture as RGB uint8 (H, W, 3), turned upright as its EXIF says.

    Transparent pixels are blended with grey, 16 bits become 8, and embedded colour profiles are converted to
    sRGB. HDR (AVIF and HEIC of PQ or HLG) is shown as video is, and JPEGs with a gain map as their SDR base.
    Of an animated picture, the first frame is read.

    Args:
        path: The file.
        role: What the picture is to the user, such as "source"; it appears in messages.

    Raises:
        LiaxError: If the file is missing, damaged, no picture, or larger than MAX_PIXELS or MAX_SIDE.
        MissingPackageError: If it is a HEIC picture and the extra `heic` is not installed.
    """
    return read_with_alpha(path, role)[0]


def read_with_alpha(path: Path, role: str = "picture") -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """As `read_image`, and how opaque each pixel is: uint8 (H, W), or None where all are."""
    path = Path(path)
    with open_image(path, role) as image:
        hdr_HW3 = read_hdr(path) if image.format in ("AVIF", "HEIF") else None
        if hdr_HW3 is not None:
            return hdr_HW3, None
        upright = ImageOps.exif_transpose(image)
        alpha_HW = None
        if upright.has_transparency_data:
            alpha_HW = np.asarray(upright.convert("RGBA").getchannel("A"))
        opaque = alpha_HW is None or alpha_HW.min(initial=255) == 255
        return np.asarray(to_rgb(upright)), None if opaque else alpha_HW


@contextmanager
def open_image(path: Path, role: str) -> Iterator[Image.Image]:
    """Open a picture for the block, in which it is decoded.

    Args:
        path: The file.
        role: As for `read_image`.

    Raises:
        LiaxError: As `read_image`, also for what goes wrong within the block.
    """
    check_input(path, role)
    too_big = (f"{path} has more than {MAX_PIXELS // 1_000_000} megapixels", "scale it down first")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # odd EXIF
            with open_picture(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise LiaxError(*too_big)
                if max(image.size) > MAX_SIDE:
                    raise LiaxError(
                        f"{path} has a side of more than {MAX_SIDE} pixels", "scale it down first"
                    )
                yield image
    except Image.DecompressionBombError as error:
        raise LiaxError(*too_big) from error
    except Image.UnidentifiedImageError as error:
        with path.open("rb") as file:
            if is_heic(file.read(12)):
                raise MissingPackageError(
                    f"Reading the HEIC picture {path}", ("pillow-heif",), "heic"
                ) from error
        raise LiaxError(f"{path} is not a picture", f"give a JPEG, PNG or WebP as {role}") from error
    except PICTURE_ERRORS as error:
        raise LiaxError(f"{path} is damaged and cannot be decoded", "save or download it again") from error


def write_image(
    path: Path,
    image_HW3: NDArray[np.uint8],
    *,
    provenance: Provenance = Provenance(),  # noqa: B008 - frozen
    mark: MarkOptions = MarkOptions(),  # noqa: B008
    overwrite: bool = True,
    quality: int | None = None,
    mark_picture: PictureMarker | None = None,
) -> None:
    """Write an RGB uint8 picture (H, W, 3), completely or not at all.

    Args:
        path: Its suffix is one of SUFFIXES.
        image_HW3: The picture; RGBA (H, W, 4) for one of ALPHA_SUFFIXES.
        provenance: How it was made, which the file says if it is synthetic, as all is by default.
        mark: How it says so.
        overwrite: Whether a file that is there by then is replaced.
        quality: 1 to 100, of JPEG and WebP; 95 by default.
        mark_picture: What marks the pixels, for one of several pictures that do not need a mark each.

    Raises:
        OutputExistsError: If the file exists and `overwrite` is false.
        LiaxError: If the picture is too large for the format, or the file cannot be written.
    """
    path = Path(path)
    kind, options = _FORMATS[path.suffix.lower()]
    if quality is not None and "quality" in options:
        options = options | {"quality": quality}
    encoded = io.BytesIO()
    image_HW3 = (mark_picture or picture_marker(path, provenance, mark))(image_HW3)()
    try:
        Image.fromarray(np.ascontiguousarray(image_HW3)).save(encoded, kind, **options)
    except (OSError, ValueError) as error:  # too large for the format
        raise LiaxError(f"{path} cannot be written as {kind} ({error})", "name it .png instead") from error
    with marked_file(path, provenance, mark, overwrite=overwrite) as file:
        file.write(encoded.getbuffer())


def to_rgb(image: Image.Image) -> Image.Image:
    """A decoded picture of any mode as RGB, as `read_image` describes it."""
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey(image).convert("RGB")
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
    image = _to_srgb(image)
    if alpha is None:
        return image
    return Image.composite(image, Image.new("RGB", image.size, BACKGROUND), alpha)


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile:
        mode = image.mode if image.mode in ("RGB", "CMYK", "L") else "RGB"
        try:
            converted = ImageCms.profileToProfile(
                image if image.mode == mode else image.convert(mode),
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass  # a broken profile, or one for another mode: take the numbers as sRGB
    return image.convert("RGB")


def _deep_grey(image: Image.Image) -> Image.Image:
    """8-bit grey of a deeper one: integers are taken as 16-bit, floating point as 0 to 1 or 0 to 255."""
    values = np.asarray(image, np.float64)
    scale = 255 / 65535
    if image.mode == "F":
        scale = 255.0 if np.nanmax(values, initial=0) <= 1 else 1.0
    return Image.fromarray(np.nan_to_num(values * scale).round().clip(0, 255).astype(np.uint8))
