"""Sliders of the weights' controls."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr
import pytest

from liax.app.components import ControlsPanel
from liax.app.theme import CSS
from liax.portrait.edit_vector import edit_vector
from liax.tracks.presets import PRESETS
from liax.weights import load
from liax.weights.controls import Control, Controls, read_controls


def _panel(controls: Controls) -> ControlsPanel:
    with gr.Blocks(analytics_enabled=False):
        return ControlsPanel(controls, "here")


@pytest.fixture(scope="module")
def bundled() -> Controls:
    network = load("small")
    return read_controls(network.metadata, network.config.vectors)


def test_every_control_has_a_slider_and_its_ends_are_allowed(bundled: Controls) -> None:
    panel = _panel(bundled)
    assert sorted(panel.names) == sorted(control.name for control in bundled)
    for end in ("minimum", "maximum"):
        values = [getattr(slider, end) for slider in panel.sliders]
        edit_vector(panel.settings(values), bundled)  # raises for what is out of range
    for name, slider in zip(panel.names, panel.sliders, strict=True):
        control = bundled[name]
        assert slider.maximum - slider.minimum > 0.97 * (control.high - control.low)
        steps = -slider.minimum / slider.step
        assert steps == pytest.approx(round(steps))  # 0 can be set
        assert slider.info == control.movement


@pytest.mark.parametrize("held", [True, False])
def test_that_expressions_stop_is_told_where_they_do(bundled: Controls, held: bool) -> None:
    with gr.Blocks(analytics_enabled=False) as page:
        ControlsPanel(bundled if held else replace(bundled, limits=None), "here")
    notes = [block.value for block in page.blocks.values() if isinstance(block, gr.Markdown)]
    assert [note.startswith("Expressions stop where faces do") for note in notes] == [True] * held


def test_expressions_set_all_sliders_as_far_as_they_go(bundled: Controls) -> None:
    panel = _panel(bundled)
    offered = [name for name in PRESETS if set(PRESETS[name]) <= set(panel.names)]
    assert len(offered) >= 5
    for name in offered:
        values = dict(zip(panel.names, panel._expression(name), strict=True))
        assert set(panel.settings(list(values.values()))) == set(PRESETS[name])
        edit_vector(panel.settings(list(values.values())), bundled)  # raises for what is out of range
    assert panel.settings(panel._expression("look-left"))["yaw"] == -10


def test_weights_without_the_names_offer_no_expressions() -> None:
    with gr.Blocks(analytics_enabled=False) as page:
        ControlsPanel(Controls(1, (Control("yaw", "head", {0: 0.1}, -20, 20),)), "here")
    assert not any(block.visible for block in page.blocks.values() if isinstance(block, gr.Dropdown))


def test_ends_and_zero_are_where_the_control_has_them() -> None:
    controls = Controls(
        2, (Control("pitch", "head", {0: 0.1}, -6.3, 12, "deg"), Control("jaw", "mouth", {1: 1.0}, 0, 1))
    )
    pitch, jaw = _panel(controls).sliders
    assert (pitch.minimum, pitch.maximum) == (-6.3, 12)
    assert pitch.elem_classes == ["liax-zero-34"]  # 6.3 of 18.3
    assert jaw.elem_classes == ["liax-zero-0"]
    assert ".liax-zero-34 { --zero: 34%; }" in CSS


def test_sliders_come_by_group_with_their_unit() -> None:
    controls = Controls(
        3,
        (
            Control("blink", "eyes", {0: 1.0}, 0, 1),
            Control("yaw", "head", {1: 0.1}, -20, 20, "deg"),
            Control("brow", "brows", {2: 1.0}, -1, 1),
        ),
    )
    panel = _panel(controls)
    assert panel.names == ["yaw", "blink", "brow"]
    assert [slider.label for slider in panel.sliders] == ["Yaw (°)", "Blink", "Brow"]


def test_sliders_at_rest_ask_for_nothing() -> None:
    panel = _panel(Controls(1, (Control("yaw", "head", {0: 0.1}, -20, 20),)))
    assert panel.settings([0.0]) == {}
    assert panel.settings([-3.0]) == {"yaw": -3.0}


def test_weights_without_names_offer_their_first_vectors() -> None:
    controls = Controls(40)
    panel = _panel(controls)
    assert panel.names[:2] == ["#0", "#1"]
    edit_M = edit_vector(panel.settings([slider.maximum for slider in panel.sliders]), controls)
    assert (edit_M[: len(panel.names)] > 0).all()
    assert not edit_M[len(panel.names) :].any()
