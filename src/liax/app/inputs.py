"""Components that several tabs have, filled with the bundled example."""

from __future__ import annotations

from importlib.resources import files

import gradio as gr
from gradio.data_classes import ImageData

_ASSETS = files("liax.assets")
PORTRAIT = str(_ASSETS / "demo_portrait.jpg")
DRIVING = str(_ASSETS / "demo_driving.mp4")
_FACES = [
    ("The largest", 0),
    ("The second largest", 2),
    ("The third", 3),
    ("The fourth", 4),
    ("The fifth", 5),
]
# What it is called -> ending of the file.
VIDEOS = [("Video (MP4)", "mp4"), ("Video (WebM)", "webm"), ("Moving picture, silent (GIF)", "gif")]


def portrait_input(height: int = 320) -> gr.Image:
    """Where a picture is dropped, taken or pasted; gives the path of the file as it was uploaded."""
    image = gr.Image(
        PORTRAIT,
        label="Your portrait",
        type="filepath",
        image_mode=None,
        sources=["upload", "webcam", "clipboard"],
        height=height,
    )
    # Gradio would open the file itself, and fail on what is no picture; the studio looks at it with care.
    image.preprocess = _path  # type: ignore[method-assign, assignment]
    return image


def video_input(label: str, height: int = 320) -> gr.Video:
    """Where a video is dropped or recorded."""
    return gr.Video(DRIVING, label=label, sources=["upload", "webcam"], height=height)


def face_input(where: str) -> gr.Dropdown:
    """Which of several faces in the "portrait" or "video"; 0 where nobody chose."""
    return gr.Dropdown(_FACES, value=0, label=f"Which face in the {where}", filterable=False)


def cropped_input() -> gr.Checkbox:
    """Whether pictures are taken whole."""
    return gr.Checkbox(label="Already cropped to the face", info="take the picture as it is")


def format_input(formats: list[tuple[str, str]] = VIDEOS) -> gr.Dropdown:
    """Which kind of file is made."""
    return gr.Dropdown(formats, value="mp4", label="Make", filterable=False)


def _path(uploaded: ImageData | None) -> str | None:
    return uploaded.path if uploaded else None
