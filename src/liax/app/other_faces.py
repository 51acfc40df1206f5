"""A portrait's other faces, each moved by a file of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import gradio as gr
from gradio.components import Component

from liax.app.uploads import MOTION_SUFFIXES
from liax.errors import LiaxError

# Numbers of the other faces that there is room for; 1 is the largest.
_NUMBERS = (2, 3, 4)
_NOTE = (
    "More people in the picture? Give each a video or a saved motion of their own. Faces are numbered by "
    "size; **Show the faces and the crop** shows them. All are put back into the whole picture."
)


class OtherFaces:
    """Where a file is given for each of the other faces. Make it where it is to be.

    Attributes:
        inputs: Its components, whose values `drivings_of` takes.
    """

    def __init__(self) -> None:
        gr.Markdown(_NOTE)
        with gr.Row():
            self.inputs: list[Component] = [
                gr.File(
                    label=f"Who moves face {number}",
                    file_types=["video", *MOTION_SUFFIXES],
                    height=140,
                    min_width=140,
                )
                for number in _NUMBERS
            ]

    @staticmethod
    def drivings_of(values: Sequence[str | None]) -> dict[int, Path]:
        """Number of a face -> what moves it.

        Args:
            values: Of `inputs`.
        """
        return {number: Path(given) for number, given in zip(_NUMBERS, values, strict=True) if given}


def check_chosen(chosen: int, others: Mapping[int, Path]) -> None:
    """Raise LiaxError if the face that the tab's own driving moves is moved by another file, too."""
    if chosen in others:
        name = others[chosen].name
        raise LiaxError(f"Face {chosen} is moved by two files; choose another face, or take {name} away.")
