"""Results of no network: numbers made up for the tests of summaries, tables and pages."""

from __future__ import annotations

from typing import Any

import numpy as np

from liax.report.json_files import json_ready

FACTORS = ("yaw", "jaw", "gaze-x")
VECTORS = 4


INSTRUMENT, OTHER = "An instrument", "Another"


def control(name: str = "yaw", **found: Any) -> dict[str, Any]:
    """With what the instrument found of it; another sees less."""
    measured = {
        "asked": [-20.0, -15.0, 0.0, 15.0, 20.0],
        "got_PA": [[-18.0, -14.0, 0.0, 13.0, 18.0], [-21.0, -15.5, 0.0, 15.0, None]],
        "mean_A": [-19.5, -14.75, 0.0, 14.0, 18.0],
        "deviation_A": [1.5, 0.75, 0.0, 1.0, 0.0],
        "gain": 0.94,
        "error": 1.25,
        "within": 0.9,
        "identity": 0.3,
        "moved": {"yaw": 1.0, "jaw": 0.3, "gaze-x": -1 / 30},
        "leakage": 0.25,
        **found,
    }
    return {
        "name": name,
        "group": "head",
        "vectors": {"0": 0.05},
        "low": -20.0,
        "high": 20.0,
        "unit": "deg",
        "meaning": "turns to the viewer's right",
        "promise": {"low": -15.0, "high": 15.0, "tolerance": 4.0, "share": 0.9},
        "verified": {INSTRUMENT: measured, OTHER: {**measured, "gain": 0.8}},
    }


def scores(title: str = "Against what an instrument measured") -> dict[str, Any]:
    def one(level: float) -> dict[str, Any]:
        return {
            "factors": ["yaw", "jaw"],
            "left_out": {"gaze-x": "does not vary"},
            "frames_F": [120, 100],
            "importance_MF": [[level, 0.1], [0.1, level], [0.01, 0.01], [0.0, 0.02]],
            "disentanglement": level,
            "completeness": level,
            "informativeness": level,
            "mig": level,
            "sap": level,
            "completeness_F": [level, level],
            "informativeness_F": [level, level / 10],
            "mig_F": [level, level],
            "sap_F": [level, level],
        }

    kinds = {"own": 0.8, "rotated": 0.3, "shuffled": 0.05}
    return {"title": title, "frames": 120, "people": 7} | {kind: one(level) for kind, level in kinds.items()}


def results(**changes: Any) -> dict[str, Any]:
    travel_MF = np.array([[2.0, -0.5, 0.0], [0.1, 1.0, 0.2], [0.0, 0.1, 0.0], [np.nan] * 3])
    factors = {name: {"group": "head", "unit": "", "usual": 1.0, "meaning": "moves"} for name in FACTORS}
    ones_MF = np.ones_like(travel_MF)
    cell = {"hoyer": 0.6, "gini": 0.7, "used": 1.5, "used_ever": 3}
    made: dict[str, Any] = {
        "name": "made-up",
        "command": "liax interpret made-up --data nowhere -o out",
        "drawing": {"device": "cpu (threads: 2)", "precision": "bfloat16", "limits": False},
        "fingerprint": "0123456789abcdef",
        "size": 64,
        "vectors": VECTORS,
        "settings": {"frames": 20, "values": 3},
        "left_out": ["Nothing was measured here; it is made up."],
        "material": {"clips": 3, "stills": 2, "people": 7, "frames": 120},
        "portraits": {"measured": 5, "held_out": 2},
        "instruments": {INSTRUMENT: factors, OTHER: factors},
        "sparsity": {
            "plain": cell,
            "centred": cell,
            "change": cell,
            "effective_rank": 2.5,
            "usage_M": [0.9, 0.5, 0.1, 0.0],
        },
        "used_K": [0, 60, 50, 10, 0],
        "course": {"clip": "a clip", "vectors": [0, 1], "alpha_TK": [[0, 1], [1, 0], [2, 1]]},
        "effects": {
            INSTRUMENT: {
                "factors": FACTORS,
                "travel_MF": travel_MF,
                "monotonicity_MF": ones_MF,
                "linearity_MF": 0.9 * ones_MF,
                "spread_MF": 0.2 * ones_MF,
                "agreement_MF": ones_MF,
                "strongest_M": [0, 1, 1, -1],
                "leakage_M": [0.2, 0.23, 0.0, np.nan],
            }
        },
        "disentanglement": [scores()],
        "path_length": {
            "distance": "ST-LPIPS (AlexNet)",
            "length": 12.3,
            "length_low": 10.0,
            "length_high": 15.0,
            "straightness": 0.8,
        },
        "sums": [
            {"first": "yaw", "second": "jaw", "miss": 0.12},
            {"first": "x", "second": "y", "miss": None},
        ],
        "controls": [control()],
    }
    return dict(json_ready(made | changes))
