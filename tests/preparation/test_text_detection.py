import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from liax.preparation.config import QualityLimits
from liax.preparation.text_detection import TEXT_SIDE, count_text_strokes

LIMIT = QualityLimits().text
FACE = (70.0, 60.0, 190.0, 200.0)


@pytest.fixture(scope="module")
def picture(portrait_HW3: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(portrait_HW3).resize((TEXT_SIDE, TEXT_SIDE)).convert("L")


def captioned(
    picture: Image.Image, text: str, height: int, at: tuple[float, float], fill: str = "white"
) -> NDArray[np.uint8]:
    image = picture.copy()
    outline = "black" if fill == "white" else "white"
    ImageDraw.Draw(image).text(
        at, text, fill, ImageFont.load_default(height), "mm", stroke_width=1, stroke_fill=outline
    )
    return np.asarray(image)


def still(grey_SS: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.stack([grey_SS, grey_SS])[None]


def test_badges_and_a_flag_are_not_enough(picture: Image.Image) -> None:
    assert count_text_strokes(still(np.asarray(picture)), FACE) <= LIMIT


@pytest.mark.parametrize("fill", ["white", "black"])
@pytest.mark.parametrize("at", [(128, 230), (128, 24)])
@pytest.mark.parametrize("height", [10, 14, 20, 28])
def test_captions_are_found(picture: Image.Image, height: int, at: tuple[int, int], fill: str) -> None:
    grey = captioned(picture, "and then they said", height, at, fill)
    assert count_text_strokes(still(grey), FACE) > LIMIT


def test_at_any_moment(picture: Image.Image) -> None:
    plain, text = np.asarray(picture), captioned(picture, "breaking news", 14, (128, 230))
    assert count_text_strokes(np.concatenate([still(plain), still(text), still(plain)]), FACE) > LIMIT


def test_what_moves_is_no_overlay(picture: Image.Image) -> None:
    """Print on a shirt moves with the body."""
    one = captioned(picture, "and then they said", 14, (128, 230))
    other = captioned(picture, "and then they said", 14, (133, 236))
    assert count_text_strokes(np.stack([one, other])[None], FACE) < count_text_strokes(still(one), FACE) / 2


@settings(max_examples=20)
@given(st.integers(3, 12), st.integers(60, 120))
def test_stripes_and_checks_are_no_text(pitch: int, contrast: int) -> None:
    """A pattern that goes on and on is no line of letters."""
    x = np.arange(TEXT_SIDE) // pitch % 2
    stripes = (
        np.broadcast_to(128 + contrast * (2 * x - 1), (TEXT_SIDE, TEXT_SIDE)).clip(0, 255).astype(np.uint8)
    )
    assert count_text_strokes(still(stripes), FACE) == 0
