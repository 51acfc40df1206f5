"""The pictures of the interpretation report: charts as SVG, and strips of faces, which are drawn once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from liax.marking.output import marked_file, picture_marker
from liax.options import MarkOptions, SourceOptions
from liax.portrait.animator import Animator
from liax.portrait.edit_vector import edit_vector
from liax.portrait.manipulate import five_values
from liax.portrait.provenance import provenance_of
from liax.portrait.source import Source, open_portrait
from liax.progress import Progress, no_progress
from liax.report.charts import ACCENT, COOL, INK, MUTED, WARM, Chart
from liax.weights.controls import Control, Controls

_LINES = (ACCENT, WARM, COOL, INK, MUTED)


def requested_vs_measured_chart(
    name: str,
    unit: str,
    asked_A: Sequence[float],
    got_PA: NDArray[np.float64],
    *,
    ideal: bool,
    verified: Mapping[str, float] | None = None,
) -> Markup:
    """What is measured on P portraits at the A amounts requested, and its mean.

    Args:
        ideal: Draw the line on which both are the same.
        verified: The control's verified range: draw its tolerance about that line, from low to high.
    """
    chart = Chart(name, 300, 240)
    asked = np.asarray(asked_A, np.float64)
    ends = asked[[0, -1]]
    if verified is not None:
        ends_2, allowed = np.array([verified["low"], verified["high"]]), verified["tolerance"]
        chart.axes.fill_between(
            ends_2, ends_2 - allowed, ends_2 + allowed, color=MUTED, alpha=0.2, linewidth=0
        )
    if ideal:
        chart.axes.plot(ends, ends, color=MUTED, linestyle=(0, (4, 3)), linewidth=1)
    each_PA = np.broadcast_to(asked, got_PA.shape)
    chart.axes.plot(each_PA.ravel(), got_PA.ravel(), "o", color=ACCENT, alpha=0.35, ms=3.5, mew=0)
    seen_A = np.isfinite(got_PA).any(0)
    chart.axes.plot(asked[seen_A], np.nanmean(got_PA[:, seen_A], 0), color=ACCENT, marker="o", ms=4)
    suffix = " (°)" if unit == "deg" else ""
    chart.axes.set(xlabel=f"asked for{suffix}", ylabel=f"measured{suffix}")
    what = f"{name}: measured against asked for"
    return chart.svg(f"{what}, with the ideal line" if ideal else what)


def used_vectors_chart(count_K: Sequence[int]) -> Markup:
    """How many frames (count_K[k]) use k vectors."""
    chart = Chart("Vectors at work in a frame", 360, 240)
    count = np.asarray(count_K)
    last = int(np.flatnonzero(count)[-1])
    chart.axes.bar(np.arange(last + 1), count[: last + 1] / count.sum() * 100, color=ACCENT, width=0.85)
    chart.axes.set(xlabel="vectors used", ylabel="% of frames")
    chart.axes.grid(axis="x", visible=False)
    return chart.svg("Histogram of the number of vectors used in a frame")


def coefficients_chart(alpha_TK: NDArray[np.floating], names: Sequence[str], clip: str) -> Markup:
    """K coefficients over the T measured frames of one clip, each less its mean."""
    chart = Chart("", 360, 240)
    alpha = alpha_TK - alpha_TK.mean(0)
    for k, name in enumerate(names):
        chart.axes.plot(alpha[:, k], color=_LINES[k % len(_LINES)], label=name, linewidth=1.4)
    chart.axes.set(xlabel="frame measured", ylabel="coefficient, less its mean")
    _legend(chart, min(len(names), 5))
    return chart.svg(f"Coefficients of {', '.join(names)} during the clip {clip}")


def scores_chart(names: Sequence[str], values_KS: Sequence[Sequence[float]]) -> Markup:
    """S scores, 0 to 1, of these weights, of their coefficients rotated and shuffled (K = 3)."""
    chart = Chart("", 420, 300)
    place_S = np.arange(len(names))[::-1]
    labels = (("these weights", ACCENT, 1.0), ("rotated", MUTED, 0.8), ("shuffled", MUTED, 0.35))
    for k, (values_S, (label, colour, alpha)) in enumerate(zip(values_KS, labels, strict=True)):
        values = np.array(values_S, np.float64)
        chart.axes.barh(place_S + 0.27 * (1 - k), values, 0.25, color=colour, alpha=alpha, label=label)
    chart.axes.set(xlim=(0, 1), yticks=place_S, yticklabels=names)
    chart.axes.grid(axis="y", visible=False)
    _legend(chart, 3)
    return chart.svg("Scores of these weights beside those of rotated and shuffled coefficients")


def _legend(chart: Chart, columns: int) -> None:
    chart.axes.legend(
        ncols=columns,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        frameon=False,
        fontsize=10,
        labelcolor=INK,
        handlelength=1.2,
        columnspacing=1.2,
    )


# Side of one face in a strip, in pixels, and how well strips are packed.
STRIP_FACE_SIDE, _QUALITY = 144, 85


def draw_strips(
    animator: Animator,
    portraits: Mapping[str, Source],
    controls: Sequence[Control],
    folder: Path,
    *,
    crop: bool = True,
    progress: Progress = no_progress,
) -> list[Path]:
    """One WebP for each control: a row for each portrait, a column for each of `five_values`.

    Args:
        controls: They need not be those of the animator's weights.
        folder: Strips that it holds already, of the same weights, are not drawn again.
        crop: Whether to find the faces first.

    Returns:
        The strips' files, in the order of the controls.
    """
    paths = [folder / f"{_strip_name(control, portraits, crop)}.webp" for control in controls]
    missing = [(c, path) for c, path in zip(controls, paths, strict=True) if not path.exists()]
    if not missing:
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    stills = [open_portrait(animator, portrait, SourceOptions(crop=crop)) for portrait in portraits.values()]
    total = 5 * len(stills) * len(missing)
    for done, (control, path) in enumerate(missing):
        strip = Image.new("RGB", (5 * STRIP_FACE_SIDE, len(stills) * STRIP_FACE_SIDE))
        only = Controls(animator.network.config.vectors, (control,))
        moves = [edit_vector({control.name: value}, only, force=True) for value in five_values(control)]
        for row, portrait in enumerate(stills):
            faces = animator.render(portrait.encoded, [portrait.alpha_M + move_M for move_M in moves])
            for column, face_RR3 in enumerate(faces):
                face = Image.fromarray(face_RR3).resize(
                    (STRIP_FACE_SIDE, STRIP_FACE_SIDE), Image.Resampling.LANCZOS
                )
                strip.paste(face, (column * STRIP_FACE_SIDE, row * STRIP_FACE_SIDE))
            progress("drawing strips", 5 * (done * len(stills) + row + 1), total)
        made = provenance_of(animator, "interpret")
        marked_HW3 = picture_marker(path, made, MarkOptions())(np.asarray(strip))()
        with marked_file(path, made) as file:
            Image.fromarray(marked_HW3).save(file, "WEBP", quality=_QUALITY, method=6)
    return paths


def _strip_name(control: Control, portraits: Iterable[str], crop: bool) -> str:
    """The control's name, and eight digits that differ when what would be drawn differs."""
    drawn = json.dumps([control.to_dict(), list(portraits), crop, STRIP_FACE_SIDE])
    return f"{control.name.strip('#')}-{hashlib.sha256(drawn.encode()).hexdigest()[:8]}"
