"""One clip: measure its outputs, keep the numbers as JSON + npz and a contact sheet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.face.landmarks import FaceLandmarker
from selfreenactment.clips import Clip
from selfreenactment.drawing import Drawn, Protocol
from selfreenactment.following import FACTORS, follow, measure_faces
from selfreenactment.sheets import contact_sheet, liveliest

METRICS = ("l1", "psnr", "ssim")


def evaluate(
    clip: Clip,
    drawn: Drawn,
    frames_THW3: NDArray[np.uint8],
    protocol: Protocol,
    landmarker: FaceLandmarker | None,
    cache: Path | None,
    folder: Path,
) -> None:
    """Write <clip>.json, .npz and .png into `folder`; the JSON comes last and marks the clip as done."""
    arrays: dict[str, Any] = {"compared": drawn.compared, "scores": drawn.scores_T3}
    record: dict[str, Any] = {
        "clip": clip.name,
        "identity": clip.identity,
        "frames": len(drawn.compared),
        **_means(drawn.scores_T3),
        "without_source": _means(drawn.scores_T3[1:]) if len(drawn.compared) > 1 else None,
    }
    if drawn.alpha_TM is not None:
        arrays["alpha"] = drawn.alpha_TM
    if landmarker is not None:
        followed = min(len(frames_THW3), protocol.follow)  # these are the first that were drawn
        driving_TF = _driving_faces(clip, frames_THW3[:followed], landmarker, cache)
        output_TF = measure_faces(landmarker, drawn.outputs_THW3[:followed])
        arrays |= {"driving_faces": driving_TF, "output_faces": output_TF}
        record["following"] = follow(driving_TF, output_TF)
        record["followed_frames"] = followed
        record["frames_without_output_face"] = int(np.isnan(output_TF[:, 0]).sum())
    np.savez_compressed(folder / f"{clip.name}.npz", **arrays)
    title = f"{clip.name}   L1 {record['l1']:.4f}   PSNR {record['psnr']:.2f}   SSIM {record['ssim']:.3f}"
    places = {i: int(np.searchsorted(drawn.indices, i)) for i in liveliest(frames_THW3, drawn.compared)}
    pictures = {i: drawn.outputs_THW3[place] for i, place in places.items()}
    contact_sheet(frames_THW3, pictures, title).save(folder / f"{clip.name}.png")
    unfinished = folder / f"{clip.name}.json.part"
    unfinished.write_text(json.dumps(record, indent=1))
    unfinished.replace(folder / f"{clip.name}.json")


def read_records(clips: list[Clip], folder: Path) -> list[dict[str, Any]]:
    """What `evaluate` wrote about these clips, in their order."""
    return [json.loads((folder / f"{clip.name}.json").read_text()) for clip in clips]


def read_coefficients(clips: list[Clip], folder: Path) -> list[NDArray[np.float64]]:
    """Coefficients (T, M) of each clip, empty for a subject without."""
    found = []
    for clip in clips:
        with np.load(folder / f"{clip.name}.npz") as arrays:
            if "alpha" in arrays:
                found.append(arrays["alpha"].astype(np.float64))
    return found


def settle(folder: Path, settings: dict[str, Any]) -> None:
    """Make `folder` this run's, or make sure that it is: results of other settings must not mix."""
    path = folder / "settings.json"
    if path.exists():
        if json.loads(path.read_text()) != settings:
            raise LiaxError(f"{folder} holds results of other settings or weights; choose another --out.")
        return
    if folder.exists() and any(folder.iterdir()):
        raise LiaxError(f"{folder} is not empty and holds no benchmark; choose another --out.")
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=1))


def _means(scores_T3: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(METRICS, scores_T3.mean(0).tolist(), strict=True))


def _driving_faces(
    clip: Clip, frames_THW3: NDArray[np.uint8], landmarker: FaceLandmarker, cache: Path | None
) -> NDArray[np.float64]:
    """Measures of the driving faces, from the cache when it knows these frames of this very file."""
    factors = ",".join(FACTORS)
    path = cache / f"{clip.name}.npz" if cache else None
    size = clip.path.stat().st_size
    if path is not None and path.exists():
        with np.load(path) as kept:
            faces_TF: NDArray[np.float64] = kept["faces"]
            if kept["factors"] == factors and kept["bytes"] == size and len(faces_TF) >= len(frames_THW3):
                return faces_TF[: len(frames_THW3)]
    faces_TF = measure_faces(landmarker, frames_THW3)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, faces=faces_TF, factors=factors, bytes=size)
    return faces_TF
