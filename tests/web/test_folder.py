"""A page's folder is complete, or not there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="the extra onnxruntime is not installed")
pytest.importorskip("onnxruntime", reason="the extra onnxruntime is not installed")

from liax.errors import LiaxError, MissingPackageError, OutputExistsError
from liax.model import LIAX
from liax.web import folder as module
from liax.web import runtime
from liax.web.folder import check_folder, write_page


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Files in place of the runtime's, which a checkout may lack."""
    files = [tmp_path / name for name in runtime.NAMES]
    for path in files:
        path.write_text(path.name)
    monkeypatch.setattr(module, "runtime_files", lambda: files)
    return files


def test_the_folder_is_complete_and_replaced_on_request(
    tiny: LIAX, tmp_path: Path, stand_in: list[Path]
) -> None:
    site = tmp_path / "site"
    done = write_page(tiny, site, "tiny", precisions=["float32"])
    assert sorted(os.listdir(site)) == sorted(done.files)
    assert done.parity_db["float32"] > 100
    facts = json.loads((site / "page.json").read_text())
    assert facts["files"] == {
        path.name: path.stat().st_size for path in site.iterdir() if path.name != "page.json"
    }
    assert (facts["weights"], facts["reads"]) == ("tiny", "encoder")
    assert len(facts["check"]) == 8 * 8 * 3
    assert "driver.onnx" not in facts["files"]
    named = (site / "index.html").read_text() + "".join(path.read_text() for path in site.glob("*.js"))
    assert "http://" not in named
    assert "https://" not in named
    for name in runtime.NAMES:
        assert (site / name).read_text() == name

    with pytest.raises(OutputExistsError):
        write_page(tiny, site, "tiny")
    (site / "old.js").write_text("of an earlier version")
    facts["files"]["old.js"] = 1
    (site / "page.json").write_text(json.dumps(facts))
    write_page(tiny, site, "again", precisions=["float32"], overwrite=True)
    assert not (site / "old.js").exists()
    assert json.loads((site / "page.json").read_text())["weights"] == "again"


def test_folders_with_other_things_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(LiaxError, match=r"has something else in it \(notes\.txt\); name a new folder"):
        check_folder(tmp_path, overwrite=True)
    with pytest.raises(LiaxError, match=r"notes\.txt is not a folder; name a new one"):
        check_folder(tmp_path / "notes.txt", overwrite=True)
    (tmp_path / "notes.txt").rename(tmp_path / "page.json")
    with pytest.raises(LiaxError, match=r"something else in it \(page\.json\)"):
        check_folder(tmp_path, overwrite=True)


def test_a_full_disk_leaves_nothing(
    tiny: LIAX, tmp_path: Path, stand_in: list[Path], full_disk: object
) -> None:
    with full_disk(20_000), pytest.raises(LiaxError, match="cannot be written"):  # type: ignore[operator]
        write_page(tiny, tmp_path / "site", "tiny")
    assert not (tmp_path / "site").exists()


def test_what_the_page_runs_on_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Package:
        FILES = tmp_path

    monkeypatch.setattr(runtime, "import_module", lambda name: Package)
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    with pytest.raises(
        MissingPackageError, match="needs the package liax-web-runtime; install liax with the extra web"
    ):
        runtime.runtime_files()
    monkeypatch.setattr(runtime, "find_spec", lambda name: Package)
    with pytest.raises(
        LiaxError, match=r"liax-web-runtime lacks LICENSES\.txt; run make web in the checkout"
    ):
        runtime.runtime_files()
    for name in runtime.NAMES:
        (tmp_path / name).touch()
    assert [path.name for path in runtime.runtime_files()] == list(runtime.NAMES)
