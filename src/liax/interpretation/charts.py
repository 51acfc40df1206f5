"""The charts of the interpretation report, as SVG for the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from liax.report.charts import ACCENT, COOL, INK, MUTED, WARM, Chart

_LINES = (ACCENT, WARM, COOL, INK, MUTED)


def asked_and_got(
    name: str, unit: str, asked_A: Sequence[float], got_PA: NDArray[np.float64], tolerance: float
) -> Markup:
    """What portraits measured (P, A) where A values were asked for, the ideal, and `tolerance` about it."""
    chart = Chart(name, 300, 260)
    asked = np.asarray(asked_A, np.float64)
    ends = np.array([asked.min(), asked.max()])
    chart.axes.fill_between(ends, ends - tolerance, ends + tolerance, color=MUTED, alpha=0.14, linewidth=0)
    chart.axes.plot(ends, ends, color=MUTED, linestyle=(0, (4, 3)), linewidth=1)
    chart.axes.plot(
        np.broadcast_to(asked, got_PA.shape).ravel(),
        got_PA.ravel(),
        "o",
        color=ACCENT,
        alpha=0.35,
        ms=3,
        mew=0,
    )
    chart.axes.plot(asked, np.nanmean(got_PA, 0), color=ACCENT, marker="o", ms=4)
    suffix = f" ({unit})" if unit else ""
    chart.axes.set(xlabel=f"asked for{suffix}", ylabel=f"measured{suffix}")
    return chart.svg(f"{name}: measured against asked for, with the ideal line")


def used_vectors(count_K: Sequence[int]) -> Markup:
    """How many frames (count_K[k]) use k vectors."""
    chart = Chart("Vectors at work in a frame", 360, 240)
    count = np.asarray(count_K)
    last = int(np.flatnonzero(count)[-1])
    chart.axes.bar(np.arange(last + 1), count[: last + 1] / count.sum() * 100, color=ACCENT, width=0.85)
    chart.axes.set(xlabel="vectors used", ylabel="% of frames")
    chart.axes.grid(axis="x", visible=False)
    return chart.svg("Histogram of the number of vectors used in a frame")


def course(alpha_TK: NDArray[np.floating], names: Sequence[str], clip: str) -> Markup:
    """K coefficients over the T measured frames of one clip, each less its mean."""
    chart = Chart("Coefficients during one clip", 360, 240)
    alpha = alpha_TK - alpha_TK.mean(0)
    for k, name in enumerate(names):
        chart.axes.plot(alpha[:, k], color=_LINES[k % len(_LINES)], label=name, linewidth=1.4)
    chart.axes.set(xlabel="frame measured", ylabel="coefficient, less its mean")
    chart.axes.legend(ncols=min(len(names), 3), loc="upper center", bbox_to_anchor=(0.5, -0.22))
    return chart.svg(f"Coefficients of {', '.join(names)} during the clip {clip}")


def against(
    x_N: NDArray[np.floating], y_N: NDArray[np.floating], title: str, across: str, along: str
) -> Markup:
    """Points of two measures of the same thing, and the line on which they agree."""
    chart = Chart(title, 320, 270)
    low = float(np.nanmin([x_N, y_N]))
    high = float(np.nanmax([x_N, y_N]))
    chart.axes.plot([low, high], [low, high], color=MUTED, linestyle=(0, (4, 3)), linewidth=1)
    chart.axes.plot(x_N, y_N, "o", color=ACCENT, alpha=0.6, ms=4, mew=0)
    chart.axes.set(xlabel=across, ylabel=along)
    return chart.svg(f"{title}: {along} against {across}")
