"""Where uploads and results lie, and what is left of them when a studio is killed."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from liax.app.folder import StudioFolder

OPEN_AND_WAIT = """
import sys
from liax.app.folder import StudioFolder
folder = StudioFolder()
(folder.path / "face.png").touch()
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_private_and_gone_at_the_end(place: Path) -> None:
    folder = StudioFolder()
    assert folder.path.parent == place
    assert folder.path.stat().st_mode & 0o777 == 0o700
    (folder.path / "face.png").touch()
    folder.remove()
    assert list(place.iterdir()) == []


def test_what_a_killed_studio_left_is_removed_by_the_next(place: Path) -> None:
    pytest.importorskip("fcntl", reason="locks are Unix's")
    (place / "liax-studio-notes").mkdir()  # no folder of ours, whatever its name
    process = subprocess.Popen(
        [sys.executable, "-c", OPEN_AND_WAIT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    theirs = Path(process.stdout.readline().strip())
    first = StudioFolder()
    assert (theirs / "face.png").exists()  # it is alive
    process.kill()
    process.communicate()
    assert (theirs / "face.png").exists()
    second = StudioFolder()
    assert sorted(place.iterdir()) == sorted([first.path, second.path, place / "liax-studio-notes"])


def test_results_may_go_while_they_are_counted(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's next result takes the last one's folder away, whatever else looks at it."""
    studio = StudioFolder()
    before = studio.free_bytes(10)
    for name in ("a", "b"):
        (studio.path / name).mkdir()
        (studio.path / name / "result.png").write_bytes(bytes(1_000_000))
    assert before - studio.free_bytes(10) == pytest.approx(2_000_000, abs=100)

    def removing(path: Path) -> int:
        for folder in {studio.path / "a", studio.path / "b"} - {path.parent} if path.suffix else ():
            shutil.rmtree(folder)
        return 0

    monkeypatch.setattr("liax.app.folder._size", removing)
    studio.free_bytes(10)
    assert len([path for path in studio.path.iterdir() if path.is_dir()]) == 1
    studio.remove()
