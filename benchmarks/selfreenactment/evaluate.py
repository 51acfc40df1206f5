"""One clip: draw its frames, measure them, keep the numbers as JSON + npz and a contact sheet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.face.landmarks import FaceLandmarker
from selfreenactment.clips import Clip, read_clip, select_frames
from selfreenactment.fidelity import fidelity
from selfreenactment.following import FACTORS, follow, measure_faces
from selfreenactment.sheets import contact_sheet, liveliest
from selfreenactment.subjects import Copy, Subject, to_unit

METRICS = ("l1", "psnr", "ssim")


@dataclass(frozen=True)
class Protocol:
    """frames: most frames compared per clip, None for all. follow: first frames whose faces are measured."""

    frames: int | None
    follow: int


def evaluate(
    clip: Clip,
    subject: Subject,
    protocol: Protocol,
    landmarker: FaceLandmarker | None,
    cache: Path | None,
    folder: Path,
) -> None:
    """Write <clip>.json, .npz and .png into `folder`; the JSON comes last and marks the clip as done."""
    frames_THW3 = read_clip(clip)
    compared = select_frames(len(frames_THW3), protocol.frames)
    followed = np.arange(min(len(frames_THW3), protocol.follow))
    wanted = np.union1d(compared, followed)
    shown = liveliest(frames_THW3, compared)
    scores: list[NDArray[np.float64]] = []
    coefficients: list[NDArray[np.float32]] = []
    output_faces: list[NDArray[np.float64]] = []
    pictures: dict[int, NDArray[np.uint8]] = {}
    done = 0
    for output_B3HW, alpha_BM in subject.reenact(frames_THW3[0], frames_THW3[wanted]):
        indices = wanted[done : done + len(output_B3HW)]
        done += len(indices)
        if alpha_BM is not None:
            coefficients.append(alpha_BM.numpy())
        kept = np.isin(indices, compared)
        if kept.any():
            target = to_unit(frames_THW3[indices[kept]]).to(output_B3HW.device)
            scores.append(fidelity(output_B3HW[kept], target).double().cpu().numpy())
        eight_bit = (output_B3HW * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        pictures |= {int(i): eight_bit[k] for k, i in enumerate(indices) if i in shown}
        if landmarker is not None:
            rows = [k for k, i in enumerate(indices) if i < len(followed)]
            if isinstance(subject, Copy) and output_faces:
                output_faces.append(output_faces[0][:1].repeat(len(rows), axis=0))
            else:
                output_faces.append(measure_faces(landmarker, (eight_bit[k] for k in rows)))
    scores_T3 = np.concatenate(scores)
    arrays: dict[str, Any] = {"compared": compared, "scores": scores_T3}
    record: dict[str, Any] = {
        "clip": clip.name,
        "identity": clip.identity,
        "frames": len(compared),
        **_means(scores_T3),
        "without_source": _means(scores_T3[1:]) if len(scores_T3) > 1 else None,
    }
    if coefficients:
        arrays["alpha"] = np.concatenate(coefficients)
    if landmarker is not None:
        driving_TF = _driving_faces(clip, frames_THW3[: len(followed)], landmarker, cache)
        output_TF = np.concatenate(output_faces)
        arrays |= {"driving_faces": driving_TF, "output_faces": output_TF}
        record["following"] = follow(driving_TF, output_TF)
        record["followed_frames"] = len(followed)
        record["frames_without_output_face"] = int(np.isnan(output_TF[:, 0]).sum())
    np.savez_compressed(folder / f"{clip.name}.npz", **arrays)
    title = f"{clip.name}   L1 {record['l1']:.4f}   PSNR {record['psnr']:.2f}   SSIM {record['ssim']:.3f}"
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
