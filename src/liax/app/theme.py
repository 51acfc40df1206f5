"""How the page looks: the reports' paper, ink and teal, by day and by night; nothing comes from elsewhere."""

from __future__ import annotations

import gradio as gr

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

# From light to dark: 50, 100, 200, …, 900, 950.
_TEAL = gr.themes.Color(
    "#edf7f5",
    "#d5ece8",
    "#abd9d2",
    "#7cc5ba",
    "#4cc2b3",
    "#178f82",
    "#0b7268",
    "#095f57",
    "#094c46",
    "#0a3d39",
    "#052624",
    name="liax-teal",
)
_STONE = gr.themes.Color(
    "#fcfbf8",
    "#f5f3ee",
    "#e3e0d9",
    "#cfccc4",
    "#9da1a8",
    "#7b7f87",
    "#63676f",
    "#3d4148",
    "#32363c",
    "#1c1f23",
    "#15171a",
    name="liax-stone",
)


def theme() -> gr.themes.Base:
    """Calm, with one accent; text on its ground has a contrast of at least 4.5 by day and by night."""
    return gr.themes.Base(
        primary_hue=_TEAL,
        secondary_hue=_TEAL,
        neutral_hue=_STONE,
        radius_size=gr.themes.sizes.radius_lg,
        text_size=gr.themes.sizes.text_md,
        font=_FONT,
        font_mono=_MONO,
    ).set(
        body_background_fill="var(--paper)",
        body_text_color="var(--ink)",
        body_text_color_subdued="var(--muted)",
        background_fill_primary="var(--card)",
        background_fill_secondary="var(--paper)",
        border_color_primary="var(--line)",
        block_background_fill="var(--card)",
        block_border_color="var(--line)",
        block_border_width="1px",
        block_shadow="none",
        block_label_background_fill="var(--card)",
        block_label_border_color="var(--line)",
        block_label_text_color="var(--muted)",
        block_title_text_color="var(--ink)",
        block_title_text_weight="500",
        block_info_text_color="var(--muted)",
        panel_background_fill="transparent",
        panel_border_color="transparent",
        accordion_text_color="var(--ink)",
        input_background_fill="var(--field)",
        input_border_color="var(--edge)",
        input_border_color_focus="var(--accent)",
        input_placeholder_color="var(--muted)",
        input_shadow="none",
        input_shadow_focus="none",
        checkbox_background_color="var(--card)",
        checkbox_background_color_selected="var(--accent)",
        checkbox_border_color="var(--edge)",
        checkbox_border_color_focus="var(--accent)",
        checkbox_border_color_selected="var(--accent)",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_hover="var(--field)",
        checkbox_label_background_fill_selected="var(--tint)",
        checkbox_label_border_color="var(--edge)",
        checkbox_label_border_color_selected="var(--accent)",
        checkbox_label_text_color="var(--ink)",
        checkbox_label_text_color_selected="var(--ink)",
        checkbox_shadow="none",
        slider_color="var(--accent)",
        color_accent="var(--accent)",
        color_accent_soft="var(--tint)",
        loader_color="var(--accent)",
        link_text_color="var(--accent)",
        link_text_color_hover="var(--accent)",
        link_text_color_active="var(--accent)",
        link_text_color_visited="var(--accent)",
        button_primary_background_fill="var(--accent)",
        button_primary_background_fill_hover="var(--accent-strong)",
        button_primary_border_color="transparent",
        button_primary_border_color_hover="transparent",
        button_primary_text_color="var(--on)",
        button_primary_text_color_hover="var(--on)",
        button_secondary_background_fill="var(--card)",
        button_secondary_background_fill_hover="var(--field)",
        button_secondary_border_color="var(--edge)",
        button_secondary_border_color_hover="var(--edge)",
        button_secondary_text_color="var(--ink)",
        button_secondary_text_color_hover="var(--ink)",
        button_cancel_background_fill="var(--card)",
        button_cancel_background_fill_hover="var(--field)",
        button_cancel_border_color="var(--warm)",
        button_cancel_border_color_hover="var(--warm)",
        button_cancel_text_color="var(--warm)",
        button_cancel_text_color_hover="var(--warm)",
        button_border_width="1px",
        button_large_text_weight="600",
        button_transition="background-color 0.15s, border-color 0.15s",
        code_background_fill="var(--field)",
        error_background_fill="var(--card)",
        error_border_color="var(--warm)",
        error_icon_color="var(--warm)",
        error_text_color="var(--ink)",
    )


CSS = """
:root {
  --paper: #fcfbf8; --card: #ffffff; --field: #f5f3ee; --ink: #1e2025; --muted: #5d6169;
  --line: #e3e0d9; --edge: #8a8d93; --tint: #e6f3f1;
  --accent: #0b7268; --accent-strong: #095f57; --warm: #b83d24; --cool: #2463a8; --on: #ffffff;
}
:root.dark, :root .dark {
  --paper: #15171a; --card: #1c1f23; --field: #262a2f; --ink: #e9e7e2; --muted: #a5a9b0;
  --line: #32363c; --edge: #777c84; --tint: #16332f;
  --accent: #4cc2b3; --accent-strong: #74d3c7; --warm: #ee8a70; --cool: #6ea8e8; --on: #0e1513;
}
.gradio-container { max-width: 84rem !important; margin: 0 auto !important; }
h1 { letter-spacing: -0.025em; }

/* The keyboard's place is always seen. */
:is(button, a, summary, input, select, textarea, video, [tabindex]):focus-visible {
  outline: 3px solid var(--accent) !important; outline-offset: 2px !important;
}

/* What is going on, and what came of it. */
.liax-status { min-height: 1.5rem; }
.liax-progress { display: grid; gap: 0.45rem; font-variant-numeric: tabular-nums; }
.liax-progress progress { width: 100%; height: 0.5rem; accent-color: var(--accent); }
.liax-done, .liax-note, .liax-error {
  padding: 0.6rem 0.9rem; margin: 0 0 0.5rem; border-radius: 0 0.5rem 0.5rem 0;
  border-left: 4px solid var(--accent); background: var(--field); color: var(--ink);
  overflow-wrap: anywhere;
}
.liax-note { border-color: var(--cool); }
.liax-error { border-color: var(--warm); }

/* Charts, numbers and strips. */
.liax-facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(11rem, 100%), 1fr)); gap: 0.8rem; margin: 0 0 1rem; }
.liax-fact { padding: 0.8rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 0.7rem; }
.liax-fact p { margin: 0; }
.liax-fact .value { font-size: 1.7rem; line-height: 1.15; font-weight: 600; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.liax-fact .note, .liax-muted, .liax-charts figcaption, .liax-strip figcaption { color: var(--muted); font-size: 0.9rem; line-height: 1.45; }
.liax-charts { display: grid; gap: 1.2rem; }
.liax-charts figure, .liax-strips figure { margin: 0; min-width: 0; }
.chart { display: block; width: 100%; height: auto; overflow: visible; }
.chart text { font-family: inherit !important; }

@media (max-width: 40rem) {
  .gradio-container { padding: 0.6rem !important; }
}
@media (prefers-reduced-motion: reduce) {
  * { animation-duration: 0.01ms !important; transition-duration: 0.01ms !important; }
}
"""
