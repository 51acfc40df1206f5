"""From tracks to clips: the part of the picture that a face is in, the square around it, and its clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

from liax.face.all_faces import FaceTrack
from liax.face.crop import Box, Crop, fit_inside
from liax.face.place import crop_for
from liax.media.footage import Picture
from liax.media.video import Video
from liax.preparation.cells import Cell, SeamFinder
from liax.preparation.clip import ClipPlan
from liax.preparation.config import ClipRecord, CutOptions

# Pictures of a shot that seams are looked for in, a second, and their longest side.
_SEAM_LOOKS, _SEAM_SIDE = 1, 960
# A face lies in a cell with at least this share of its box; otherwise the seams beside it are none.
_IN_CELL = 0.9
# A picture counts as square when its sides differ by at most this share.
_SQUARE = 0.02


class CellFinder:
    """The cells of every shot of a footage, found while its frames pass through `watch`."""

    def __init__(self, rate: Fraction) -> None:
        self._step = max(1, round(rate / _SEAM_LOOKS))
        self._shots: list[tuple[int, list[Cell]]] = []  # first frame, cells

    def watch(self, frames: Iterable[tuple[Picture, bool]]) -> Iterator[tuple[Picture, bool]]:
        """The same frames."""
        finder, first, scale = SeamFinder(), 0, 1.0
        for number, (frame, cut) in enumerate(frames):
            if cut and number:
                self._shots.append((first, finder.cells(scale)))
                finder, first = SeamFinder(), number
            if (number - first) % self._step == 0:
                image_HW3 = frame.rgb(longest=_SEAM_SIDE)
                scale = frame.width / image_HW3.shape[1]
                finder.add(image_HW3)
            yield frame, cut
        self._shots.append((first, finder.cells(scale)))

    def cell_of(self, track: FaceTrack, width: int, height: int) -> Cell:
        """The cell that shows a track's face; the whole picture if none shows it whole."""
        cells = next((cells for first, cells in reversed(self._shots) if first <= track.first), [])
        left, top, right, bottom = np.median(track.boxes, 0).tolist()
        area = max((right - left) * (bottom - top), 1e-6)
        for cell in cells:
            across = min(right, cell[2]) - max(left, cell[0])
            down = min(bottom, cell[3]) - max(top, cell[1])
            if min(across, down) > 0 and across * down >= _IN_CELL * area:
                return cell
        return 0, 0, width, height


def plan_clips(
    key: str,
    start: Fraction,
    tracks: Sequence[FaceTrack],
    cells: CellFinder,
    video: Video,
    rate: Fraction,
    cut: CutOptions,
) -> Iterator[ClipPlan]:
    """Divides each track into clips of equal length, none longer than `cut.longest`.

    Args:
        key: The video's.
        start: Where in the video the tracks' frame 0 is, in seconds.
        cells: Those of the tracks' shots.
        rate: Frames per second of the tracks.
    """
    for number, track in enumerate(_main(tracks) if cut.cropped else tracks):
        whole = (0, 0, video.width, video.height)
        cell = whole if cut.cropped else cells.cell_of(track, *whole[2:])
        seconds = (track.end - track.first) / rate
        parts = max(1, -int(-seconds // Fraction(str(cut.longest))))
        ends = [track.first + (track.end - track.first) * k // parts for k in range(parts + 1)]
        for first, end in pairwise(ends):
            crop = square_in(track.between(first, end) or track.boxes, cell, cut)
            since, until = (start + n / rate for n in (first, end))
            pixels = cut.side_of(crop)
            problem = None
            if end - first < cut.shortest * rate:
                problem = "too short"
            elif cut.cropped and abs(video.width - video.height) > _SQUARE * crop.side:
                problem = "the picture is not square"
            elif pixels is None:
                problem = "too small"
            record = ClipRecord(
                key,
                round(float(since), 3),
                round(float(until), 3),
                name=None if problem else f"{key}_{round(since * 1000):08d}_{number:02d}",
                problem=problem,
                left=round(crop.left, 2),
                top=round(crop.top, 2),
                side=round(crop.side, 2),
                pixels=pixels or 0,
                outside=round(_outside(crop, cell), 4),
                damaged=video.damaged,
            )
            yield ClipPlan(first, end, cell, crop, record)


def square_in(boxes: Sequence[Box], cell: Cell, cut: CutOptions) -> Crop:
    """The square that shows a face in all these places, of which there is at least one."""
    left, top, right, bottom = cell
    width, height = right - left, bottom - top
    if cut.cropped:
        side = float(min(width, height))
        return Crop(left + (width - side) / 2, top + (height - side) / 2, side)
    crop = crop_for(boxes, cut.face_share)
    return fit_inside(crop, (left, top, right, bottom)) if cut.inside else crop


def _main(tracks: Sequence[FaceTrack]) -> list[FaceTrack]:
    """Of tracks that overlap in time, those with the largest faces."""
    chosen: list[FaceTrack] = []
    for track in sorted(tracks, key=_face_size, reverse=True):
        if all(track.first >= other.end or track.end <= other.first for other in chosen):
            chosen.append(track)
    return sorted(chosen, key=lambda track: track.first)


def _face_size(track: FaceTrack) -> float:
    left, top, right, bottom = np.median(track.boxes, 0).tolist()
    return float((right - left) * (bottom - top))


def _outside(crop: Crop, cell: Cell) -> float:
    """The share of the square that lies beyond its part of the picture."""
    left, top, right, bottom = cell
    width = min(crop.left + crop.side, right) - max(crop.left, left)
    height = min(crop.top + crop.side, bottom) - max(crop.top, top)
    return max(0.0, 1 - max(width, 0) * max(height, 0) / crop.side**2)
