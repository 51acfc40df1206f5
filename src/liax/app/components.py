"""Components that several tabs have: inputs, a slider for each control, and a player for results."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple, TypedDict

import gradio as gr
from gradio.components import Component
from gradio.data_classes import ImageData

from liax.errors import LiaxError
from liax.portrait.manipulate import VECTOR_RANGE
from liax.tracks.presets import PRESETS
from liax.weights.controls import GROUPS, Control, Controls


class Quiet(TypedDict):
    """How events happen that show nothing of their own, and are no programming interface."""

    show_progress: Literal["hidden"]
    api_visibility: Literal["private"]


QUIET: Quiet = {"show_progress": "hidden", "api_visibility": "private"}
_ASSETS = files("liax.assets")
DEMO_DRIVING = str(_ASSETS / "demo_driving.mp4")
_FACES = [
    ("The largest", 0),
    ("The second largest", 2),
    ("The third", 3),
    ("The fourth", 4),
    ("The fifth", 5),
]
# Name on the page, and ending of the file.
VIDEO_FORMATS = [("Video (MP4)", "mp4"), ("Video (WebM)", "webm"), ("Animated picture, silent (GIF)", "gif")]


def portrait_input(first: Path, height: int = 320) -> gr.Image:
    """Where a picture is dropped, taken or pasted; its value is the path of the uploaded file.

    Args:
        first: The picture that is there when the page opens.
    """
    image = gr.Image(
        str(first),
        label="Your portrait",
        type="filepath",
        image_mode=None,
        sources=["upload", "webcam", "clipboard"],
        height=height,
    )
    # Gradio would open the file itself, and fail if it is no picture; the studio checks it first.
    image.preprocess = _uploaded_path  # type: ignore[method-assign, assignment]
    return image


def video_input(label: str, height: int = 320) -> gr.Video:
    """Where a video is dropped or recorded."""
    return gr.Video(DEMO_DRIVING, label=label, sources=["upload", "webcam"], height=height)


def face_input(where: str) -> gr.Dropdown:
    """Which of several faces is meant; its value is 0 if nobody chose.

    Args:
        where: "portrait" or "video".
    """
    return gr.Dropdown(_FACES, value=0, label=f"Which face in the {where}", filterable=False)


def cropped_input() -> gr.Checkbox:
    """Whether pictures are taken whole, without looking for the face."""
    return gr.Checkbox(label="Already cropped to the face", info="take the picture as it is")


def format_input(formats: list[tuple[str, str]] = VIDEO_FORMATS) -> gr.Dropdown:
    """Which kind of file is made; its value is the ending."""
    return gr.Dropdown(formats, value="mp4", label="Save as", filterable=False)


def labels_of(**components: gr.Dropdown | gr.Checkbox) -> dict[str, str]:
    """Option -> label of the component that sets it, for messages."""
    return {option: str(component.label) for option, component in components.items()}


def portrait_path(given: str | None) -> Path:
    """The file that was given to `portrait_input`.

    Raises:
        LiaxError: If there is none.
    """
    if given is None:
        raise LiaxError("Give a portrait first: drop a picture on “Your portrait”.")
    return Path(given)


def _uploaded_path(uploaded: ImageData | None) -> str | None:
    return uploaded.path if uploaded else None


# Endings of the videos that browsers play.
PLAYED = (".mp4", ".webm")
# Height of the player in pixels; the button beneath it stays in sight.
_PLAYER_HEIGHT = 400


class ResultView:
    """A player for videos, a picture for all else, and a button to download.

    Attributes:
        outputs: Its components.
        newest: Path of what is shown.
    """

    def __init__(self, label: str = "Result") -> None:
        self.video = gr.Video(
            label=label, interactive=False, autoplay=True, loop=True, height=_PLAYER_HEIGHT, buttons=[]
        )
        self.picture = gr.Image(
            label=label,
            show_label=False,  # it would cover what is written above the poses of a sheet
            alt_text=label,
            interactive=False,
            visible=False,
            type="filepath",
            buttons=["fullscreen"],
        )
        self.download = gr.DownloadButton("Download", visible=False)
        self.newest: gr.State = gr.State(None)
        self.outputs = [self.video, self.picture, self.download, self.newest]

    def updates(self, path: Path) -> Sequence[object]:
        """New values of `outputs` that show the file at `path`."""
        is_video = path.suffix in PLAYED
        return (
            gr.update(value=path if is_video else None, visible=is_video),
            gr.update(value=None if is_video else path, visible=not is_video),
            gr.update(value=path, visible=True),
            str(path),
        )


_STEPS_IN_RANGE = 100
# Weights without controls offer this many motion vectors, the first ones, which are the strongest.
_VECTORS_OFFERED = 12
_LIMITS_NOTE = (
    "Expressions stop where faces do: a face that smiles already can smile only a little more. So do turns: "
    "a head that is turned already can turn only a little further."
)


class MotionInput(NamedTuple):
    """Where a tab is given what moves a portrait.

    Attributes:
        kind: Chooses whether a video does, or a file of motion.
        file: Where that file is given.
        video_kind, file_kind: What `kind` calls the two.
    """

    kind: gr.Radio
    file: gr.File
    video_kind: str
    file_kind: str


class Tab(NamedTuple):
    """What a tab shares with the others, and what of it outlives a reload of the page.

    Attributes:
        settings: All that is set on it, but for its sliders of controls.
        portrait, video: Where pictures and videos are given.
        panel: Its sliders of controls.
        result: Where its results appear.
        motion: Where what moves a portrait is chosen.
    """

    settings: Sequence[Component]
    portrait: gr.Image | None = None
    video: gr.Video | None = None
    panel: ControlsPanel | None = None
    result: ResultView | None = None
    motion: MotionInput | None = None


class ControlsPanel:
    """A slider for each control, by group; buttons that take changes back or set all to 0; and expressions.

    What was set stays over a reload of the page (studio.js keeps it).

    Args:
        controls: What there are sliders for.
        place: Where on the page the panel is, for the page's memory.

    Attributes:
        names: Of the controls.
        sliders: In the same order.
        slider_ids: Their elements' in the page.
        restore_js: Gives the sliders, when the page opens, what they were set to.
    """

    def __init__(self, controls: Controls, place: str) -> None:
        shown = available_controls(controls)
        by_group = {group: [control for control in shown if control.group == group] for group in GROUPS}
        names = {control.name for control in shown}
        known = [name for name, amounts in PRESETS.items() if amounts and set(amounts) <= names]
        chosen = gr.Dropdown(
            [(name.replace("-", " ").capitalize(), name) for name in known],
            value=None,
            label="An expression",
            info="sets all sliders",
            filterable=False,
            visible=bool(known),
        )
        with gr.Row():
            undo, redo = gr.Button("Undo", size="sm"), gr.Button("Redo", size="sm")
            reset = gr.Button("Reset all", size="sm")
        self._carry = gr.Button("Set these on the other tabs too", size="sm")
        self.names: list[str] = []
        self.slider_ids: list[str] = []
        self.sliders: list[gr.Slider] = []
        for group, members in by_group.items():
            if members:
                with gr.Accordion(group.capitalize(), elem_classes="liax-group"), gr.Row():
                    for control in members:
                        self.names.append(control.name)
                        self.slider_ids.append(f"liax-{place}-{control.name.replace('#', 'no')}")
                        self.sliders.append(_slider(control, self.slider_ids[-1]))
        if controls.limits is not None:
            gr.Markdown(_LIMITS_NOTE)
        chosen.input(self._expression, chosen, self.sliders, queue=False, **QUIET)
        reset.click(lambda: [0.0] * len(self.sliders), outputs=self.sliders, queue=False, **QUIET)
        self.restore_js = f"(...values) => liax.restored({place!r}, values)"
        changes = [slider.change for slider in self.sliders]
        remember = f"(...values) => liax.remember({place!r}, values)"
        gr.on(changes, None, self.sliders, js=remember, **QUIET)
        for button, step in ((undo, -1), (redo, 1)):
            step_js = f"(...values) => liax.step({place!r}, values, {step})"
            button.click(None, self.sliders, self.sliders, js=step_js, **QUIET)

    def carry_to(self, others: Sequence[ControlsPanel]) -> None:
        """Let a button set these panels, which have the same controls, as this one is."""
        sliders = [slider for other in others for slider in other.sliders]
        copied = f"(...values) => Array({len(others)}).fill(values).flat()"
        self._carry.click(None, self.sliders, sliders, js=copied, **QUIET)

    def _expression(self, name: str) -> list[float]:
        """The sliders' values for an expression, as far as they go."""
        amounts = PRESETS.get(name, {})
        return [
            min(max(amounts[control].value, slider.minimum), slider.maximum) if control in amounts else 0.0
            for control, slider in zip(self.names, self.sliders, strict=True)
        ]

    def settings(self, values: Sequence[float]) -> dict[str, float]:
        """Control's name -> amount, of the sliders that are not at 0.

        Args:
            values: Of all sliders.
        """
        return {name: value for name, value in zip(self.names, values, strict=True) if value}


def available_controls(controls: Controls) -> list[Control]:
    """The controls, or the first motion vectors if the weights have no controls."""
    return list(controls) or [
        _unnamed_control(index) for index in range(min(_VECTORS_OFFERED, controls.count))
    ]


def _slider(control: Control, element: str) -> gr.Slider:
    unit = {"deg": "°"}.get(control.unit, control.unit)
    name = f"{control.name.capitalize()} ({unit})" if unit else control.name.capitalize()
    step = _slider_step(control)
    # The ends lie on the grid of steps, so that 0 does as well.
    low, high = (round(int(round(end / step, 6)) * step, 6) for end in (control.low, control.high))
    return gr.Slider(
        low,
        high,
        value=0.0,
        step=step,
        label=name,
        info=control.movement or None,
        min_width=220,
        buttons=["reset"],
        elem_id=element,
        elem_classes=f"liax-zero-{round(100 * -low / (high - low))}",
    )


def _slider_step(control: Control) -> float:
    """About a hundredth of the range: 1, 2 or 5 times a power of ten."""
    wanted = (control.high - control.low) / _STEPS_IN_RANGE
    power = 10.0
    while power > wanted:
        power /= 10
    return round(max(factor * power for factor in (1, 2, 5) if factor * power <= wanted), 9)


def _unnamed_control(index: int) -> Control:
    meaning = "a motion that these weights have no name for"
    return Control(f"#{index}", "other", {index: 1.0}, -VECTOR_RANGE, VECTOR_RANGE, meaning=meaning)
