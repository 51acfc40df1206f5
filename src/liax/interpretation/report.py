"""The results as a page that a person enjoys reading, and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from liax.face.embed import SAME_PERSON_DISTANCE
from liax.files import atomic_file
from liax.interpretation import figures
from liax.interpretation.result_text import (
    SCORES,
    Results,
    amount_text,
    controls_table,
    entangled,
    factors_table,
    first_verification,
    headline_numbers,
    join_words,
    moves_anything,
    range_text,
    scores_table,
    sparsity_table,
    summary_sentences,
    vectors_table,
    verified_range_text,
)
from liax.portrait.manipulate import five_values
from liax.report import file_uri, number, percent, render
from liax.weights.controls import Control

# Pairs of edits that are shown.
_WORST_PAIRS = 9


def write_report(results: Results, strips: Mapping[str, Path], out: Path) -> None:
    """report.html and results.md in the folder `out`.

    Args:
        results: As in results.json.
        strips: A control's name -> its picture (`draw_strips`).

    Charts are left out without matplotlib.
    """
    drawable = find_spec("matplotlib") is not None
    effects = [_matrix(results, instrument) for instrument in results["effects"]]
    parts = {
        "controls": ("Controls", _strips(results, strips)),
        "calibration": ("Asked and got", _calibration(results, drawable)),
        "effects": ("Effects", effects),
        "entangled": ("Not disentangled", entangled(results)),
        "scores": ("Scores", [_scores(results, group, drawable) for group in results["disentanglement"]]),
        "sparsity": ("Sparsity", _sparsity(results, drawable)),
        "identity": ("Identity", _identity(results)),
        "sums": ("Sums of edits", _additivity(results)),
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
        summary=summary_sentences(results),
        facts=headline_numbers(results),
        instruments=join_words(results["instruments"]),
        **{key: part for key, (_, part) in parts.items()},
    )
    with atomic_file(out / "results.md") as file:
        file.write(_markdown(results).encode())


def _subtitle(results: Results) -> str:
    size, material, drawing = results["size"], results["material"], results["drawing"]
    return (
        f"{results['vectors']} motion vectors, pictures of {size} × {size}; {material['clips']} clips and "
        f"{material['stills']} stills of {material['people']} people. Drawn on {drawing['device']} in "
        f"{drawing['precision']}, without coefficient limits, rounded to 8 bits. Fingerprint "
        f"{results['fingerprint']}."
    )


def _strips(results: Results, strips: Mapping[str, Path]) -> list[dict[str, Any]]:
    found = []
    for control in results["controls"]:
        if control["name"] not in strips:
            continue
        values = five_values(_control(control))
        share = first_verification(results, control)["leakage"]
        words = [control["meaning"].partition("; leaks")[0], range_text(control)]
        words += [f"verified to {verified_range_text(control)}"] if control["promise"] else []
        words += [f"leaks {percent(share)}"]
        found.append(
            {
                "name": control["name"],
                "group": control["group"],
                "words": " · ".join(words),
                "values": [amount_text(value, control) for value in values],
                "uri": file_uri(strips[control["name"]]),
                "alt": f"Several faces with {control['name']} from {range_text(control)}",
            }
        )
    return found


def _control(values: Results) -> Control:
    vectors = {int(m): amount for m, amount in values["vectors"].items()}
    return Control(values["name"], values["group"], vectors, values["low"], values["high"], values["unit"])


def _calibration(results: Results, drawable: bool) -> dict[str, Any] | None:
    if not results["controls"]:
        return None
    drawn = []
    for control in results["controls"] if drawable else ():
        found = first_verification(results, control)
        got_PA = np.array(found["got_PA"], np.float64)
        drawn.append(
            figures.requested_vs_measured_chart(
                control["name"],
                control["unit"],
                found["asked"],
                got_PA,
                ideal=control["group"] == "head",
                verified=control["promise"],
            )
        )
    return {"charts": drawn, "table": controls_table(results)}


def _matrix(results: Results, instrument: str) -> dict[str, Any]:
    """The heat map of one instrument: vectors that move anything, by the factor that each moves most."""
    effects, vectors = results["effects"][instrument], range(results["vectors"])
    stirring = [m for m in vectors if moves_anything(effects, m)]
    stirring.sort(key=lambda m: (effects["strongest_M"][m], -abs(_travel(effects, m))))
    return {
        "instrument": instrument,
        "rows": [_vector_label(results, m) for m in stirring],
        "columns": effects["factors"],
        "cells": [effects["travel_MF"][m] for m in stirring],
        "after": [("leaks", [percent(effects["leakage_M"][m]) for m in stirring])],
        "silent": [f"#{m}" for m in vectors if m not in stirring],
        "table": vectors_table(results, instrument),
    }


def _vector_label(results: Results, m: int) -> str:
    """ "#0 yaw" of a vector that does most of a control, "#20" of others."""
    names = [
        control["name"]
        for control in results["controls"]
        if int(max(control["vectors"], key=lambda k: abs(control["vectors"][k]))) == m
    ]
    return " ".join([f"#{m}", *names])


def _travel(effects: Results, m: int) -> float:
    return effects["travel_MF"][m][effects["strongest_M"][m]] or 0.0


def _scores(results: Results, group: Results, drawable: bool) -> dict[str, Any]:
    own = group["own"]
    values = [[group[kind][key] for key in SCORES] for kind in ("own", "rotated", "shuffled")]
    names = ["Disentanglement", "Completeness", "Informativeness", "MIG", "SAP"]
    important = [m for m, row in enumerate(own["importance_MF"]) if max(row, default=0) >= 0.1]
    return {
        "title": group["title"],
        "frames": group["frames"],
        "people": group["people"],
        "chart": figures.scores_chart(names, values) if drawable else "",
        "table": scores_table(group),
        "factors": factors_table(group),
        "left_out": [f"{name}: {reason}" for name, reason in own["left_out"].items()],
        "rows": [_vector_label(results, m) for m in important],
        "columns": own["factors"],
        "cells": [own["importance_MF"][m] for m in important],
    }


def _sparsity(results: Results, drawable: bool) -> dict[str, Any]:
    sparsity, course = results["sparsity"], results["course"]
    drawn = []
    if drawable:
        drawn.append(
            (
                figures.used_vectors_chart(results["used_K"]),
                "A low and narrow hill far to the left would be sparse.",
            )
        )
        caption = f"The {len(course['vectors'])} liveliest coefficients during the clip {course['clip']}."
        names = [_vector_label(results, m) for m in course["vectors"]]
        drawn.append(
            (figures.coefficients_chart(np.array(course["alpha_TK"]), names, course["clip"]), caption)
        )
    usage = sorted(enumerate(sparsity["usage_M"]), key=lambda pair: -pair[1])
    return {
        "charts": drawn,
        "table": sparsity_table(results),
        "usage": [(_vector_label(results, m), share, percent(share)) for m, share in usage],
    }


def _identity(results: Results) -> list[tuple[str, float, str]]:
    """Bars of how far controls take a face from itself, full where it would be another person."""
    drifts = [
        (control["name"], first_verification(results, control)["identity"]) for control in results["controls"]
    ]
    known = sorted(((name, drift) for name, drift in drifts if drift is not None), key=lambda pair: -pair[1])
    return [(name, drift / SAME_PERSON_DISTANCE, number(drift)) for name, drift in known]


def _additivity(results: Results) -> dict[str, Any] | None:
    """The pairs of edits that add up worst, as bars, and the pair in the middle."""
    known = [pair for pair in results["sums"] if pair["miss"] is not None]
    if not known:
        return None
    bars = [(f"{p['first']} + {p['second']}", p["miss"], percent(p["miss"])) for p in known[:_WORST_PAIRS]]
    return {"bars": bars, "median": float(np.median([pair["miss"] for pair in known])), "count": len(known)}


def _markdown(results: Results) -> str:
    """What the page says, without pictures."""
    lines = [f"# What {results['name']} has learned", _subtitle(results), *summary_sentences(results)]
    if results["controls"]:
        lines += ["## Controls", controls_table(results).markdown()]
    for instrument in results["effects"]:
        lines += [f"## Effects of vectors, by {instrument}", vectors_table(results, instrument).markdown()]
    for group in results["disentanglement"]:
        lines += [f"## Scores: {group['title']}", scores_table(group).markdown()]
    lines += ["## Sparsity", sparsity_table(results).markdown()]
    if drifts := _identity(results):
        lines += ["## Identity drift", *(f"- {name}: {drift}" for name, _, drift in drifts)]
    if sums := _additivity(results):
        lines += [
            "## Sums of edits",
            f"Median miss of {sums['count']} pairs: {percent(sums['median'])}. Worst:",
        ]
        lines += [f"- {name}: {miss}" for name, _, miss in sums["bars"]]
    if path := results["path_length"]:
        interval = f"({number(path['length_low'], 1)} to {number(path['length_high'], 1)})"
        lines += ["## Smoothness", f"Perceptual path length {number(path['length'], 1)} {interval}, "]
        lines[-1] += f"straightness {number(path['straightness'])}, by {path['distance']}."
    told = entangled(results)
    lines += ["## What is not disentangled", *(f"- {sentence}" for sentence in told)] if told else []
    lines += ["## Made by", *results["left_out"], f"    {results['command']}"]
    return "\n\n".join(lines).replace("\n\n- ", "\n- ") + "\n"
