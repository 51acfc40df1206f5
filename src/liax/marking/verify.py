"""What a file says of how it was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import av

from liax.bounded import parse_json, short
from liax.errors import LiaxError
from liax.files import check_input
from liax.marking import manifest
from liax.marking.certificate import ORGANIZATION
from liax.marking.output import FACTS_TAG, TYPE_TAG
from liax.marking.provenance import LABEL, SYNTHETIC_TYPES
from liax.marking.reading import read_manifests

Finding = Literal["signed", "tagged", "changed", "not synthetic", "damaged", "none"]

_LONGEST = 200  # characters of a text that is shown
_MOST = 100  # manifests, actions and ingredients that are looked at


@dataclass(frozen=True)
class FileMark:
    """What one file says.

    Args:
        path: The file.
        finding: "signed": a manifest says that it is synthetic, and its signature fits the content. "tagged":
            tags that anybody can write say so. "changed": a manifest is there, but the content or the
            manifest was changed after it was signed. "not synthetic": a manifest fits, but does not say that
            it is synthetic. "damaged": a manifest is there that cannot be read.
        facts: What liax wrote: operation, weights, version, ingredients; empty of other tools' manifests.
        tool: The program that signed last, with its version.
        signer: The organization in its certificate.
        self_made: Whether that is a certificate that some liax has made for itself, which proves no name.
        trusted: Whether the certificate is on a list of those that are.
        problem: Why, if the mark does not hold.
    """

    path: Path
    finding: Finding
    facts: dict[str, Any]
    tool: str = ""
    signer: str = ""
    self_made: bool = False
    trusted: bool = False
    problem: str = ""

    @property
    def marked(self) -> bool:
        """Whether it says that it is synthetic, and nothing speaks against that."""
        return self.finding in ("signed", "tagged")


def read_mark(path: Path) -> FileMark:
    """What `path` says; any file may be given.

    Raises:
        LiaxError: If it cannot be read, or has a manifest and the package that reads these is missing.
    """
    check_input(path, "file")
    with path.open("rb") as file:
        kind = _kind(file.read(16))
    if kind == "video/webm":
        return _tagged(path, "matroska")
    if kind is None:
        return FileMark(path, "none", {}, problem="it is of no kind that liax marks")
    if manifest.c2pa() is None:
        raise LiaxError(
            "The package c2pa-python is not installed, or does not run here, and only it reads marks",
            "install liax again",
        )
    try:
        told = read_manifests(path, kind)
    except LiaxError as error:
        return FileMark(path, "damaged", {}, problem=str(error))
    if told is not None:
        return _of_manifests(path, told)
    return _tagged(path, "mov") if kind == "video/mp4" else FileMark(path, "none", {})


def _kind(start: bytes) -> str | None:
    """What a file is by its first 16 bytes; None for what liax does not write."""
    if start[4:8] == b"ftyp":
        return "video/mp4"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    kinds = {
        b"\x89PNG": "image/png",
        b"\xff\xd8\xff": "image/jpeg",
        b"GIF8": "image/gif",
        b"\x1a\x45\xdf\xa3": "video/webm",
    }
    return next((kind for magic, kind in kinds.items() if start.startswith(magic)), None)


def _of_manifests(path: Path, told: dict[str, Any]) -> FileMark:
    """What a reader's report says; none of its shapes is taken for granted."""
    manifests = _dict(told.get("manifests"))
    active = _dict(manifests.get(str(told.get("active_manifest"))))
    tool = _dict(_first(active.get("claim_generator_info")))
    signature = _dict(active.get("signature_info"))
    signer = _text(signature.get("issuer"))
    state = told.get("validation_state")
    holds = state in ("Valid", "Trusted")
    facts = _facts(manifests)
    synthetic = any(map(_says_synthetic, list(manifests.values())[:_MOST]))
    return FileMark(
        path,
        ("signed" if synthetic else "not synthetic") if holds else "changed",
        facts,
        " ".join(filter(None, (_text(tool.get("name")), _text(tool.get("version"))))),
        signer,
        signer == ORGANIZATION,
        state == "Trusted",
        "" if holds else _failure(told),
    )


def _facts(manifests: dict[str, Any]) -> dict[str, Any]:
    """What liax wrote into the last manifest that has it."""
    for one in reversed(list(manifests.values())[:_MOST]):
        for assertion in _list(_dict(one).get("assertions")):
            if _dict(assertion).get("label") == LABEL:
                return _known(_dict(_dict(assertion).get("data")))
    return {}


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts that liax writes, as text of bounded length."""
    known: dict[str, Any] = {
        name: _text(facts[name]) for name in ("operation", "weights", "version") if name in facts
    }
    ingredients = [
        {name: _text(_dict(one)[name]) for name in ("role", "sha256") if name in _dict(one)}
        for one in _list(facts.get("ingredients"))
    ]
    return known | ({"ingredients": ingredients} if ingredients else {})


def _says_synthetic(one: object) -> bool:
    for assertion in _list(_dict(one).get("assertions")):
        label = _dict(assertion).get("label")
        if isinstance(label, str) and label.startswith("c2pa.actions"):
            actions = _list(_dict(_dict(assertion).get("data")).get("actions"))
            if any(_dict(action).get("digitalSourceType") in SYNTHETIC_TYPES for action in actions):
                return True
    return False


def _failure(told: dict[str, Any]) -> str:
    """The first thing that does not fit."""
    results = _dict(_dict(told.get("validation_results")).get("activeManifest"))
    failures = [_dict(failure) for failure in _list(results.get("failure"))]
    texts = [
        _text(failure.get("explanation"))
        for failure in failures
        if failure.get("code") != "signingCredential.untrusted"
    ]
    return next(filter(None, texts), "the content or the manifest was changed")


def _tagged(path: Path, format: str) -> FileMark:
    """What the tags of a video say.

    Args:
        format: "matroska" or "mov", which is MP4 too.
    """
    options = {"format_whitelist": format, "protocol_whitelist": "file"}
    try:
        with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
            found = {name.upper(): text for name, text in container.metadata.items()}
    except (av.FFmpegError, OSError, ValueError) as error:
        return FileMark(path, "damaged", {}, problem=f"it cannot be opened ({short(error)})")
    if found.get(TYPE_TAG) not in SYNTHETIC_TYPES:
        return FileMark(path, "none", {})
    try:
        facts = _known(_dict(parse_json(found.get(FACTS_TAG, "{}"))))
    except ValueError:
        facts = {}
    return FileMark(path, "tagged", facts, f"liax {facts['version']}" if "version" in facts else "")


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value[:_MOST] if isinstance(value, list) else []


def _first(value: object) -> object:
    return next(iter(_list(value)), None)


def _text(value: object) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
