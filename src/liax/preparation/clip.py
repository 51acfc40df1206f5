"""Makes one clip: frames in, an H.264 file, its regions and its measures out."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from liax.data.regions import Regions, regions_of
from liax.face.crop import Crop, crop_and_resize
from liax.face.embed import FaceEmbedder
from liax.face.landmarks import Face, FaceLandmarker
from liax.media.writer import VideoWriter
from liax.preparation.cells import SeamFinder
from liax.preparation.config import ClipRecord
from liax.preparation.quality import movement, occlusion, shake, sharpness, skin_colours, skin_share
from liax.preparation.selection import evenly_spaced
from liax.preparation.text_detection import TEXT_SIDE, count_text_strokes

# Evenly spaced moments at which a clip is searched for text, and at which its face is identified. What stands
# still for _STILL seconds may be text.
_TEXT_SAMPLES, _IDENTITY_SAMPLES = 5, 5
_STILL = 0.3
# Another face counts if its area is at least this share of the main one's.
_OTHER = 0.1
# Landmarks of the irises follow the gaze and not the face.
_FACE_POINTS = 468


@dataclass(frozen=True)
class ClipPlan:
    """A clip to make.

    Args:
        first, end: It has frames first … end - 1 of a range.
        cell: Left, top, right, bottom of the part of the picture that is its picture.
        crop: The square to cut out, in pixels of the whole picture.
        record: What is known so far; its `pixels` are the clip's side.
    """

    first: int
    end: int
    cell: tuple[int, int, int, int]
    crop: Crop
    record: ClipRecord


class ClipMaker:
    """Takes the frames of a plan one after the other; memory holds the encoded clip and its landmarks."""

    def __init__(
        self,
        plan: ClipPlan,
        rate: Fraction,
        landmarker: FaceLandmarker,
        embedder: FaceEmbedder | None,
    ) -> None:
        self.plan = plan
        self._rate, self._size = rate, plan.record.pixels
        self._landmarker, self._embedder = landmarker, embedder
        self._file = io.BytesIO()
        # One thread: what more of them write depends on their number.
        self._writer = VideoWriter(self._file, ".mp4", rate, threads=1, fast_start=False)
        self._faces: list[Face | None] = []
        self._others = 0
        self._sharpness: list[float] = []
        self._colours: list[NDArray[np.float32]] = []
        self._text: dict[int, NDArray[np.uint8]] = {}
        self._seams = SeamFinder()
        self._embeddings: list[NDArray[np.float64]] = []
        count = plan.end - plan.first
        still = min(max(1, round(_STILL * rate)), count - 1)
        self._text_samples = [(k, k + still) for k in sorted(evenly_spaced(count - still, _TEXT_SAMPLES))]
        self._identity_at = evenly_spaced(count, _IDENTITY_SAMPLES)

    def add(self, image_HW3: NDArray[np.uint8]) -> None:
        """The next RGB uint8 frame (H, W, 3) of the video."""
        left, top, right, bottom = self.plan.cell
        crop = replace(self.plan.crop, left=self.plan.crop.left - left, top=self.plan.crop.top - top)
        square_SS3 = crop_and_resize(image_HW3[top:bottom, left:right], crop, self._size)
        number = len(self._faces)
        self._writer.write(square_SS3, number / self._rate)
        faces = self._landmarker.detect(square_SS3)
        face = faces[0] if faces else None
        self._faces.append(face)
        if any(number in moment for moment in self._text_samples):
            grey = Image.fromarray(square_SS3).convert("L").resize((TEXT_SIDE, TEXT_SIDE))
            self._text[number] = np.asarray(grey)
            self._seams.add(self._text[number])
        if face is None:
            return
        self._others += any(other.area > _OTHER * face.area for other in faces[1:])
        self._sharpness.append(sharpness(square_SS3, face.box))
        self._colours.append(skin_colours(square_SS3, face.landmarks[:_FACE_POINTS]))
        if self._embedder is not None and number in self._identity_at:
            self._embeddings.append(self._embedder.embed(square_SS3, face))

    def finish(self) -> tuple[ClipRecord, bytes, Regions]:
        """The measured record, the MP4 file and the regions of its frames."""
        self._writer.finish()
        self._writer.close()
        regions = regions_of(self._faces, self._size)
        count = len(self._faces)
        record = replace(
            self.plan.record,
            frames=count,
            fps=float(self._rate),
            seen=round(len(self._colours) / count, 4),
            others=round(self._others / count, 4),
            seam=round(self._seams.longest(), 4),
        )
        if self._colours:
            record = self._measured(record, regions)
        return record, self._file.getvalue(), regions

    def _measured(self, record: ClipRecord, regions: Regions) -> ClipRecord:
        faces = [face for face in self._faces if face is not None]
        landmarks_TP2 = np.stack([face.landmarks[:_FACE_POINTS] for face in faces])
        left, top, right, bottom = np.median([face.box for face in faces], 0).tolist()
        moments_NTSS = np.stack([[self._text[k], self._text[later]] for k, later in self._text_samples])
        scale = TEXT_SIDE / self._size
        embedding = np.mean(self._embeddings, 0).round(6).tolist() if self._embeddings else None
        return replace(
            record,
            face=round(max(right - left, bottom - top) / self._size, 4),
            sharpness=round(float(np.median(self._sharpness)), 4),
            movement=round(movement(landmarks_TP2), 5),
            shake=round(shake(landmarks_TP2), 5),
            occlusion=round(occlusion(np.stack(self._colours), landmarks_TP2, regions, self._size), 4),
            text=count_text_strokes(moments_NTSS, (left * scale, top * scale, right * scale, bottom * scale)),
            skin=round(skin_share(np.stack(self._colours)), 4),
            embedding=tuple(embedding) if embedding else None,
        )
