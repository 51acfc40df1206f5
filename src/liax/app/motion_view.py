"""A clip's motion on the page: its coefficients as numbers, charts over time, and bars for one frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from liax.errors import LiaxError
from liax.evaluation.sparsity import Sparsity, hoyer, sparsity, used
from liax.portrait.motion import Driving
from liax.progress import Progress
from liax.report import number, picture_uri, signed
from liax.report.charts import ACCENT, MUTED, Chart
from liax.weights.controls import Controls

# How many pictures of a clip are kept, spread over it, and their width in pixels.
_THUMBNAILS, _THUMBNAIL_WIDTH = 60, 256


@dataclass(frozen=True)
class ClipMotion:
    """The coefficients of a clip's T ≥ 2 frames.

    Attributes:
        times_T: Seconds since the first frame.
        alpha_TM: Coefficients.
        pictures: Number of a frame -> its picture as a data URI, for some frames; empty for a saved motion.
    """

    times_T: NDArray[np.float64]
    alpha_TM: NDArray[np.float64]
    pictures: Mapping[int, str]

    @cached_property
    def change_TM(self) -> NDArray[np.float64]:
        """The coefficients minus their mean over the clip, so that only motion is left."""
        return self.alpha_TM - self.alpha_TM.mean(0)

    @cached_property
    def used_TM(self) -> NDArray[np.bool_]:
        """Which vectors are at work: those that change by more than 5 % of the frame's largest change."""
        return used(self.change_TM)

    @cached_property
    def hoyer_T(self) -> NDArray[np.float64]:
        """Hoyer's sparsity of each frame's change, 0 to 1; NaN where nothing differs from the mean."""
        return hoyer(self.change_TM)

    @cached_property
    def sparsity(self) -> Sparsity:
        """Sparsity of the whole clip."""
        return sparsity(self.alpha_TM)

    def nearest(self, seconds: float) -> int:
        """Number of the frame nearest to this time, among those with a picture if there are any."""
        frames = np.array(sorted(self.pictures) or range(len(self.times_T)))
        return int(frames[np.abs(self.times_T[frames] - seconds).argmin()])


def read_motion(driving: Driving, progress: Progress) -> ClipMotion:
    """Read a driving's motion.

    Raises:
        LiaxError: If it is a single frame.
    """
    if driving.total == 1:
        raise LiaxError("This shows a single moment, so nothing moves; give a video or a saved motion.")
    wanted = set(np.linspace(0, (driving.total or 1) - 1, _THUMBNAILS).round().astype(int).tolist())
    times, alphas, pictures = [], [], {}
    for index, frame in enumerate(driving.frames()):
        progress("reading the motion", index + 1, driving.total)
        times.append(float(frame.time))
        alphas.append(frame.alpha_M)
        if index in wanted and frame.square_RR3 is not None:
            pictures[index] = picture_uri(frame.square_RR3, _THUMBNAIL_WIDTH)
    return ClipMotion(np.array(times), np.stack(alphas).astype(np.float64), pictures)


def vector_names(controls: Controls) -> Sequence[str]:
    """Names of the motion vectors: "yaw", "jaw + smile" if it is the strongest of both, or "#12"."""
    names: list[list[str]] = [[] for _ in range(controls.count)]
    for control in controls:
        names[max(control.vectors, key=lambda index: abs(control.vectors[index]))].append(control.name)
    return [" + ".join(known) or f"#{index}" for index, known in enumerate(names)]


# Vectors that have a row, and columns of the map over time.
_ROWS, _COLUMNS = 14, 320
_BARS = 8
# Colours of coefficients above and below the mean; they stand out in light and dark mode.
_UP, _DOWN = (221, 101, 72), (72, 138, 205)


def facts_html(motion: ClipMotion) -> Markup:
    """Three numbers about the clip."""
    described = motion.sparsity.centred
    vectors = motion.alpha_TM.shape[1]
    shown = (
        (number(described.used, 1), f"of {vectors} basic movements at work at a time", "on average"),
        (str(described.used_ever), "at work at some time", "the others rest throughout"),
        (
            number(described.hoyer),
            "concentration",
            "0: all move alike · 1: one movement does everything (Hoyer's sparsity)",
        ),
    )
    return _div("liax-facts", [_FACT.format(*fact) for fact in shown])


def charts_html(motion: ClipMotion, names: Sequence[str]) -> Markup:
    """Three charts over time: which vectors move, how many are at work, and how concentrated motion is."""
    figures = (
        (
            _motion_map(motion, names),
            "The liveliest movements, by the names of their sliders; those without one have numbers. Colour "
            "shows how far each is from the clip's average: red one way, blue the other.",
        ),
        (
            _used_chart(motion),
            "How many movements are at work: those above 5 % of the strongest one at that moment.",
        ),
        (_sparsity_chart(motion), "How much a few movements do by themselves, moment by moment."),
    )
    return _div("liax-charts", [_FIGURE.format(*figure) for figure in figures])


def frame_html(motion: ClipMotion, names: Sequence[str], seconds: float) -> Markup:
    """The picture nearest to this time, and a bar for each of its strongest movements."""
    index = motion.nearest(seconds)
    change_M = motion.change_TM[index]
    strongest = [m for m in np.argsort(-np.abs(change_M))[:_BARS] if motion.used_TM[index, m]]
    most = np.abs(motion.change_TM).max() or 1.0
    bars = [
        _BAR.format(
            names[m],
            "up" if change_M[m] > 0 else "down",
            f"{50 * abs(change_M[m]) / most:.1f}",
            signed(change_M[m]),
        )
        for m in strongest
    ]
    count = int(motion.used_TM[index].sum())
    title = f"At {number(motion.times_T[index])} s: {count} of {len(names)} movements at work"
    picture = motion.pictures.get(index)
    seen = [_PICTURE.format(picture, f"What was filmed at {motion.times_T[index]:.2f} s")] if picture else []
    bars_html = _div("liax-bars", [Markup("<h4>{}</h4>").format(title), *bars])
    return _div("liax-moment", [*seen, bars_html])


def _motion_map(motion: ClipMotion, names: Sequence[str]) -> Markup:
    liveliest = [m for m in np.argsort(-motion.sparsity.std_M)[:_ROWS] if motion.sparsity.std_M[m] > 0]
    grid_C = np.linspace(motion.times_T[0], motion.times_T[-1], min(_COLUMNS, len(motion.times_T)))
    nearest_C = np.searchsorted(motion.times_T, grid_C).clip(0, len(motion.times_T) - 1)
    chart = Chart("What moves, and when", 700, 60 + 19 * len(liveliest))
    extent = (motion.times_T[0], motion.times_T[-1], len(liveliest) - 0.5, -0.5)
    chart.axes.imshow(
        _map_colours(motion.change_TM[nearest_C][:, liveliest].T),
        extent=extent,
        aspect="auto",
        interpolation="none",
    )
    chart.axes.set(xlabel="seconds", yticks=range(len(liveliest)), yticklabels=[names[m] for m in liveliest])
    chart.axes.grid(visible=False)
    return chart.svg(f"Map of the {len(liveliest)} liveliest movements over time")


def _map_colours(change_KC: NDArray[np.float64]) -> NDArray[np.uint8]:
    """RGBA uint8 (K, C, 4): colour by sign, opacity by size; the largest 1 % are opaque."""
    share_KC = (np.abs(change_KC) / (np.quantile(np.abs(change_KC), 0.99) or 1.0)).clip(0, 1)
    colour_KC3 = np.where(change_KC[..., None] > 0, _UP, _DOWN)
    return np.concatenate([colour_KC3, 255 * share_KC[..., None]], -1).astype(np.uint8)


def _used_chart(motion: ClipMotion) -> Markup:
    count_T = motion.used_TM.sum(1)
    chart = Chart("Movements at work", 460, 200)
    chart.axes.step(motion.times_T, count_T, where="mid", color=ACCENT, linewidth=1.3)
    chart.axes.axhline(count_T.mean(), color=MUTED, linestyle=(0, (4, 3)), linewidth=1)
    chart.axes.set(xlabel="seconds", ylim=(0, count_T.max() + 1))
    return chart.svg(f"How many movements are at work over time; {count_T.mean():.1f} on average")


def _sparsity_chart(motion: ClipMotion) -> Markup:
    mean = np.nanmean(motion.hoyer_T) if np.isfinite(motion.hoyer_T).any() else np.nan
    chart = Chart("Concentration", 460, 200)
    chart.axes.plot(motion.times_T, motion.hoyer_T, color=ACCENT, linewidth=1.3)
    chart.axes.axhline(mean, color=MUTED, linestyle=(0, (4, 3)), linewidth=1)
    chart.axes.set(xlabel="seconds", ylim=(0, 1))
    return chart.svg(f"Hoyer's sparsity over time; {mean:.2f} on average")


_FACT = Markup(
    '<div class="liax-fact"><p class="value">{}</p><p class="label">{}</p><p class="note">{}</p></div>'
)
# On a phone one moves along it, so it can have the focus.
_FIGURE = Markup('<figure tabindex="0">{}<figcaption>{}</figcaption></figure>')
_PICTURE = Markup('<img src="{}" alt="{}">')
_BAR = Markup(
    '<div class="liax-bar"><span>{}</span>'
    '<span class="track"><span class="{}" style="width:{}%"></span></span>'
    '<span class="amount">{}</span></div>'
)


def _div(name: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<div class="{}">{}</div>').format(name, Markup().join(parts))
