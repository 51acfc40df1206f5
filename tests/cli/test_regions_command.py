from pathlib import Path

import pytest
from PIL import Image

from liax.cli.main import main
from liax.data.regions import load_regions


@pytest.fixture
def folder(tmp_path: Path, face_clip: Path, portrait_path: Path) -> Path:
    (tmp_path / "clip.mp4").write_bytes(face_clip.read_bytes())
    Image.open(portrait_path).resize((256, 256)).save(tmp_path / "still.png")
    manifest("clip.mp4,clip,train,a,4", "still.png,portrait,val,b,1", folder=tmp_path)
    return tmp_path


def manifest(*lines: str, folder: Path) -> None:
    (folder / "manifest.csv").write_text("\n".join(["file,type,split,identity,frames", *lines]))


def ended(*args: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["regions", *args])
    return int(stopped.value.code or 0)


def test_beside_the_manifest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(str(folder)) == 0
    path = folder / "regions.npz"
    assert capsys.readouterr().out == f"{path}: 2 of 2 files\n"
    assert {name: len(r.boxes_TP4) for name, r in load_regions(path).items()} == {
        "clip.mp4": 4,
        "still.png": 1,
    }
    before = path.stat().st_mtime_ns
    (folder / "clip.mp4").unlink()  # measured already: not looked at again
    assert ended(str(folder / "manifest.csv")) == 0
    assert path.stat().st_mtime_ns == before
    assert ended(str(folder), "--overwrite") == 1


def test_damaged_files_are_told_and_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.mp4").write_bytes(b"no video")
    manifest("bad.mp4,clip,train,c,4", "still.png,portrait,val,b,1", folder=folder)
    output = folder / "out.npz"
    assert ended(str(folder), "-o", str(output)) == 1
    captured = capsys.readouterr()
    assert captured.out == f"{output}: 1 of 2 files\n"
    first, last = captured.err.splitlines()
    assert first.startswith(f"liax: cannot decode {folder / 'bad.mp4'} (")
    assert last.startswith("liax: 1 of 2 files cannot be decoded and are not in ")
    assert load_regions(output).keys() == {"still.png"}


def test_wrong_arguments_are_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(str(folder), "-o", str(folder / "out.csv")) == 1
    assert "has no ending that can be written; name it one of .npz" in capsys.readouterr().err
    assert ended(str(folder / "none.csv")) == 1
    assert "cannot read the manifest" in capsys.readouterr().err
    damaged = folder / "regions.npz"
    damaged.write_bytes(b"damaged")
    assert ended(str(folder)) == 1
    told = f"{damaged} is not a file of measured regions; write it with liax regions."
    assert told in capsys.readouterr().err
    assert ended(str(folder), "--overwrite") == 0
