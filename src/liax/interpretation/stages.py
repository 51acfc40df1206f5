"""The stages of `liax interpret`; each keeps what it found in the folder of results."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liax.data.manifest import Manifest
from liax.evaluation.perceptual import open_perceptual
from liax.evaluation.sparsity import used
from liax.face.embed import FaceEmbedder
from liax.interpretation.calibration import active_vectors, calibrate_controls, name_vectors, trial_values
from liax.interpretation.dataset import (
    Portraits,
    load_rendered_heads,
    observable_factors,
    observe_rendered_heads,
)
from liax.interpretation.disentanglement import disentanglement, rotated, shuffled
from liax.interpretation.effects import EffectStatistics, describe_effects, measure_effects
from liax.interpretation.guaranteed_range import (
    PairAdditivity,
    measure_additivity,
    verification_amounts,
    verify_control,
    verify_range,
)
from liax.interpretation.instrument import CompositeInstrument, instrument_columns
from liax.interpretation.observe import Observations, load_observations, observe
from liax.interpretation.path_length import path_length
from liax.interpretation.probe import evenly_spaced_amounts, measure_curves
from liax.options import SourceOptions
from liax.portrait.animator import Animator
from liax.portrait.source import Source, open_portrait
from liax.progress import Progress
from liax.report.json_files import json_ready, load_or_make
from liax.weights.controls import Controls

# Coefficients whose course is drawn.
_LIVELIEST = 5
# Calibration: amounts on either side of 0, and portraits at most. Drawing takes most of the time, and more
# people hardly change a mean.
_AMOUNTS, _CALIBRATED_ON = 4, 12
# Portraits on which pairs of edits are measured; pairs are many.
_SUMMED_ON = 6
# Path length: paths, enough for an interval, and portraits at most.
_PATHS, _PATH_PORTRAITS = 60, 8


@dataclass(frozen=True)
class StageContext:
    """What all stages share.

    Args:
        animator: The weights that are measured.
        manifest: Clips and stills.
        portraits: Who is measured, and who is held out.
        instrument: All instruments; the first calibrates.
        identity: Measures identity drift; None without dlib.
        out: The folder of results.
        progress: Called with the stage and what of it is done.
    """

    animator: Animator
    manifest: Manifest
    portraits: Portraits
    instrument: CompositeInstrument
    identity: FaceEmbedder | None
    out: Path
    progress: Progress

    def probe_options(self) -> dict[str, Any]:
        """Keyword arguments of everything that probes portraits."""
        return {"crop": self.portraits.crop, "cache": self.out / "portraits", "progress": self.progress}


def observed_frames(work: StageContext, frames: int) -> Observations:
    """Of at most `frames` frames a clip, by all instruments."""
    path = work.out / "observations.npz"
    if path.exists():
        known = load_observations(path)
        if known.factors == tuple(work.instrument.factors):
            return known
    observed = observe(work.animator, work.manifest, work.instrument, frames, work.progress)
    observed.save(path)
    return observed


def effects_of_vectors(work: StageContext, observed_MV: NDArray[np.float64]) -> dict[str, EffectStatistics]:
    """By instrument: what the vectors that frames use do over their observed ranges."""
    effects = measure_effects(
        work.animator,
        work.portraits.measured,
        observed_MV,
        work.instrument,
        vectors=active_vectors(observed_MV),
        identity=work.identity,
        **work.probe_options(),
    )
    return {
        part.name: describe_effects(effects.by_instrument(part.name), part.factors)
        for part in work.instrument.parts
    }


def calibrated_controls(work: StageContext, observed_MV: NDArray[np.float64]) -> Controls:
    """Named by what vectors do when they are moved far, in units of what the first instrument measures."""
    first, portraits = work.instrument.parts[0], _first(work.portraits.measured, _CALIBRATED_ON)
    values_MV = trial_values(observed_MV)
    tried = measure_effects(
        work.animator,
        portraits,
        values_MV,
        work.instrument,
        vectors=active_vectors(observed_MV),
        **work.probe_options(),
    )
    named = name_vectors(
        describe_effects(tried.by_instrument(first.name), first.factors), values_MV, first.factors
    )
    curves = measure_curves(
        work.animator,
        portraits,
        named,
        {control.name: evenly_spaced_amounts(control, _AMOUNTS) for control in named},
        work.instrument,
        identity=work.identity,
        stage="calibrating controls",
        **work.probe_options(),
    )
    by_first = {name: curve.by_instrument(first.name) for name, curve in curves.items()}
    return calibrate_controls(named, by_first, first.factors)


def verified_controls(work: StageContext, controls: Controls) -> tuple[Controls, list[dict[str, Any]]]:
    """The controls with their verified ranges (`verify_range`), and every control with what each instrument
    measured.

    Both are of the people who are held out.
    """
    curves = measure_curves(
        work.animator,
        work.portraits.held_out,
        controls,
        {control.name: verification_amounts(control) for control in controls},
        work.instrument,
        identity=work.identity,
        stage="verifying controls",
        **work.probe_options(),
    )
    first = work.instrument.parts[0].name
    items = tuple(verify_range(control, curves[control.name].by_instrument(first)) for control in controls)
    found = [
        control.to_dict()
        | {
            "verified": {
                part.name: verify_control(
                    control, curves[control.name].by_instrument(part.name), part.factors
                )
                for part in work.instrument.parts
                if control.name in part.factors
            }
        }
        for control in items
    ]
    return Controls(controls.count, items), found


def additivity_of_edits(work: StageContext, controls: Controls) -> list[PairAdditivity]:
    """How well pairs of controls add up, on the people who are held out, by the first instrument."""
    first, portraits = work.instrument.parts[0], _first(work.portraits.held_out, _SUMMED_ON)
    return measure_additivity(work.animator, portraits, controls, first, **work.probe_options())


def scores_by_instruments(work: StageContext, observed: Observations) -> list[dict[str, Any]]:
    """Disentanglement scores against what each instrument measured; no person is on both sides of a split."""
    identities = sorted({item.identity for item in work.manifest.items})
    people_N = np.array([identities.index(item.identity) for item in work.manifest.items])[observed.clip_N]
    found = []
    for part in work.instrument.parts:
        places, names = instrument_columns(observed.factors, part.name)
        measured = replace(observed, factors_NF=observed.factors_NF[:, places], factors=names)
        title = f"Against what {part.name} measured"
        found.append(_cached_scores(work, title, measured, people_N))
    return found


def scores_by_heads(work: StageContext, folder: Path) -> dict[str, Any]:
    """Scores against the true factors of the rendered heads in `folder`."""
    heads = load_rendered_heads(folder)
    path = work.out / "heads.npz"
    seen = load_observations(path) if path.exists() else None
    if seen is None or not np.array_equal(
        seen.factors_NF, observable_factors(heads.factors_NF), equal_nan=True
    ):
        seen = observe_rendered_heads(work.animator, heads, work.progress)
        seen.save(path)
    return _cached_scores(work, "Against the truth of rendered heads", seen, seen.clip_N)


def smoothness(work: StageContext, observed: Observations) -> dict[str, Any]:
    """The path length and its straightness, with their intervals."""

    def measured() -> dict[str, Any]:
        sources = _first(work.portraits.measured, _PATH_PORTRAITS)
        stills = [
            open_portrait(work.animator, source, SourceOptions(crop=work.portraits.crop))
            for source in sources.values()
        ]
        distance = open_perceptual(device=work.animator.device)
        found = path_length(work.animator, observed, stills, distance, _PATHS, progress=work.progress)
        return {key: value for key, value in asdict(found).items() if not key.endswith("_P")}

    return dict(load_or_make(work.out / "path.json", measured))


def _first(portraits: Mapping[str, Source], count: int) -> dict[str, Source]:
    """The first `count`: everybody's first portrait precedes anybody's second."""
    return dict(list(portraits.items())[:count])


def used_vector_counts(alpha_NM: NDArray[np.floating]) -> NDArray[np.int64]:
    """How many frames use k of the M vectors, less the coefficients' means: (M + 1,)."""
    return np.bincount(used(alpha_NM - alpha_NM.mean(0)).sum(1), minlength=alpha_NM.shape[1] + 1)


def liveliest_coefficients(observed: Observations) -> dict[str, Any]:
    """The liveliest coefficients of the liveliest clip, frame by frame."""
    clips = np.unique(observed.clip_N)
    alphas = [observed.alpha_NM[observed.clip_N == clip] for clip in clips]
    liveliest = max(range(len(clips)), key=lambda k: float(alphas[k].var(0).sum()))
    vectors = np.argsort(-alphas[liveliest].std(0))[:_LIVELIEST]
    name = Path(observed.clips[clips[liveliest]]).stem
    return {"clip": name, "vectors": vectors, "alpha_TK": alphas[liveliest][:, vectors]}


def _cached_scores(
    work: StageContext, title: str, observed: Observations, group_N: NDArray[np.int64]
) -> dict[str, Any]:
    """Scores of the coefficients, and of the same rotated and shuffled."""
    alpha_NM = observed.alpha_NM
    codes: dict[str, NDArray[Any]] = {
        "own": alpha_NM,
        "rotated": rotated(alpha_NM),
        "shuffled": shuffled(alpha_NM),
    }

    def scored() -> dict[str, Any]:
        found: dict[str, Any] = {"title": title, "frames": len(alpha_NM), "people": len(np.unique(group_N))}
        for done, (kind, code_NM) in enumerate(codes.items(), start=1):
            scores = disentanglement(code_NM, observed.factors_NF, observed.factors, group_N)
            means = ("completeness", "informativeness", "mig", "sap")
            found[kind] = json_ready(scores) | {mean: getattr(scores, mean) for mean in means}
            work.progress("scoring", done, len(codes))
        return found

    # The key is of exactly these numbers: instruments and heads may be added to a folder of results.
    digest = hashlib.sha256(title.encode() + alpha_NM.tobytes() + observed.factors_NF.tobytes()).hexdigest()
    return dict(load_or_make(work.out / "scores" / f"{digest[:16]}.json", scored))
