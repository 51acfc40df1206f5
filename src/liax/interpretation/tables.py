"""The results as tables of texts, for the page and for results.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

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
    """columns: their names; rows: of texts, the first of which names the row."""

    columns: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        lines = [self.columns, ["---"] + ["---:"] * (len(self.columns) - 1), *self.rows]
        return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def verification(results: Results, control: Results) -> Results:
    """What the first instrument measured of a control on the people who were held out."""
    return control["verified"][next(iter(results["instruments"]))]


def controls_table(results: Results) -> Table:
    """A control a row: its range, what it promises, what of an amount arrives, and what it leaks."""
    others = list(results["instruments"])[1:]
    rows = []
    for control in results["controls"]:
        found = verification(results, control)
        vectors = [f"#{m}" for m in sorted(map(int, control["vectors"]))]
        second = [control["verified"].get(other, {}).get("gain") for other in others]
        into = [f"{name} {percent(share)}" for name, share in leaks(results, control)[:2]]
        rows.append(
            [
                control["name"],
                span(control),
                promised(control) or number(None),
                percent(found["within"]),
                in_unit(found["error"], control),
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
    """A score a row, beside those of rotated and of shuffled coefficients."""
    rows = [
        [name, *(number(group[kind][key]) for kind in ("own", "rotated", "shuffled"))]
        for key, name in SCORES.items()
    ]
    return Table(["score", "these weights", "rotated", "shuffled"], rows)


def factors_table(group: Results) -> Table:
    """A factor a row with its scores."""
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
    """A vector a row that moves anything: its strongest factor, and how well it moves that."""
    effects = results["effects"][instrument]
    rows = []
    for m, f in enumerate(effects["strongest_M"]):
        if not stirs(effects, m):
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


# A vector that moves nothing by so many usual deviations over its whole range is silent.
_SILENT = 0.25


def stirs(effects: Results, m: int) -> bool:
    """Whether vector m moves any factor noticeably."""
    return (
        max((abs(travel) for travel in effects["travel_MF"][m] if travel is not None), default=0) >= _SILENT
    )


def leaks(results: Results, control: Results) -> list[tuple[str, float]]:
    """Other factors with their share of all that the control moves, the largest first."""
    moved = {name: abs(amount or 0.0) for name, amount in verification(results, control)["moved"].items()}
    total = sum(moved.values()) or 1.0
    others = [(name, amount / total) for name, amount in moved.items() if name != control["name"]]
    return sorted(others, key=lambda pair: -pair[1])


def span(control: Results) -> str:
    """ "−29° to 29°"."""
    return f"{in_unit(control['low'], control, 3)} to {in_unit(control['high'], control, 3)}"


def promised(control: Results) -> str:
    """ "±4° in −10° to 12°"; "" where nothing is promised."""
    if (promise := control["promise"]) is None:
        return ""
    low, high = (in_unit(promise[end], control, 3) for end in ("low", "high"))
    return f"±{in_unit(promise['tolerance'], control)} in {low} to {high}"


def in_unit(value: float | None, control: Results, figures: int = 2) -> str:
    """ "2.1°" of a control in degrees, "0.21" of others."""
    if value is None:
        return number(None)
    text = f"{float(f'{value:.{figures}g}'):g}".replace("-", "−")
    return text + ("°" if control["unit"] == "deg" else "")
