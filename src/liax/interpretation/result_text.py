"""The results in words: tables of texts for the page and for results.md, and sentences that sum them up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from liax.report import number, percent, signed, whole

Results = Mapping[str, Any]

SCORES = {
    "disentanglement": "Disentanglement (DCI)",
    "completeness": "Completeness (DCI)",
    "informativeness": "Informativeness (DCI)",
    "mig": "Mutual information gap (MIG)",
    "sap": "Separated predictability (SAP)",
}


class Table(NamedTuple):
    """A table of texts.

    Args:
        columns: Their names.
        rows: Their texts, the first of which names the row.
    """

    columns: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        lines = [self.columns, ["---"] + ["---:"] * (len(self.columns) - 1), *self.rows]
        return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def first_verification(results: Results, control: Results) -> Results:
    """What the first instrument measured of a control on the people who were held out."""
    return control["verified"][next(iter(results["instruments"]))]


def controls_table(results: Results) -> Table:
    """A row for each control: its ranges, how much of an amount arrives, and what else it moves."""
    others = list(results["instruments"])[1:]
    rows = []
    for control in results["controls"]:
        found = first_verification(results, control)
        vectors = [f"#{m}" for m in sorted(map(int, control["vectors"]))]
        second = [control["verified"].get(other, {}).get("gain") for other in others]
        into = [f"{name} {percent(share)}" for name, share in leaks(results, control)[:2]]
        rows.append(
            [
                control["name"],
                range_text(control),
                verified_range_text(control) or number(None),
                percent(found["within"]),
                amount_text(found["error"], control),
                " ".join(vectors),
                percent(found["gain"]),
                *map(percent, second),
                percent(found["leakage"]),
                ", ".join(into),
                number(found["identity"]),
            ]
        )
    head = ["control", "range", "verified", "tries within", "off by", "vectors", "arrives"]
    head += [f"arrives, by {other}" for other in others]
    return Table([*head, "leaks", "most into", "identity drift"], rows)


def scores_table(group: Results) -> Table:
    """A row for each score, beside those of rotated and of shuffled coefficients."""
    rows = [
        [name, *(number(group[kind][key]) for kind in ("own", "rotated", "shuffled"))]
        for key, name in SCORES.items()
    ]
    return Table(["score", "these weights", "rotated", "shuffled"], rows)


def factors_table(group: Results) -> Table:
    """A row for each factor, with its scores."""
    own = group["own"]
    keys = ("completeness_F", "informativeness_F", "mig_F", "sap_F")
    rows = [
        [factor, *(number(own[key][f]) for key in keys), whole(own["frames_F"][f])]
        for f, factor in enumerate(own["factors"])
    ]
    return Table(["factor", "completeness", "informativeness", "MIG", "SAP", "frames"], rows)


def sparsity_table(results: Results) -> Table:
    """How sparse coefficients are as they are, without their mean, and as changes within a clip."""
    names = {
        "plain": "as they are",
        "centred": "less their mean",
        "change": "change since a clip's first frame",
    }
    rows = []
    for key, name in names.items():
        cell = results["sparsity"][key]
        if cell is not None:
            used = [number(cell["used"], 1), whole(cell["used_ever"])]
            rows.append([name, number(cell["hoyer"], 3), number(cell["gini"], 3), *used])
    return Table(["coefficients", "Hoyer", "Gini", "used in a frame", "used in any frame"], rows)


def vectors_table(results: Results, instrument: str) -> Table:
    """A row for each vector that moves anything: its strongest factor, and how well it moves that."""
    effects = results["effects"][instrument]
    rows = []
    for m, f in enumerate(effects["strongest_M"]):
        if not moves_anything(effects, m):
            continue
        cells = [effects[key][m][f] for key in ("travel_MF", "monotonicity_MF", "linearity_MF", "spread_MF")]
        travel, monotonic, linear, spread = cells
        rows.append(
            [
                f"#{m}",
                effects["factors"][f],
                signed(travel),
                signed(monotonic),
                number(linear),
                percent(spread),
                percent(effects["agreement_MF"][m][f]),
                percent(effects["leakage_M"][m]),
            ]
        )
    names = ["vector", "moves most", "travel", "monotonicity", "linearity", "spread", "agreement", "leaks"]
    return Table(names, rows)


# Usual deviations: a vector that moves nothing this far over its whole range is silent.
_SILENT_BELOW = 0.25


def moves_anything(effects: Results, m: int) -> bool:
    """Whether vector m moves any factor noticeably."""
    return (
        max((abs(travel) for travel in effects["travel_MF"][m] if travel is not None), default=0)
        >= _SILENT_BELOW
    )


def leaks(results: Results, control: Results) -> list[tuple[str, float]]:
    """Other factors with their share of all that the control moves, the largest first."""
    moved = {
        name: abs(amount or 0.0) for name, amount in first_verification(results, control)["moved"].items()
    }
    total = sum(moved.values()) or 1.0
    others = [(name, amount / total) for name, amount in moved.items() if name != control["name"]]
    return sorted(others, key=lambda pair: -pair[1])


def range_text(control: Results) -> str:
    """ "−29° to 29°"."""
    return f"{amount_text(control['low'], control, 3)} to {amount_text(control['high'], control, 3)}"


def verified_range_text(control: Results) -> str:
    """ "±4° in −10° to 12°"; "" without a verified range."""
    if (verified := control["promise"]) is None:
        return ""
    low, high = (amount_text(verified[end], control, 3) for end in ("low", "high"))
    return f"±{amount_text(verified['tolerance'], control)} in {low} to {high}"


def amount_text(value: float | None, control: Results, figures: int = 2) -> str:
    """ "2.1°" of a control in degrees, "0.21" of others."""
    if value is None:
        return number(None)
    text = f"{float(f'{value:.{figures}g}'):g}".replace("-", "−")
    return text + ("°" if control["unit"] == "deg" else "")


Fact = tuple[str, str, str]

# A control that leaks less than the first is called clean; one that leaks more than the second, entangled.
_CLEAN_LEAKAGE, _ENTANGLED_LEAKAGE = 0.35, 0.5
# R² on unseen clips from which a factor counts as read by the network.
_READ_R2 = 0.2
# Degrees that the summary gives as an example.
_ASKED_DEG = 15.0


def summary_sentences(results: Results) -> list[str]:
    """The results in three or four sentences."""
    vectors, controls = results["vectors"], results["controls"]
    sparsity = results["sparsity"]["centred"]
    sentences = [
        f"Of {vectors} motion vectors, {number(sparsity['used'], 0)} are at work in a typical frame. "
        f"{_counted(len(controls), 'control')} could be named and calibrated"
        + (f": {join_words(c['name'] for c in controls)}." if controls else ".")
    ]
    leakage = {control["name"]: first_verification(results, control)["leakage"] for control in controls}
    known = {name: share for name, share in leakage.items() if share is not None}
    clean = sorted((name for name, share in known.items() if share <= _CLEAN_LEAKAGE), key=known.__getitem__)
    if clean:
        keep = "keeps" if len(clean) == 1 else "keep"
        sentences.append(
            f"{_capital(join_words(clean))} {keep} to what the name says: at most "
            f"{percent(_CLEAN_LEAKAGE)} of what they change is anything else."
        )
    turned = [_asked_for(results, control) for control in controls if control["unit"] == "deg"]
    if turned:
        sentences.append(f"On people who took no part in calibration, {join_words(turned)}.")
    missing = factors_without_control(results)
    if missing:
        sentences.append(f"No vector, alone or with others, reliably moves {join_words(missing)}.")
    return sentences


def _asked_for(results: Results, control: Results) -> str:
    """ "yaw=15deg gives 14.6° ± 2.1°", of the verified amount nearest to 15 degrees to either side."""
    found = first_verification(results, control)
    ends = control["promise"] or control
    known = [a for a, asked in enumerate(found["asked"]) if ends["low"] <= asked <= ends["high"] and asked]
    place = min(known, key=lambda a: (abs(abs(found["asked"][a]) - _ASKED_DEG), -found["asked"][a]))
    asked, mean, deviation = (found[key][place] for key in ("asked", "mean_A", "deviation_A"))
    return f"{control['name']}={asked:g}deg gives {number(mean, 1)}° ± {number(deviation, 1)}°"


def headline_numbers(results: Results) -> list[Fact]:
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
        leakages = [first_verification(results, control)["leakage"] for control in controls]
        middle = float(np.nanmedian(np.array(leakages, np.float64)))
        found.append(
            (percent(middle), "median leakage", "share of a control's effect that is something else")
        )
    return found


def entangled(results: Results) -> list[str]:
    """What is not disentangled, one sentence each, the worst first."""
    sentences = []
    leakage = {
        control["name"]: first_verification(results, control)["leakage"] for control in results["controls"]
    }
    for control in sorted(results["controls"], key=lambda control: -(leakage[control["name"]] or 0)):
        share = leakage[control["name"]]
        if share is None or share < _ENTANGLED_LEAKAGE:
            continue
        others = join_words(f"{name} ({percent(part)})" for name, part in leaks(results, control)[:2])
        sentences.append(
            f"{control['name']}: {percent(share)} of what it moves is something else, mostly {others}."
        )
    reads = _informed(results)
    for factor in factors_without_control(results):
        seen = reads.get(factor)
        if seen is None:
            sentences.append(f"{factor}: no control.")
        elif seen >= _READ_R2:
            sentences.append(
                f"{factor}: read but not drawn. The coefficients predict it on unseen people "
                f"(R² {number(seen)}), yet moving them does not move it enough, or moves other things more."
            )
        else:
            sentences.append(f"{factor}: neither read (R² {number(seen)} on unseen people) nor drawn.")
    return sentences


def factors_without_control(results: Results) -> list[str]:
    """Factors that the first instrument measures and no control moves."""
    moved = {control["name"] for control in results["controls"]}
    return [factor for factor in _known_factors(results) if factor not in moved]


def join_words(words: Iterable[str]) -> str:
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
