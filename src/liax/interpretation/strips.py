"""Strips: what each control does to several faces, drawn once and kept as pictures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from liax.files import replacing
from liax.portrait.animator import Animator
from liax.portrait.edits import edit_vector
from liax.portrait.manipulate import five_values
from liax.portrait.still import Source, open_still
from liax.weights.controls import Control, Controls

Progress = Callable[[str, int, int | None], None]

# Side of one face in a strip, in pixels, and how well strips are packed.
SIDE, _QUALITY = 144, 85


def draw_strips(
    animator: Animator,
    portraits: Mapping[str, Source],
    controls: Sequence[Control],
    folder: Path,
    *,
    crop: bool = True,
    progress: Progress | None = None,
) -> list[Path]:
    """One WebP for each control: a row a portrait, a column for each of `five_values`, faces of SIDE pixels.

    controls: in units of their own; they need not be those of the animator's weights. folder: strips that it
    holds already, of the same weights, are not drawn again. crop: find the faces first.
    """
    paths = [folder / f"{_name(control, portraits, crop)}.webp" for control in controls]
    missing = [(c, path) for c, path in zip(controls, paths, strict=True) if not path.exists()]
    if not missing:
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    stills = [open_still(animator, portrait, crop=crop) for portrait in portraits.values()]
    total = 5 * len(stills) * len(missing)
    for done, (control, path) in enumerate(missing):
        strip = Image.new("RGB", (5 * SIDE, len(stills) * SIDE))
        only = Controls(animator.network.config.vectors, (control,))
        moves = [edit_vector({control.name: value}, only, force=True) for value in five_values(control)]
        for row, still in enumerate(stills):
            faces = animator.render(still.encoded, [still.alpha_M + move_M for move_M in moves])
            for column, face_RR3 in enumerate(faces):
                face = Image.fromarray(face_RR3).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
                strip.paste(face, (column * SIDE, row * SIDE))
            if progress is not None:
                progress("drawing strips", 5 * (done * len(stills) + row + 1), total)
        with replacing(path) as file:
            strip.save(file, "WEBP", quality=_QUALITY, method=6)
    return paths


def _name(control: Control, portraits: Iterable[str], crop: bool) -> str:
    """The control's name, and eight digits that differ when what would be drawn differs."""
    drawn = json.dumps([asdict(control), list(portraits), crop, SIDE])
    return f"{control.name.strip('#')}-{hashlib.sha256(drawn.encode()).hexdigest()[:8]}"
