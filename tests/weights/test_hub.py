"""Hub names: which file is fetched, and what a user without a connection is told. Nothing here connects."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from torch import Tensor

from liax.errors import LiaxError
from liax.model import LIAX
from liax.weights import hub, load, save


class Hub:
    """Stands in for the hub's library; `files` are those of every repository, in `folder`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.online, self.fetched = folder, True, []
        monkeypatch.setattr(hub, "get_session", lambda: self)
        monkeypatch.setattr(hub, "HfApi", lambda: self)
        monkeypatch.setattr(hub, "hf_hub_download", self.download)
        monkeypatch.setattr(hub, "snapshot_download", self.snapshot)

    def head(self, url: str, timeout: float) -> None:
        if not self.online:
            raise ConnectionError("Name or service not known")

    def list_repo_files(self, repo: str) -> list[str]:
        return [str(f.relative_to(self.folder)) for f in self.folder.rglob("*") if f.is_file()]

    def download(self, repo: str, file: str, local_files_only: bool = False) -> str:
        self.fetched.append((repo, file))
        if not (self.folder / file).is_file():
            raise LocalEntryNotFoundError("cannot find the requested files in the local cache")
        return str(self.folder / file)

    def snapshot(self, repo: str, local_files_only: bool) -> str:
        if not any(self.folder.iterdir()):
            raise LocalEntryNotFoundError("cannot find an appropriate cached snapshot folder")
        return str(self.folder)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    return Hub(tmp_path, monkeypatch)


@pytest.mark.parametrize("name", ["YaohuiW/LIA-X", "someone/their-network"])
def test_unreachable(repository: Hub, name: str) -> None:
    repository.online = False
    with pytest.raises(LiaxError) as caught:
        load(name)
    message = str(caught.value)
    assert message.startswith(f"The hub cannot be reached for {name} (Name or service not known)")
    assert "give its path" in message
    assert "\n" not in message


def test_published_checkpoint_is_converted_as_it_is_read(
    repository: Hub, published_state: dict[str, Tensor], shrunken: LIAX
) -> None:
    torch.save(published_state, repository.folder / "lia-x.pt")
    for repository.online in (True, False):  # Without connection, a cached file serves.
        network = load("YaohuiW/LIA-X")
        assert network.config == shrunken.config
        assert torch.equal(network.decoder.constant, shrunken.decoder.constant)
        assert network.metadata["liax.origin"] == "published"
        assert not network.training
        assert not any(p.requires_grad for p in network.parameters())
    assert repository.fetched[0] == ("YaohuiW/LIA-X", "lia-x.pt")


def test_the_one_safetensors_file(repository: Hub, tiny: LIAX) -> None:
    (repository.folder / "README.md").touch()
    save(tiny, repository.folder / "whatever.safetensors")
    assert load("someone/their-network").config == tiny.config
    assert repository.fetched == [("someone/their-network", "whatever.safetensors")]
    repository.online = False
    assert load("someone/their-network").config == tiny.config


def test_none_or_several_files(repository: Hub) -> None:
    (repository.folder / "README.md").touch()
    with pytest.raises(LiaxError, match="someone/net means: it has none"):
        load("someone/net")
    for name in "ab":
        (repository.folder / f"{name}.safetensors").touch()
    with pytest.raises(LiaxError, match=r"has 2 \.safetensors files \(a\.safetensors, b\.safetensors\)"):
        load("someone/net")


def test_unknown_repository(repository: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(repo: str) -> list[str]:
        raise RuntimeError("404: no such\nrepository.")

    monkeypatch.setattr(repository, "list_repo_files", unknown)
    with pytest.raises(
        LiaxError, match=r"did not deliver someone/net \(RuntimeError: 404: no such repository\)"
    ):
        load("someone/net")


def test_local_files_come_before_the_hub(
    repository: Hub, tiny: LIAX, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owner").mkdir()
    save(tiny, tmp_path / "owner" / "net")
    monkeypatch.chdir(tmp_path)
    assert load("owner/net").config == tiny.config
    assert repository.fetched == []


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("YaohuiW/LIA-X", True),
        ("a/b.c_d-1", True),
        ("small", False),
        ("a/b/c", False),
        ("./a", False),
        ("../a", False),
        ("runs/net.safetensors", False),
        ("models/lia-x.pt", False),
        ("/etc/x", False),
    ],
)
def test_form_of_hub_names(name: str, is_one: bool) -> None:
    assert hub.is_hub_name(name) is is_one
