"""Metrics of faces: errors and following by MediaPipe, identity by dlib."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.data.manifest import is_within_shard
from liax.evaluation.clips import Clip, select_frames
from liax.evaluation.faces import NAME, FaceReader, Faces, face_errors, faces_of
from liax.evaluation.following import follow
from liax.evaluation.framing import Seen
from liax.evaluation.identity import SameFace
from liax.evaluation.measures import Batch, Measured, Watch
from liax.face.embed import FaceEmbedder
from liax.face.factors import FACTORS
from liax.face.landmarks import FaceLandmarker
from liax.files import replacing


@dataclass(frozen=True)
class FaceMotion:
    """Errors (where paired) and following over the first `most` frames.

    cache: a folder that keeps what is measured of driving clips, for other runs.
    """

    most: int
    paired: bool
    landmarker: FaceLandmarker
    cache: Path
    name: str = "faces"
    backbone: str = NAME

    def frames(self, count: int) -> NDArray[np.int64]:
        return np.arange(min(count, self.most))

    def begin(self, driving: Clip, seen: Seen, source_RR3: NDArray[np.uint8]) -> Watch:
        return _Moving(self, driving, seen)

    def kept(self, driving: Clip, seen: Seen) -> Faces | None:
        """The driving clip's faces, if these frames of this very file were measured before."""
        path = self.cache / f"{driving.name}.npz"
        if not path.exists():
            return None
        with np.load(path) as arrays:
            if str(arrays["of"]) != _facts(driving, seen):
                return None
            faces = faces_of(arrays)
        count = len(self.frames(seen.count))
        return faces.first(count) if len(faces) >= count else None

    def keep(self, driving: Clip, seen: Seen, faces: Faces) -> None:
        self.cache.mkdir(parents=True, exist_ok=True)
        packed = io.BytesIO()
        arrays: dict[str, Any] = {"of": np.array(_facts(driving, seen)), **faces.arrays()}
        np.savez_compressed(packed, **arrays)
        with replacing(self.cache / f"{driving.name}.npz") as file:
            file.write(packed.getbuffer())


class _Moving:
    def __init__(self, measure: FaceMotion, driving: Clip, seen: Seen) -> None:
        self._measure, self._driving, self._seen = measure, driving, seen
        self._kept = measure.kept(driving, seen)
        self._driving_reader = FaceReader(measure.landmarker)
        self._reader = FaceReader(measure.landmarker)

    def add(self, batch: Batch) -> None:
        for output_RR3 in batch.output_BRR3:
            self._reader.add(output_RR3)
        if self._kept is None:
            for driving_RR3 in batch.driving_BRR3:
                self._driving_reader.add(driving_RR3)

    def result(self) -> Measured:
        driving, output = self._kept, self._reader.result()
        if driving is None:
            driving = self._driving_reader.result()
            self._measure.keep(self._driving, self._seen, driving)
        numbers = face_errors(driving, output) if self._measure.paired else {}
        for factor, values in follow(driving.factors_TF, output.factors_TF).items():
            numbers |= {f"{factor} {key}": value for key, value in values.items()}
        numbers |= {"faceless": output.missing / len(output)}
        return Measured(numbers, {"driving": driving.factors_TF, "output": output.factors_TF})


def _facts(driving: Clip, seen: Seen) -> str:
    """What changes whenever the clip's faces could."""
    path = driving.path
    if is_within_shard(path):
        content = path.name  # a shard's name changes with what is in it
    else:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        content = f"{sum(file.stat().st_size for file in files)} bytes"
    return f"{content}, {seen.count} frames, {seen.framing}, {','.join(FACTORS)}"


@dataclass(frozen=True)
class Identity:
    """Likeness of output faces to the source's, on the frames that are compared."""

    most: int | None
    landmarker: FaceLandmarker
    embedder: FaceEmbedder
    name: str = "identity"
    backbone: str = SameFace.name

    def frames(self, count: int) -> NDArray[np.int64]:
        return select_frames(count, self.most)

    def begin(self, driving: Clip, seen: Seen, source_RR3: NDArray[np.uint8]) -> Watch:
        return _Same(self, source_RR3)


class _Same:
    def __init__(self, measure: Identity, source_RR3: NDArray[np.uint8]) -> None:
        self._landmarker = measure.landmarker
        found = measure.landmarker.detect(source_RR3)
        self._same = SameFace(measure.embedder, source_RR3, found[0]) if found else None
        self._last_RR3: NDArray[np.uint8] | None = None
        self._rows: list[tuple[float, float]] = []

    def add(self, batch: Batch) -> None:
        for output_RR3 in batch.output_BRR3:
            if self._last_RR3 is not None and np.array_equal(output_RR3, self._last_RR3):
                self._rows.append(self._rows[-1])
                continue
            self._last_RR3 = output_RR3
            face = next(iter(self._landmarker.detect(output_RR3)), None)
            if self._same is None:
                self._rows.append((np.nan, np.nan))
            else:
                like = self._same.compare(output_RR3, face)
                self._rows.append((like.cosine, like.distance))

    def result(self) -> Measured:
        rows_T2 = np.array(self._rows)
        known = rows_T2[np.isfinite(rows_T2[:, 0])]
        cosine, distance = known.mean(0).tolist() if len(known) else (np.nan, np.nan)
        return Measured({"identity_cosine": cosine, "identity_distance": distance}, {"likeness": rows_T2})
