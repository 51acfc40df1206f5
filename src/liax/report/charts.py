"""Charts as SVG inside the page, in the page's own colours, light or dark; needs matplotlib (`evaluate`)."""

from __future__ import annotations

import io
import re
from html import escape
from typing import Any

from markupsafe import Markup

# What is drawn in one of these colours takes the colour of that name of the page's style sheet.
INK, MUTED, LINE, ACCENT, WARM, COOL, PAPER = (f"#0{k}0{k}0{k}" for k in range(1, 8))
_VARIABLES = dict(
    zip(
        (INK, MUTED, LINE, ACCENT, WARM, COOL, PAPER),
        ["ink", "muted", "line", "accent", "warm", "cool", "paper"],
        strict=True,
    )
)
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "liax",  # the same chart has the same names inside
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 10,
}


class Chart:
    """One chart: draw on `axes` (matplotlib) with the colours above, then put `svg()` into the page.

    Args:
        title: Above it.
        width, height: In the page's pixels at most; a chart of 360 is readable on a phone.
    """

    def __init__(self, title: str, width: int = 360, height: int = 240) -> None:
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        self._width = width
        with rc_context(_STYLE):
            self._figure = Figure((width / 72, height / 72), layout="constrained")
            self._figure.patch.set_alpha(0)
            self.axes: Any = self._figure.add_subplot()
            self.axes.patch.set_alpha(0)
            self.axes.set_title(title)

    def svg(self, label: str) -> Markup:
        """The chart for the page; `label` says in words what it shows to those who cannot see it."""
        from matplotlib import rc_context

        drawn = io.StringIO()
        with rc_context(_STYLE):
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            self._figure.savefig(drawn, format="svg", metadata=nothing)
        text = drawn.getvalue().replace("xlink:href", "href")
        for colour, name in _VARIABLES.items():
            text = text.replace(colour, f"var(--{name})")
        view = re.search(r'viewBox="[^"]*"', text)
        assert view is not None
        inner = text[text.index(">", view.end()) + 1 :]
        width = f"max-width:{self._width}px"
        return Markup(
            f'<svg class="chart" style="{width}" role="img" aria-label="{escape(label)}" {view[0]}>{inner}'
        )
