import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liax.cli.main import main
from liax.portrait.template import load_template


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["encode", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_a_video_becomes_a_template(
    face_clip: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.safetensors"
    assert run(face_clip, "-o", out, "--weights", tiny_weights, "--device", "cpu") == 0
    assert capsys.readouterr().out == f"{out}: 12 frames, 1.0 s, {out.stat().st_size / 1000:,.0f} KB\n"
    template = load_template(out)
    assert template.total == 12
    assert run(face_clip, "-o", out, "--weights", tiny_weights) == 1
    assert "exists already; pass --overwrite" in capsys.readouterr().err
    assert run(face_clip, "-o", out, "--weights", tiny_weights, "--no-crop", "--overwrite") == 0
    assert not np.array_equal(load_template(out).alpha_TM, template.alpha_TM)


def test_a_folder_at_a_rate(portrait_path: Path, tiny_weights: Path, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for k in range(3):
        Image.open(portrait_path).save(frames / f"{k}.png")
    out = tmp_path / "m.safetensors"
    assert run(frames, "-o", out, "--weights", tiny_weights, "--rate", "12.5", "--driving-face", "1") == 0
    assert (load_template(out).total, float(load_template(out).rate)) == (3, 12.5)


def test_errors(
    face_clip: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, reason in (
        ((face_clip, "-o", tmp_path / "m.mp4"), "name it one of .safetensors, .csv, .json"),
        ((tmp_path / "no.mp4", "-o", tmp_path / "m.safetensors"), "no.mp4 does not exist"),
        ((face_clip, "-o", tmp_path / "m.safetensors", "--driving-face", "2"), "has 1 face(s)"),
    ):
        assert run(*arguments, "--weights", tiny_weights) == 1
        err = capsys.readouterr().err
        assert reason in err
        assert "Traceback" not in err
    assert os.listdir(tmp_path) == []
