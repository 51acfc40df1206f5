"""What the numbers say, in sentences: what can be steered, how cleanly, and what is not disentangled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from liax.interpretation.tables import leaks, verification
from liax.report import number, percent, whole

Results = Mapping[str, Any]
Fact = tuple[str, str, str]

# A control that leaks less is called clean; one that leaks more is told among what is entangled.
_CLEAN, _ENTANGLED = 0.35, 0.5
# A factor that coefficients predict so well on unseen clips is read by the network.
_READ = 0.2
# What the summary asks angles for.
_ASKED_DEG = 15.0


def summarise(results: Results) -> list[str]:
    """Three or four sentences."""
    vectors, controls = results["vectors"], results["controls"]
    sparsity = results["sparsity"]["centred"]
    sentences = [
        f"Of {vectors} motion vectors, {number(sparsity['used'], 0)} are at work in a typical frame. "
        f"{_counted(len(controls), 'control')} could be named and calibrated"
        + (f": {listed(c['name'] for c in controls)}." if controls else ".")
    ]
    leakage = {control["name"]: verification(results, control)["leakage"] for control in controls}
    known = {name: share for name, share in leakage.items() if share is not None}
    clean = sorted((name for name, share in known.items() if share <= _CLEAN), key=known.__getitem__)
    if clean:
        keep = "keeps" if len(clean) == 1 else "keep"
        sentences.append(
            f"{_capital(listed(clean))} {keep} to what the name says: at most "
            f"{percent(_CLEAN)} of what they change is anything else."
        )
    turned = [_asked_for(results, control) for control in controls if control["unit"] == "deg"]
    if turned:
        sentences.append(f"On people who took no part in calibration, {listed(turned)}.")
    missing = unmoved(results)
    if missing:
        sentences.append(f"No vector, alone or with others, reliably moves {listed(missing)}.")
    return sentences


def _asked_for(results: Results, control: Results) -> str:
    """ "yaw=15deg gives 14.6° ± 2.1°", of what is promised the amount nearest to that, either way."""
    found = verification(results, control)
    ends = control["promise"] or control
    known = [a for a, asked in enumerate(found["asked"]) if ends["low"] <= asked <= ends["high"] and asked]
    place = min(known, key=lambda a: (abs(abs(found["asked"][a]) - _ASKED_DEG), -found["asked"][a]))
    asked, mean, deviation = (found[key][place] for key in ("asked", "mean_A", "deviation_A"))
    return f"{control['name']}={asked:g}deg gives {number(mean, 1)}° ± {number(deviation, 1)}°"


def facts(results: Results) -> list[Fact]:
    """The four numbers that stand at the top: value, label, note."""
    sparsity, controls = results["sparsity"]["centred"], results["controls"]
    found: list[Fact] = [
        (
            number(sparsity["used"], 1),
            f"of {results['vectors']} vectors in a frame",
            f"Hoyer sparsity {number(sparsity['hoyer'])}, where 0 is all alike and 1 a single one",
        ),
        (
            str(len(controls)),
            "named controls",
            f"of {len(_known_factors(results))} movements that were measured",
        ),
    ]
    if results["disentanglement"]:
        group = results["disentanglement"][0]
        own, rotated, shuffled = (number(group[k]["disentanglement"]) for k in ("own", "rotated", "shuffled"))
        found.append(
            (own, "disentanglement", f"DCI, 0 to 1; rotated at random {rotated}, shuffled {shuffled}")
        )
    if controls:
        leakages = [verification(results, control)["leakage"] for control in controls]
        middle = float(np.nanmedian(np.array(leakages, np.float64)))
        found.append(
            (percent(middle), "median leakage", "share of a control's effect that is something else")
        )
    return found


def entangled(results: Results) -> list[str]:
    """What is not disentangled, one sentence each, the worst first."""
    sentences = []
    leakage = {control["name"]: verification(results, control)["leakage"] for control in results["controls"]}
    for control in sorted(results["controls"], key=lambda control: -(leakage[control["name"]] or 0)):
        share = leakage[control["name"]]
        if share is None or share < _ENTANGLED:
            continue
        others = listed(f"{name} ({percent(part)})" for name, part in leaks(results, control)[:2])
        sentences.append(
            f"{control['name']}: {percent(share)} of what it moves is something else, mostly {others}."
        )
    reads = _informed(results)
    for factor in unmoved(results):
        seen = reads.get(factor)
        if seen is None:
            sentences.append(f"{factor}: no control.")
        elif seen >= _READ:
            sentences.append(
                f"{factor}: read but not drawn. The coefficients predict it on unseen people "
                f"(R² {number(seen)}), yet moving them does not move it enough, or moves other things more."
            )
        else:
            sentences.append(f"{factor}: neither read (R² {number(seen)} on unseen people) nor drawn.")
    return sentences


def unmoved(results: Results) -> list[str]:
    """Factors that the first instrument measures and no control moves."""
    moved = {control["name"] for control in results["controls"]}
    return [factor for factor in _known_factors(results) if factor not in moved]


def listed(words: Iterable[str]) -> str:
    """ "a, b and c"."""
    *most, last = [*words] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _informed(results: Results) -> dict[str, float]:
    if not results["disentanglement"]:
        return {}
    own = results["disentanglement"][0]["own"]
    return dict(zip(own["factors"], own["informativeness_F"], strict=True))


def _known_factors(results: Results) -> list[str]:
    return list(next(iter(results["instruments"].values())))


def _counted(count: int, noun: str) -> str:
    return f"{whole(count) if count else 'No'} {noun}{'' if count == 1 else 's'}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
