"""A slider for each control of the weights, in groups: head, mouth, eyes, brows, gaze."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from liax.portrait.manipulate import VECTOR_REACH
from liax.weights.controls import GROUPS, Control, Controls

_STEPS = 100
# What weights that name nothing offer: their first motion vectors, which are the strongest.
_UNNAMED = 12
_STOPS = "Expressions stop where faces do: who smiles already can smile little more."


class ControlsPanel:
    """The sliders, in the order of `names`, and a button that sets all of them to 0."""

    def __init__(self, controls: Controls) -> None:
        by_group = {group: [c for c in offered(controls) if c.group == group] for group in GROUPS}
        self.names: list[str] = []
        self.sliders: list[gr.Slider] = []
        for group, members in by_group.items():
            if members:
                with gr.Accordion(group.capitalize(), elem_classes="liax-group"), gr.Row():
                    for control in members:
                        self.names.append(control.name)
                        self.sliders.append(_slider(control))
        if controls.reach is not None:
            gr.Markdown(_STOPS)
        self.reset = gr.Button("Reset all", size="sm")
        self.reset.click(
            lambda: [0.0] * len(self.sliders),
            outputs=self.sliders,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )

    def settings(self, values: Sequence[float]) -> dict[str, float]:
        """Control's name -> amount, of the sliders that are not at 0."""
        return {name: value for name, value in zip(self.names, values, strict=True) if value}


def offered(controls: Controls) -> list[Control]:
    """What there is to steer: the controls, or the first motion vectors of weights that name none."""
    return list(controls) or [_unnamed(index) for index in range(min(_UNNAMED, controls.count))]


def _slider(control: Control) -> gr.Slider:
    unit = {"deg": "°"}.get(control.unit, control.unit)
    name = f"{control.name.capitalize()} ({unit})" if unit else control.name.capitalize()
    step = _step(control)
    # Ends on the grid of steps, so that 0 is on it as well.
    low, high = (round(int(round(end / step, 6)) * step, 6) for end in (control.low, control.high))
    return gr.Slider(
        low,
        high,
        value=0.0,
        step=step,
        label=name,
        info=control.movement or None,
        min_width=220,
        buttons=["reset"],
        elem_classes=f"liax-zero-{round(100 * -low / (high - low))}",
    )


def _step(control: Control) -> float:
    """About a hundredth of the range: 1, 2 or 5 times a power of ten."""
    wanted = (control.high - control.low) / _STEPS
    power = 10.0
    while power > wanted:
        power /= 10
    return round(max(factor * power for factor in (1, 2, 5) if factor * power <= wanted), 9)


def _unnamed(index: int) -> Control:
    meaning = "a motion that these weights have no name for"
    return Control(f"#{index}", "other", {index: 1.0}, -VECTOR_REACH, VECTOR_REACH, meaning=meaning)
