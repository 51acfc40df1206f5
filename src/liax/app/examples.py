"""Free people and motions to try: computed heads, an astronaut, a clip, and motions written as keyframes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path

import gradio as gr
from gradio.components import Component

from liax.app.components import DEMO_DRIVING, QUIET, MotionInput
from liax.app.studio import DEMO_PORTRAIT, Studio
from liax.tracks import idle_track, write_track

_NOTE = (
    "Click a face to make it the portrait of all tabs, and a motion to let it move the portrait in "
    "**Animate**. The heads are computed, the astronaut was photographed by NASA, and all is free to use."
)
_ASSETS = Path(str(files("liax.assets")))
_IDLE_SECONDS = 8
# Name on the page -> file of keyframes.
_MOTIONS = {
    "Making faces": "making-faces.json",
    "Looking around": "look-around.json",
    "Yes and no": "yes-and-no.json",
    "A yawn": "yawn.json",
}


class Examples:
    """A folded part of the page with faces and motions to click.

    Its files are copied into the studio's folder, from which the page may take them.

    Args:
        studio: In whose folder they lie.
    """

    def __init__(self, studio: Studio) -> None:
        folder = studio.folder / "examples"
        folder.mkdir(exist_ok=True)
        self._people = _people(folder)
        self._motions = _motions(folder) if len(studio.controls) else {}
        self._clip = shutil.copy(DEMO_DRIVING, folder / "talk.mp4")
        with gr.Accordion("Examples to try", open=False, elem_classes="liax-examples"):
            gr.Markdown(_NOTE)
            self._gallery = gr.Gallery(
                [(path, path.stem.capitalize()) for path in self._people],
                label="People",
                show_label=False,
                columns=len(self._people),
                rows=1,
                height="auto",
                object_fit="cover",
                allow_preview=False,
                interactive=False,
                buttons=[],
            )
            with gr.Row():
                self._talk = gr.Button("A talking head (video)", size="sm")
                self._buttons = {gr.Button(name, size="sm"): path for name, path in self._motions.items()}

    def connect(self, portraits: Sequence[gr.Image], videos: Sequence[gr.Video], motion: MotionInput) -> None:
        """Let clicks set these components.

        Args:
            portraits: Where faces go.
            videos: Where the clip goes.
            motion: Where motions go.
        """
        people, outputs = self._people, list[Component](portraits)

        def clicked(event: gr.SelectData) -> list[object]:
            number = event.index
            known = isinstance(number, int) and 0 <= number < len(people)
            return [people[number] if known else gr.skip()] * len(outputs)

        self._gallery.select(clicked, None, outputs, queue=False, **QUIET)
        self._talk.click(
            lambda: [motion.video_kind, *[self._clip] * len(videos)],
            None,
            [motion.kind, *videos],
            queue=False,
            **QUIET,
        )
        for button, path in self._buttons.items():
            chosen = partial(list[object], (motion.file_kind, str(path)))
            button.click(chosen, None, [motion.kind, motion.file], queue=False, **QUIET)


def _people(folder: Path) -> list[Path]:
    heads = sorted((_ASSETS / "people").glob("*.jpg"))
    astronaut = shutil.copy(DEMO_PORTRAIT, folder / "astronaut.jpg")
    return [Path(astronaut), *(_copied(head, folder) for head in heads)]


def _motions(folder: Path) -> dict[str, Path]:
    """Name on the page -> file."""
    idle = folder / "idle.csv"
    write_track(idle_track(_IDLE_SECONDS, seed=7), idle)
    keyframes = {name: _copied(_ASSETS / "motions" / file, folder) for name, file in _MOTIONS.items()}
    return {**keyframes, "Doing nothing": idle}


def _copied(path: Path, folder: Path) -> Path:
    return Path(shutil.copy(path, folder))
