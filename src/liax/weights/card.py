"""A model card from the facts that weights carry; nothing in it is written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from liax.bounded import parse_json, printable
from liax.errors import LiaxError
from liax.model import LIAX
from liax.weights.controls import Controls, read_controls
from liax.weights.files import fingerprint

_PAPER = "https://arxiv.org/abs/2508.09959"
_LONGEST = 200  # characters of a fact that is shown
# Metadata that the card's tables show, or that are too long for one.
_TABLED = ("controls", "reach", "training")


def model_card(network: LIAX, repo_id: str | None = None) -> str:
    """The card of a network: YAML for the hub, then how to use it, its controls and its training.

    The licence is the metadata's own ("license", of the hub's names, else "other"): whoever publishes weights
    says under which terms.

    Args:
        repo_id: Where it is published, if that is known.
    """
    config, metadata = network.config, network.metadata
    name = repo_id or metadata.get("name") or "weights"
    place = repo_id or "path/of/this/folder"
    parameters = sum(parameter.numel() for parameter in network.parameters())
    try:
        controls = read_controls(metadata, config.vectors)
    except LiaxError:
        controls = Controls(config.vectors, ())
    lines = [
        "---",
        *_yaml(
            {
                "library_name": "liax",
                "license": metadata.get("license", "other"),
                "pipeline_tag": "image-to-video",
                "tags": ["liax", "portrait-animation", "face-reenactment", "safetensors"],
            }
        ),
        "---",
        "",
        f"# {_cell(name)}",
        "",
        f"Weights for liax, an implementation of [LIA-X]({_PAPER}). A portrait moves like the face in a",
        "video, or by named controls.",
        "",
        "| picture | parameters | motion vectors | fingerprint |",
        "|---|---|---|---|",
        f"| {config.size}² | {parameters / 1e6:.1f} M | {config.vectors} | `{fingerprint(network)}` |",
        "",
        "```python",
        "import liax",
        "",
        f"network = liax.PretrainedLIAX.from_pretrained({json.dumps(place)})",
        "animator = liax.Animator(network)",
        "```",
        "",
        "Animate people only with their consent, and say that the result is synthetic.",
        *_controls(controls),
        *_facts(metadata),
    ]
    return "\n".join(lines) + "\n"


def _controls(controls: Controls) -> list[str]:
    if not len(controls):
        return ["", "The motion vectors have no names."]
    rows = [("control", "group", "range", "verified", "meaning"), ("---",) * 5]
    for control in controls:
        verified = control.verified_text or ""
        rows.append((control.name, control.group, control.range, verified, control.meaning))
    return ["", "## Controls", "", *(f"| {' | '.join(map(_cell, row))} |" for row in rows)]


def _facts(metadata: Mapping[str, str]) -> list[str]:
    rows = [
        f"| {_cell(name)} | {_cell(text)} |"
        for name, text in sorted(metadata.items())
        if name not in _TABLED and len(text) <= _LONGEST
    ]
    runs = _training(metadata)
    lines = ["", "## Facts", "", "| | |", "|---|---|", *rows] if rows else []
    return lines + (["", "## Training", "", *runs] if runs else [])


def _training(metadata: Mapping[str, str]) -> list[str]:
    """A line for each run that made the weights."""
    try:
        runs = parse_json(metadata.get("training", "[]"))
    except ValueError:
        return []
    if not isinstance(runs, list):
        return []
    return [f"{number}. {_cell(_run(run))}" for number, run in enumerate(runs, 1) if isinstance(run, dict)]


def _run(run: Mapping[str, Any]) -> str:
    plain = {name: value for name, value in run.items() if isinstance(value, str | int | float)}
    return ", ".join(f"{name} {value}" for name, value in plain.items())


def _yaml(values: Mapping[str, str | list[str]]) -> list[str]:
    """YAML of texts and lists; JSON's texts are YAML's."""
    return [f"{name}: {json.dumps(value)}" for name, value in values.items()]


def _cell(text: str) -> str:
    """A fact within a line of a table: no markup of its own."""
    plain = printable(text)[:_LONGEST].replace("\n", " ")
    return plain.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
