"""Components that several tabs have, filled with the bundled example."""

from __future__ import annotations

from importlib.resources import files

import gradio as gr

_ASSETS = files("liax.assets")
PORTRAIT = str(_ASSETS / "demo_portrait.jpg")
DRIVING = str(_ASSETS / "demo_driving.mp4")
# What it is called -> ending of the file.
VIDEOS = [("Video (MP4)", "mp4"), ("Video (WebM)", "webm"), ("Moving picture, silent (GIF)", "gif")]


def portrait_input(height: int = 320) -> gr.Image:
    """Where a picture is dropped, taken or pasted; gives the path of the file as it was uploaded."""
    return gr.Image(
        PORTRAIT,
        label="Your portrait",
        type="filepath",
        image_mode=None,
        sources=["upload", "webcam", "clipboard"],
        height=height,
    )


def video_input(label: str, height: int = 320) -> gr.Video:
    """Where a video is dropped or recorded."""
    return gr.Video(DRIVING, label=label, sources=["upload", "webcam"], height=height)


def face_input(where: str) -> gr.Number:
    """Which of several faces in the "portrait" or "video"; None where it stays empty."""
    return gr.Number(
        None, label=f"Which face in the {where}", info="1 is the largest", precision=0, minimum=1
    )


def cropped_input() -> gr.Checkbox:
    """Whether pictures are taken whole."""
    return gr.Checkbox(label="Already cropped to the face", info="take the picture as it is")


def format_input(formats: list[tuple[str, str]] = VIDEOS) -> gr.Dropdown:
    """Which kind of file is made."""
    return gr.Dropdown(formats, value="mp4", label="Make", filterable=False)
