from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from liax.data.manifest import Item, ShardRange, is_within_shard, manifest_in, read_manifest
from liax.errors import LiaxError, WrongFileError

GOOD = "file,type,split,identity,frames,notes\na.mp4,clip,train,ann,12,x\nb.jpg,portrait,val,bob,1,\n"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "manifest.csv"
    path.write_text(GOOD)
    return path


def test_one_split_or_all(manifest: Path) -> None:
    train = read_manifest(manifest, "train")
    assert train.items == (Item("a.mp4", "clip", "ann", 12),)
    assert train.folder == manifest.parent
    everything = read_manifest(manifest.parent, None)  # the folder will do
    assert [item.file for item in everything.items] == ["a.mp4", "b.jpg"]
    assert everything.digest == train.digest


def test_digest_is_of_the_whole_file(manifest: Path) -> None:
    before = read_manifest(manifest, "train").digest
    manifest.write_text(GOOD.replace("bob", "eve"))
    assert read_manifest(manifest, "train").digest != before


def test_spreadsheets_files(manifest: Path) -> None:
    """A byte order mark, CRLF, and a quoted field with a comma and a line break in it."""
    text = 'file,type,split,identity,frames,notes\na.mp4,clip,train,"Ann, the\nfirst",12,"1\n2"\n'
    manifest.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    (item,) = read_manifest(manifest, "train").items
    assert item.identity == "Ann, the\r\nfirst"
    assert item.frames == 12


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("file,type,split\n", "has no column frames, identity; add it"),
        ("", "has no column file, frames, identity, split, type; add it"),
        ("file,type,split,identity,frames\n", "lists nothing in the split 'train'"),
        (GOOD.replace("train", "test"), "lists nothing in the split 'train'; check its split column"),
        (GOOD.replace("clip", "film"), "type 'film' is neither clip nor portrait"),
        (GOOD.replace("12", "many"), "frames 'many' is no whole number from 1 up"),
        (GOOD.replace("12", "0"), "frames '0' is no whole number"),
        ("file,type,split,identity,frames\na.mp4,clip,train\n", "frames '' is no whole number"),
    ],
)
def test_what_is_wrong_is_one_sentence(manifest: Path, text: str, what: str) -> None:
    manifest.write_text(text)
    with pytest.raises(LiaxError) as caught:
        read_manifest(manifest, "train")
    assert what in str(caught.value)
    assert str(manifest) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(LiaxError, match=r"cannot read the manifest .*manifest\.csv: No such file"):
        read_manifest(tmp_path, "train")
    picture = tmp_path / "a.csv"
    picture.write_bytes(b"\xff\xd8\xff\xe0\x00")
    with pytest.raises(LiaxError, match="is not a UTF-8 CSV file; save the manifest as UTF-8"):
        read_manifest(picture, "train")


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """Two clips in a shard, one for each split, and a refused one."""
    rows = [
        ("a.mp4", True, "train", "ann", 12, "shards/0.tar", 512, 999),
        (None, False, None, None, 30, None, None, None),
        ("b.mp4", True, "val", "bob", 7, "shards/0.tar", 2048, 5),
    ]
    names = ("file", "kept", "split", "identity", "frames", "shard", "offset", "size")
    table = pa.table({name: [row[k] for row in rows] for k, name in enumerate(names)})
    parquet.write_table(table, tmp_path / "manifest.parquet")
    return tmp_path / "manifest.parquet"


def test_prepared_clips_lie_in_shards(prepared: Path) -> None:
    train = read_manifest(prepared, "train")
    assert train.items == (Item("a.mp4", "clip", "ann", 12, ShardRange("shards/0.tar", 512, 999)),)
    everything = read_manifest(prepared.parent, None)
    assert [item.file for item in everything.items] == ["a.mp4", "b.mp4"]  # not what was refused
    assert everything.digest == train.digest
    path = train.items[0].path(train.folder)
    assert is_within_shard(path)
    assert str(path) == f"subfile,,start,512,end,1511,,:{prepared.parent}/shards/0.tar"
    assert not is_within_shard(Item("a.mp4", "clip", "ann", 12).path(train.folder))


def test_which_manifest_a_folder_holds(prepared: Path) -> None:
    assert manifest_in(prepared.parent) == prepared
    assert manifest_in(prepared.parent / "shards") is None
    (prepared.parent / "manifest.csv").write_text(GOOD)
    assert manifest_in(prepared.parent) == prepared.with_suffix(".csv")


def test_parquet_that_is_no_manifest(prepared: Path) -> None:
    with pytest.raises(LiaxError, match=r"lists nothing in the split 'test'"):
        read_manifest(prepared, "test")
    raw = prepared.read_bytes()
    prepared.write_bytes(raw[:-9])
    with pytest.raises(WrongFileError, match=r"manifest.parquet is not a manifest \("):
        read_manifest(prepared, None)
    parquet.write_table(pa.table({"file": ["a"], "kept": [True]}), prepared)
    with pytest.raises(WrongFileError, match=r"is not a manifest \(.*split"):
        read_manifest(prepared, None)
