"""The page's look: the reports' paper, ink and teal, light and dark. Fonts are the visitor's own.

What Gradio's page lacks in the browser is in studio.js, the face that is dragged in drag.js, curves over time
in timeline.js, and the camera, its sound and figures in live.js, sound.js and figures.js.
"""

from __future__ import annotations

from importlib.resources import files

import gradio as gr

# A class for every place of 0 on a slider's track, in per cent from its left end.
_ZERO_MARKS = "".join(f".liax-zero-{share} {{ --zero: {share}%; }}\n" for share in range(101))
CSS = (files("liax.app") / "studio.css").read_text("utf-8") + _ZERO_MARKS

# Each a function, which runs once, when the page opens.
_SCRIPTS = ("studio.js", "drag.js", "timeline.js", "sound.js", "figures.js", "live.js")
SCRIPT = "() => {\n%s}" % "".join(  # noqa: UP031 - braces
    f"({(files('liax.app') / name).read_text('utf-8').strip()})();\n" for name in _SCRIPTS
)

_FONT = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Helvetica Neue",
    "Noto Sans",
    "sans-serif",
)
_MONO = ("ui-monospace", "SF Mono", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace")

# Gradio's variable -> value. The colours are those of studio.css, which has them for light and dark mode.
_THEME_VARIABLES = {
    "body_background_fill": "var(--paper)",
    "body_text_color": "var(--ink)",
    "body_text_color_subdued": "var(--muted)",
    "background_fill_primary": "var(--card)",
    "background_fill_secondary": "var(--paper)",
    "border_color_primary": "var(--line)",
    "block_background_fill": "var(--card)",
    "block_border_color": "var(--line)",
    "block_border_width": "1px",
    "block_shadow": "none",
    "block_label_background_fill": "var(--card)",
    "block_label_border_color": "var(--line)",
    "block_label_text_color": "var(--muted)",
    "block_title_text_color": "var(--ink)",
    "block_title_text_weight": "500",
    "block_info_text_color": "var(--muted)",
    "panel_background_fill": "transparent",
    "panel_border_color": "transparent",
    "accordion_text_color": "var(--ink)",
    "input_background_fill": "var(--field)",
    "input_border_color": "var(--edge)",
    "input_border_color_focus": "var(--accent)",
    "input_placeholder_color": "var(--muted)",
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "checkbox_background_color": "var(--card)",
    "checkbox_background_color_selected": "var(--accent)",
    "checkbox_border_color": "var(--edge)",
    "checkbox_border_color_focus": "var(--accent)",
    "checkbox_border_color_selected": "var(--accent)",
    "checkbox_label_background_fill": "transparent",
    "checkbox_label_background_fill_hover": "var(--field)",
    "checkbox_label_background_fill_selected": "var(--tint)",
    "checkbox_label_border_color": "var(--edge)",
    "checkbox_label_border_color_selected": "var(--accent)",
    "checkbox_label_text_color": "var(--ink)",
    "checkbox_label_text_color_selected": "var(--ink)",
    "checkbox_shadow": "none",
    "slider_color": "var(--accent)",
    "color_accent": "var(--accent)",
    "color_accent_soft": "var(--tint)",
    "loader_color": "var(--accent)",
    "link_text_color": "var(--accent)",
    "link_text_color_hover": "var(--accent)",
    "link_text_color_active": "var(--accent)",
    "link_text_color_visited": "var(--accent)",
    "button_primary_background_fill": "var(--accent)",
    "button_primary_background_fill_hover": "var(--accent-strong)",
    "button_primary_border_color": "transparent",
    "button_primary_border_color_hover": "transparent",
    "button_primary_text_color": "var(--on)",
    "button_primary_text_color_hover": "var(--on)",
    "button_secondary_background_fill": "var(--card)",
    "button_secondary_background_fill_hover": "var(--field)",
    "button_secondary_border_color": "var(--edge)",
    "button_secondary_border_color_hover": "var(--edge)",
    "button_secondary_text_color": "var(--ink)",
    "button_secondary_text_color_hover": "var(--ink)",
    "button_cancel_background_fill": "var(--card)",
    "button_cancel_background_fill_hover": "var(--field)",
    "button_cancel_border_color": "var(--warm)",
    "button_cancel_border_color_hover": "var(--warm)",
    "button_cancel_text_color": "var(--warm)",
    "button_cancel_text_color_hover": "var(--warm)",
    "button_border_width": "1px",
    "button_large_text_weight": "600",
    "button_transition": "background-color 0.15s, border-color 0.15s",
    "code_background_fill": "var(--field)",
    "error_background_fill": "var(--card)",
    "error_border_color": "var(--warm)",
    "error_icon_color": "var(--warm)",
    "error_text_color": "var(--ink)",
    "input_border_width": "1px",
    "checkbox_border_radius": "4px",
}


def theme() -> gr.themes.Base:
    """The page's theme, with one accent colour. Texts have a contrast of at least 4.5, light and dark."""
    base = gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_lg,
        font=_FONT,
        font_mono=_MONO,
    )
    dark = {
        f"{name}_dark": value for name, value in _THEME_VARIABLES.items() if hasattr(base, f"{name}_dark")
    }
    return base.set(**_THEME_VARIABLES, **dark)
