from pathlib import Path

import pytest

from liax.errors import LiaxError
from liax.files import check_output

MP4 = (".mp4",)


def test_check_output(tmp_path: Path) -> None:
    there, source = tmp_path / "there.mp4", tmp_path / "source.mp4"
    there.write_bytes(b"x")
    source.write_bytes(b"x")

    def check(path: Path, overwrite: bool = False) -> None:
        check_output(path, suffixes=MP4, overwrite=overwrite, inputs=(source,))

    check(tmp_path / "new.mp4")
    check(tmp_path / "NEW.MP4")
    check(there, overwrite=True)
    with pytest.raises(LiaxError, match="--overwrite"):
        check(there)
    with pytest.raises(LiaxError, match="also an input"):
        check(source, overwrite=True)
    with pytest.raises(LiaxError, match=r"\.mp4"):
        check(tmp_path / "new.avi")
    with pytest.raises(LiaxError, match="create it"):
        check(tmp_path / "no" / "new.mp4")
    (tmp_path / "d.mp4").mkdir()
    with pytest.raises(LiaxError, match="is a folder"):
        check(tmp_path / "d.mp4", overwrite=True)
    assert there.read_bytes() == b"x"
