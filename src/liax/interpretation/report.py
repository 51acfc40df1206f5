"""The results as a page that a person enjoys reading, and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from liax.face.embed import SAME_PERSON
from liax.files import replacing
from liax.interpretation import charts
from liax.interpretation.summary import entangled, facts, listed, summarise
from liax.interpretation.tables import (
    controls_table,
    factors_table,
    in_unit,
    leaks,
    scores_table,
    span,
    sparsity_table,
    stirs,
    vectors_table,
)
from liax.portrait.manipulate import five_values
from liax.report import file_uri, number, percent, render
from liax.weights.controls import Control

Results = Mapping[str, Any]

# Degrees that a control may be off by.
TOLERANCE = 4.0
# Coefficients drawn over a clip.
_LINES = 5


def write_report(results: Results, strips: Mapping[str, Path], out: Path) -> None:
    """report.html and results.md in the folder `out`.

    results: as in results.json. strips: a control's name -> its picture (`draw_strips`). Charts are left
    out without matplotlib.
    """
    drawable = find_spec("matplotlib") is not None
    effects = [_matrix(results, instrument) for instrument in results["effects"]]
    parts = {
        "controls": ("Controls", _strips(results, strips)),
        "calibration": ("Asked and got", _calibration(results, drawable)),
        "effects": ("Effects", effects),
        "entangled": ("Not disentangled", entangled(results)),
        "scores": ("Scores", [_scores(group) for group in results["disentanglement"]]),
        "sparsity": ("Sparsity", _sparsity(results, drawable)),
        "identity": ("Identity", _identity(results)),
        "additivity": (
            "Sums of edits",
            [(n, miss, percent(miss)) for n, miss in results["additivity"] or ()],
        ),
        "path": ("Smoothness", results["path_length"]),
    }
    found = [(key, title) for key, (title, part) in parts.items() if part]
    render(
        "interpretation/report.html",
        out / "report.html",
        title=results["name"],
        kicker="What these weights have learned",
        subtitle=_subtitle(results),
        sections=[("summary", "Summary"), *found, ("method", "Method")],
        command=results["command"],
        results=results,
        summary=summarise(results),
        facts=facts(results),
        instruments=listed(results["instruments"]),
        **{key: part for key, (_, part) in parts.items()},
    )
    with replacing(out / "results.md") as file:
        file.write(_markdown(results).encode())


def _subtitle(results: Results) -> str:
    size, material = results["size"], results["material"]
    return (
        f"{results['vectors']} motion vectors, pictures of {size} × {size}; {material['clips']} clips and "
        f"{material['stills']} stills of {material['people']} people. Fingerprint {results['fingerprint']}."
    )


def _strips(results: Results, strips: Mapping[str, Path]) -> list[dict[str, Any]]:
    found = []
    for control in results["controls"]:
        if control["name"] not in strips:
            continue
        values = five_values(_control(control))
        words = [control["meaning"], span(control), f"leaks {percent(control['leakage'])}"]
        most = leaks(control)[:1]
        words[-1] += f", most into {most[0][0]}" if most and control["leakage"] > 0.1 else ""
        found.append(
            {
                "name": control["name"],
                "group": control["group"],
                "words": " · ".join(words),
                "values": [in_unit(value, control) for value in values],
                "uri": file_uri(strips[control["name"]]),
                "alt": f"Several faces with {control['name']} from {span(control)}",
            }
        )
    return found


def _control(values: Results) -> Control:
    vectors = {int(m): amount for m, amount in values["vectors"].items()}
    return Control(values["name"], values["group"], vectors, values["low"], values["high"], values["unit"])


def _calibration(results: Results, drawable: bool) -> dict[str, Any] | None:
    verified = [control for control in results["controls"] if control.get("verified")]
    if not verified:
        return None
    drawn = [
        charts.asked_and_got(
            control["name"],
            control["unit"],
            control["verified"]["asked"],
            np.array(control["verified"]["got"], np.float64),
            TOLERANCE if control["unit"] == "deg" else 0.0,
        )
        for control in verified
        if drawable
    ]
    return {
        "charts": drawn,
        "table": controls_table(results),
    }


def _matrix(results: Results, instrument: str) -> dict[str, Any]:
    """The heat map of one instrument: vectors that move anything, by the factor that each moves most."""
    effects, vectors = results["effects"][instrument], range(results["vectors"])
    names = {
        m: c["name"] for c in results["controls"] for m in map(int, c["vectors"]) if len(c["vectors"]) == 1
    }
    stirring = [m for m in vectors if stirs(effects, m)]
    stirring.sort(key=lambda m: (effects["strongest_M"][m], -abs(_travel(effects, m))))
    return {
        "instrument": instrument,
        "rows": [f"#{m} {names.get(m, '')}".strip() for m in stirring],
        "columns": effects["factors"],
        "cells": [effects["travel_MF"][m] for m in stirring],
        "after": [("leaks", [percent(effects["leakage_M"][m]) for m in stirring])],
        "silent": [f"#{m}" for m in vectors if m not in stirring],
        "table": vectors_table(results, instrument),
    }


def _travel(effects: Results, m: int) -> float:
    return effects["travel_MF"][m][effects["strongest_M"][m]] or 0.0


def _scores(group: Results) -> dict[str, Any]:
    own = group["own"]
    important = [m for m, row in enumerate(own["importance_MF"]) if max(row, default=0) >= 0.1]
    return {
        "title": group["title"],
        "frames": group["frames"],
        "people": group["people"],
        "table": scores_table(group),
        "factors": factors_table(group),
        "left_out": [f"{name}: {reason}" for name, reason in own["left_out"].items()],
        "rows": [f"#{m}" for m in important],
        "columns": own["factors"],
        "cells": [own["importance_MF"][m] for m in important],
    }


def _sparsity(results: Results, drawable: bool) -> dict[str, Any]:
    sparsity, course = results["sparsity"], results["course"]
    drawn = []
    if drawable:
        drawn.append(
            (charts.used_vectors(results["used_K"]), "A low and narrow hill far to the left would be sparse.")
        )
        caption = f"The {len(course['vectors'])} liveliest coefficients of {course['clip']}."
        names = [f"#{m}" for m in course["vectors"]]
        drawn.append((charts.course(np.array(course["alpha_TK"]), names, course["clip"]), caption))
    usage = sorted(enumerate(sparsity["usage_M"]), key=lambda pair: -pair[1])
    return {
        "charts": drawn,
        "table": sparsity_table(results),
        "usage": [(f"#{m}", share, percent(share)) for m, share in usage],
    }


def _identity(results: Results) -> list[tuple[str, float, str]]:
    """Bars of how far controls take a face from itself, full where it would be another person."""
    drifts = {c["name"]: c["verified"]["identity"] for c in results["controls"] if c["verified"]}
    known = sorted(
        ((name, drift) for name, drift in drifts.items() if drift is not None), key=lambda x: -x[1]
    )
    return [(name, drift / SAME_PERSON, number(drift)) for name, drift in known]


def _markdown(results: Results) -> str:
    """What the page says, without pictures."""
    lines = [f"# What {results['name']} has learned", _subtitle(results), *summarise(results)]
    if results["controls"]:
        lines += ["## Controls", controls_table(results).markdown()]
    for instrument in results["effects"]:
        lines += [f"## Effects of vectors, by {instrument}", vectors_table(results, instrument).markdown()]
    for group in results["disentanglement"]:
        lines += [f"## Scores: {group['title']}", scores_table(group).markdown()]
    lines += ["## Sparsity", sparsity_table(results).markdown()]
    if drifts := _identity(results):
        lines += ["## Identity drift", *(f"- {name}: {drift}" for name, _, drift in drifts)]
    if results["additivity"]:
        lines += ["## Sums of edits", *(f"- {name}: {percent(miss)}" for name, miss in results["additivity"])]
    if path := results["path_length"]:
        interval = f"({number(path['length_low'], 1)} to {number(path['length_high'], 1)})"
        lines += ["## Smoothness", f"Perceptual path length {number(path['length'], 1)} {interval}, "]
        lines[-1] += f"straightness {number(path['straightness'])}, by {path['distance']}."
    told = entangled(results)
    lines += ["## What is not disentangled", *(f"- {sentence}" for sentence in told)] if told else []
    lines += ["## Made by", *results["left_out"], f"    {results['command']}"]
    return "\n\n".join(lines).replace("\n\n- ", "\n- ") + "\n"
