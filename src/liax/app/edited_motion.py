"""A driving's motion as curves that can be edited, and as a driving again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from liax.errors import LiaxError
from liax.model import LIAX
from liax.portrait.motion import Driving, DrivingFrame
from liax.portrait.template import Template
from liax.portrait.track_driving import template_of, track_of_template
from liax.progress import Progress
from liax.report import picture_uri
from liax.tracks.track import Track
from liax.tracks.track_edit import CurveEdit, edit_track
from liax.weights.controls import Controls

# Points of a curve that are shown, pictures beside them, and their width in pixels.
_COLUMNS, _PICTURES, _PICTURE_WIDTH = 400, 40, 128


@dataclass(frozen=True)
class EditedDriving:
    """A driving that moves otherwise; a `Driving` itself.

    Args:
        original: Whose sound it has.
        template: How it moves, frame by frame.
        with_pictures: Whether its frames have the original's pictures, which takes as long as reading them.
    """

    original: Driving
    template: Template
    with_pictures: bool = False

    @property
    def rate(self) -> Fraction:
        """The original's."""
        return self.original.rate

    @property
    def total(self) -> int:
        """How many frames it has."""
        return self.template.total

    @property
    def sound(self) -> Path | None:
        """The original's."""
        return self.original.sound

    @property
    def sound_start(self) -> Fraction:
        """The original's."""
        return self.original.sound_start

    def width_at(self, height: int) -> int:
        """The width of its picture when shown `height` pixels high; 0 if it has none."""
        return self.original.width_at(height) if self.with_pictures else 0

    def frames(self) -> Generator[DrivingFrame]:
        """Its frames."""
        if not self.with_pictures:
            yield from self.template.frames()
            return
        for frame, alpha_M in zip(self.original.frames(), self.template.alpha_TM, strict=True):
            yield replace(frame, alpha_M=alpha_M)


@dataclass(frozen=True, eq=False)  # Gradio hashes what a page keeps
class EditableMotion:
    """A driving's motion, read once, to be edited again and again.

    Args:
        original: The driving.
        key: What it was opened from, and how.
        track: Its motion by controls and the vectors that these leave.
        network: Whose motion vectors these are.
        controls: The network's.
        pictures: Time in seconds -> the driving's picture then as a data URI.
    """

    original: Driving
    key: tuple[object, ...]
    track: Track
    network: LIAX
    controls: Controls
    pictures: Mapping[float, str]

    @classmethod
    def read(
        cls,
        driving: Driving,
        key: tuple[object, ...],
        network: LIAX,
        controls: Controls,
        progress: Progress,
    ) -> EditableMotion:
        """Read all frames of a driving.

        Raises:
            LiaxError: If it is a single frame, or the weights name no controls.
        """
        if not len(controls):
            raise LiaxError("These weights name no movements, so there are no curves to edit.")
        if driving.total == 1:
            raise LiaxError("This shows a single moment, so nothing moves; give a video or a saved motion.")
        wanted = set(np.linspace(0, (driving.total or 1) - 1, _PICTURES).round().astype(int).tolist())
        frames: list[DrivingFrame] = []
        pictures: dict[float, str] = {}
        for number, frame in enumerate(driving.frames()):
            progress("reading the motion", number + 1, driving.total)
            frames.append(replace(frame, square_RR3=None))
            if number in wanted and frame.square_RR3 is not None:
                pictures[round(float(frame.time), 3)] = picture_uri(frame.square_RR3, _PICTURE_WIDTH)
        template = Template.of(frames, driving.rate, network)
        return cls(driving, key, track_of_template(template, controls), network, controls, pictures)

    def edited_track(self, edits: Mapping[str, CurveEdit]) -> Track:
        """The motion with its curves edited, as a track."""
        return edit_track(self.track, edits)

    def edited(self, edits: Mapping[str, CurveEdit], with_pictures: bool = False) -> EditedDriving:
        """The same as a driving."""
        template = template_of(self.edited_track(edits), self.network, self.controls)
        return EditedDriving(self.original, template, with_pictures)

    @property
    def seconds(self) -> float:
        """When its last frame is."""
        return float(self.track.timing.seconds_T[-1])

    def curves_json(self) -> str:
        """What the page draws: times, pictures, and each control's curve with its range and unit.

        "of" tells one driving's motion from another's.
        """
        described = [self.controls[name] for name in self.track.controls]
        curves = [
            {
                "name": control.name,
                "label": f"{control.name.capitalize()}{' (°)' if control.unit == 'deg' else ''}",
                "low": control.low,
                "high": control.high,
                "was": curve,
            }
            for control, curve in zip(described, self._shown(self.track), strict=True)
        ]
        seconds = self.track.timing.seconds_T[self._columns].round(4).tolist()
        pictures = [[time, uri] for time, uri in self.pictures.items()]
        of = hashlib.sha256(repr(self.key).encode()).hexdigest()[:16]
        return json.dumps({"of": of, "seconds": seconds, "curves": curves, "pictures": pictures})

    def edited_json(self, edits: Mapping[str, CurveEdit]) -> str:
        """The edited curves at the same times, by control."""
        shown = self._shown(self.edited_track(edits))
        return json.dumps(dict(zip(self.track.controls, shown, strict=True)))

    @property
    def _columns(self) -> list[int]:
        count = len(self.track.timing)
        return np.unique(np.linspace(0, count - 1, min(count, _COLUMNS)).round().astype(int)).tolist()

    def _shown(self, track: Track) -> list[list[float]]:
        return track.amounts_TK[self._columns].T.round(4).tolist()
