"""Messages as the page tells them."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from liax.app.messages import page_html

FOLDER = Path("/tmp/liax-studio-x1_y")


def test_files_go_by_their_own_names() -> None:
    path = FOLDER / "0a1b2c" / "my portrait.jpg"
    assert (
        page_html(f"{path} shows no face; give another.", FOLDER)
        == "my portrait.jpg shows no face; give another."
    )


def test_options_are_called_as_on_the_page() -> None:
    told = page_html("choose one with --driving-face; --face is the portrait's; --no-crop takes all", FOLDER)
    assert told == (
        "choose one with “Which face in the video”; “Which face” is the portrait&#x27;s; "
        "“Already cropped to the face” takes all"
    )


def test_names_of_files_cannot_be_markup() -> None:
    assert page_html("<img src=x onerror=alert(1)>.png is damaged", FOLDER).startswith("&lt;img src=x")


@given(st.text(alphabet=st.characters(exclude_characters="/")), st.text("0123456789abcdef", min_size=1))
def test_the_server_s_folder_is_never_told(name: str, upload: str) -> None:
    assert str(FOLDER) not in page_html(f"{FOLDER / upload}/{name} is not there", FOLDER)
