"""Which of a portrait's faces is meant: in a list, or by a click on it in the picture."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from liax.app.components import QUIET, face_input, labels_of, portrait_path
from liax.app.messages import error_html
from liax.app.studio import Studio
from liax.app.uploads import visitor_of
from liax.face.crop import Box
from liax.marking import NOT_SYNTHETIC
from liax.media.images import write_image
from liax.options import SourceOptions

# Longest side of the picture with the boxes; lines and numbers in it, in pixels.
_MAX_SIDE, _LINE, _TEXT = 900, 4, 26
_CHOSEN, _OTHER, _CROP = (11, 114, 104), (93, 97, 105), (255, 255, 255)


class FaceChooser:
    """A list of faces, largest first, and a picture in which each has a box to click.

    Args:
        studio: Whose results the picture is one of.
        portrait: Where the faces are.

    Attributes:
        face: The list; its value is 0 if nobody chose.
    """

    def __init__(self, studio: Studio, portrait: gr.Image) -> None:
        self._studio = studio
        self.face = face_input("portrait")
        show = gr.Button("Show the faces and the crop", size="sm")
        picture = gr.Image(
            label="Click the face that is meant",
            alt_text="The portrait, with a number at each face and a white square around what is cropped",
            type="filepath",
            interactive=False,
            visible=False,
            buttons=[],
        )
        status = gr.HTML(elem_classes="liax-status")
        show.click(self._shown, [portrait, self.face], [picture, status], **QUIET)
        choosing = picture.select(self._clicked, portrait, self.face, queue=False, **QUIET)
        choosing.then(self._shown, [portrait, self.face], [picture, status], **QUIET)
        # The boxes are those of one picture.
        portrait.change(lambda: gr.update(visible=False), None, picture, queue=False, **QUIET)

    def _shown(self, given: str | None, face: int, request: gr.Request) -> tuple[object, str]:
        """The picture with the boxes, or what is wrong with it."""

        def work() -> tuple[NDArray[np.uint8], list[Box], NDArray[np.floating]]:
            path = portrait_path(given)
            boxes = self._studio.faces(path)
            portrait = self._studio.portrait(path, SourceOptions(face=face or 1))
            crop = portrait.framing.crop
            assert crop is not None  # it was cropped to a face
            corners_42 = crop.to_picture(np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float))
            return portrait.picture_HW3, boxes, corners_42

        try:
            picture_HW3, boxes, corners_42 = self._studio.run_quick(work, visitor_of(request.client.host))
        except Exception as error:
            return gr.update(visible=False), error_html(error, self._studio.folder, labels_of(face=self.face))
        path = self._studio.new_result_path("faces.png", view=f"{request.session_hash} faces")
        drawn_HW3 = draw_faces(picture_HW3, boxes, (face or 1) - 1, corners_42)
        write_image(path, drawn_HW3, provenance=NOT_SYNTHETIC)
        return gr.update(value=path, visible=True), ""

    def _clicked(self, given: str | None, event: gr.SelectData) -> int | dict[str, object]:
        """The number of the face that was clicked."""
        path = portrait_path(given)
        picture_HW3 = self._studio.portrait(path, SourceOptions(face=1)).picture_HW3
        scale = shrunk(picture_HW3)
        number = face_at(self._studio.faces(path), event.index[0] / scale, event.index[1] / scale)
        if number is None:
            return gr.skip()
        return number + 1 if number else 0


def face_at(boxes: Sequence[Box], x: float, y: float) -> int | None:
    """Which of the boxes is at a place of the picture: the one whose middle is nearest; None if none is."""
    hits = {
        number: (x - (left + right) / 2) ** 2 + (y - (top + bottom) / 2) ** 2
        for number, (left, top, right, bottom) in enumerate(boxes)
        if left <= x <= right and top <= y <= bottom
    }
    return min(hits, key=lambda number: hits[number], default=None)


def shrunk(picture_HW3: NDArray[np.uint8]) -> float:
    """How much smaller than the picture the one with the boxes is."""
    return min(1.0, _MAX_SIDE / max(picture_HW3.shape))


def draw_faces(
    picture_HW3: NDArray[np.uint8], boxes: Sequence[Box], chosen: int, corners_42: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """The picture, RGB uint8, with a numbered box around each face, and a square around what is cropped.

    Args:
        chosen: Which of the boxes stands out.
        corners_42: Of the square, in pixels of the picture.
    """
    scale = shrunk(picture_HW3)
    height, width, _ = picture_HW3.shape
    image = Image.fromarray(picture_HW3).resize((round(width * scale), round(height * scale)))
    draw = ImageDraw.Draw(image)
    corners = [(float(x), float(y)) for x, y in corners_42 * scale]
    draw.line([*corners, corners[0]], _CROP, _LINE // 2)
    for number, box in enumerate(boxes):
        left, top, right, bottom = (float(edge) * scale for edge in box)
        colour = _CHOSEN if number == chosen else _OTHER
        draw.rectangle((left, top, right, bottom), outline=colour, width=_LINE)
        text = str(number + 1)
        draw.rectangle((left, top, left + _TEXT * (0.4 + 0.6 * len(text)), top + 1.2 * _TEXT), fill=colour)
        draw.text((left + _TEXT * 0.2, top), text, _CROP, font_size=_TEXT)
    return np.asarray(image)
