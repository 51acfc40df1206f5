"""Own expressions: saved as files, and opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from page_actions import Visit, button, said, slide

from liax.options import Amount
from liax.options_file import read_tables
from liax.tracks.presets import read_expression


def _value(page: Any, label: str) -> Any:
    return page.get_by_label(f"number input for {label}", exact=True).filter(visible=True)


def _becomes(page: Any, label: str, value: float) -> None:
    field = _value(page, label).element_handle()
    page.wait_for_function("([e, v]) => Number(e.value) === v", arg=[field, value])


@pytest.mark.parametrize("tab", ["Edit image", "Edit video"])
def test_an_expression_is_saved_and_opened(visit: Visit, tmp_path: Path, tab: str) -> None:
    page = visit(tab)
    page.get_by_role("button", name="Your own expressions").filter(visible=True).click()
    button(page, "Save what is set").click()
    assert said(page, "error") == "Nothing is set yet; move a slider first."
    slide(page, "Yaw (°)", 12.5)
    slide(page, "Jaw", 0.4)
    page.get_by_label("Name").filter(visible=True).fill("my/../grin <1>")
    button(page, "Save what is set").click()
    with page.expect_download() as coming:
        page.get_by_text("Download the expression").filter(visible=True).click()
    path = tmp_path / coming.value.suggested_filename
    coming.value.save_as(path)
    assert path.name == "mygrin 1.toml"
    assert read_expression(read_tables(path), "") == {"yaw": Amount(12.5, "deg"), "jaw": Amount(0.4)}
    button(page, "Reset all").click()
    _becomes(page, "Yaw (°)", 0)
    path.write_text('yaw = "400deg"\njaw = 0.25\nsmile = 1\n')
    with page.expect_file_chooser() as choosing:
        button(page, "Open an expression").click()
    choosing.value.set_files(path)
    _becomes(page, "Jaw", 0.25)
    _becomes(page, "Yaw (°)", 30)  # where the slider ends
    assert said(page, "note") == "mygrin 1.toml has smile, for which there is no slider."
    path.write_text('jaw = "5deg"\n')
    with page.expect_file_chooser() as choosing:
        button(page, "Open an expression").click()
    choosing.value.set_files(path)
    page.get_by_text("mygrin 1.toml: jaw is not in deg; correct it there.").filter(visible=True).wait_for()
