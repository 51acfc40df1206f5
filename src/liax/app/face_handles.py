"""Where a face can be taken hold of, and which controls that moves: the nose turns the head, lids blink, …"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liax.face.landmarks import Face
from liax.weights.controls import Controls


@dataclass(frozen=True)
class Pull:
    """What one direction of a drag does.

    Args:
        control: Name of a control.
        gain: How much of it a drag over the face's height is, to the right or down; around the face's
            centre, a turn by one degree counterclockwise.
    """

    control: str
    gain: float


@dataclass(frozen=True)
class Handle:
    """A place of the face that can be dragged.

    Args:
        label: What dragging it does.
        landmarks: Numbers of MediaPipe's landmarks, of which it is the centre; none for a corner of the box.
        x, y, turn: What it does to drag it sideways, up and down, and around the face.
        corner: Of the landmarks' box, (0, 0) the upper left one.
        twin: Whether it does what another handle does already, on the face's other side.
    """

    label: str
    landmarks: tuple[int, ...] = ()
    x: Pull | None = None
    y: Pull | None = None
    turn: Pull | None = None
    corner: tuple[int, int] = (0, 0)
    twin: bool = False

    def at(self, face: Face) -> NDArray[np.float32]:
        """Where it is on a face, in pixels: (2,)."""
        if self.landmarks:
            return face.landmarks[list(self.landmarks)].mean(0)
        low_2, high_2 = np.array(face.box[:2], np.float32), np.array(face.box[2:], np.float32)
        return low_2 + (high_2 - low_2) * np.array(self.corner, np.float32)


# The nose follows a hand that turns the head. The others follow it half as far or less: what is a whole range
# for them would be too few pixels for a hand to divide.
_YAW, _PITCH, _EXPRESSION = 94.0, 100.0, 6.0
_SMILE, _BROW, _BLINK = Pull("smile", -_EXPRESSION), Pull("brow", -_EXPRESSION), Pull("blink", _EXPRESSION)
_GAZE = (Pull("gaze-x", _EXPRESSION), Pull("gaze-y", -_EXPRESSION))
HANDLES = (
    Handle("Turn the head", (1,), x=Pull("yaw", _YAW), y=Pull("pitch", _PITCH)),
    Handle("Open the mouth", (14,), y=Pull("jaw", _EXPRESSION)),
    Handle("Smile", (61,), y=_SMILE),
    Handle("Smile", (291,), y=_SMILE, twin=True),
    Handle("Raise the brows", (105,), y=_BROW),
    Handle("Raise the brows", (334,), y=_BROW, twin=True),
    Handle("Close the eyes", (159,), y=_BLINK),
    Handle("Close the eyes", (386,), y=_BLINK, twin=True),
    Handle("Look elsewhere", (468,), *_GAZE),
    Handle("Look elsewhere", (473,), *_GAZE, twin=True),
    Handle("Tilt the head", turn=Pull("roll", 1.0)),
    Handle("Tilt the head", turn=Pull("roll", 1.0), corner=(1, 0), twin=True),
)
# What moves the whole head, over the square's side: dragged beside the face, and made larger by e.
_BESIDE = {"x": "x", "y": "y", "size": "size"}


def face_handles(face: Face, side: int, controls: Controls) -> dict[str, object]:
    """The handles for which there are controls, on a face found in a square of `side` pixels, as plain data.

    Returns:
        "handles": each with its label, its place "at", "twin", and "x", "y" and "turn" as (control, gain) or
        None; "beside": what moves the whole head, as control or None; "box": the face's. Places are shares of
        the square's side, and gains are for them.
    """
    names = {control.name for control in controls}
    height = (face.box[3] - face.box[1]) / side
    handles = []
    for handle in HANDLES:
        pulls = [_known(pull, names, height) for pull in (handle.x, handle.y)]
        turn = _known(handle.turn, names, 1.0)
        if any([*pulls, turn]):
            place = (handle.at(face) / side).round(4).tolist()
            shown = {"label": handle.label, "at": place, "twin": handle.twin}
            handles.append({**shown, "x": pulls[0], "y": pulls[1], "turn": turn})
    beside = {where: name if name in names else None for where, name in _BESIDE.items()}
    return {"handles": handles, "beside": beside, "box": [round(edge / side, 4) for edge in face.box]}


def drag_hint(controls: Controls) -> str:
    """What can be dragged, in a sentence; "" if nothing can."""
    names = {control.name for control in controls}
    parts = [f"{what} {does}" for needed, what, does in _HINTS if names & set(needed)]
    if not parts:
        return ""
    sentence = f"Drag {_listed(parts)}." + (
        " Beside the face, drag to move it." if names & {"x", "y"} else ""
    )
    return sentence + (" Two fingers, or the wheel, bring it nearer." if "size" in names else "")


_HINTS = (
    (("yaw", "pitch"), "the nose", "to turn the head"),
    (("jaw",), "the mouth", "to open it"),
    (("smile",), "the mouth's corners", "to smile"),
    (("brow",), "the brows", "up or down"),
    (("blink",), "the lids", "shut"),
    (("gaze-x", "gaze-y"), "the eyes", "to look elsewhere"),
    (("roll",), "a corner", "to tilt"),
)


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _known(pull: Pull | None, names: set[str], scale: float) -> tuple[str, float] | None:
    return (pull.control, round(pull.gain / scale, 4)) if pull and pull.control in names else None
