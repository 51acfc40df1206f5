"""Folders by the hub's conventions: there and back offline, and what is asked of the hub."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
import torch

import liax
from liax.errors import LiaxError
from liax.model import LIAX
from liax.weights import PretrainedLIAX, fingerprint, save
from liax.weights.controls import CONTROLS_KEY, Control, Controls, VerifiedRange, read_controls


@pytest.fixture
def network(tiny: LIAX, tmp_path: Path) -> PretrainedLIAX:
    """With a control, a licence, two runs and a text that would break a table."""
    control = Control("yaw", "head", {0: 0.1}, -30, 30, "deg", "turns|twists", VerifiedRange(-20, 15, 4, 0.9))
    metadata = {
        "name": "small|<b>",
        "license": "cc-by-nc-4.0",
        "training": json.dumps([{"steps": 100, "data": "heads"}, {"steps": 7}]),
        CONTROLS_KEY: Controls(tiny.config.vectors, (control,)).to_json(),
    }
    save(tiny, tmp_path / "w.safetensors", metadata=metadata, dtype=torch.float32)
    return liax.load(tmp_path / "w.safetensors")


def drawn(network: LIAX) -> torch.Tensor:
    image_B3RR = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)
    seen = network.encode(image_B3RR)
    return network.decode(network.reenact(seen.code_BD, seen.alpha_BM + 0.2), seen.features)


def test_there_and_back(network: PretrainedLIAX, tmp_path: Path) -> None:
    network.save_pretrained(tmp_path / "new" / "folder", dtype=torch.float32)
    assert sorted(os.listdir(tmp_path / "new" / "folder")) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    again = liax.PretrainedLIAX.from_pretrained(tmp_path / "new" / "folder")
    assert fingerprint(again) == fingerprint(network)
    assert torch.equal(drawn(again), drawn(network))
    assert again.metadata == network.metadata
    assert not again.training
    assert json.loads((tmp_path / "new" / "folder" / "config.json").read_text()) == network.config.to_dict()
    half = tmp_path / "half"
    again.save_pretrained(half)
    assert (half / "model.safetensors").stat().st_size < 0.6 * (
        tmp_path / "new" / "folder" / "model.safetensors"
    ).stat().st_size
    assert torch.allclose(drawn(PretrainedLIAX.from_pretrained(half)), drawn(network), atol=0.02)


def test_the_card_has_the_weights_own_facts(network: PretrainedLIAX, tmp_path: Path) -> None:
    network.save_pretrained(tmp_path / "folder", repo_id="ada/heads")
    card = huggingface_hub.ModelCard.load(tmp_path / "folder" / "README.md")
    assert card.data.license == "cc-by-nc-4.0"
    assert card.data.library_name == "liax"
    assert card.data.pipeline_tag == "image-to-video"
    text = card.text
    assert "# ada/heads" in text
    assert 'from_pretrained("ada/heads")' in text
    assert fingerprint(network) in text
    (verified,) = [
        control.verified_text for control in read_controls(network.metadata, network.config.vectors)
    ]
    assert f"| yaw | head | -30 to 30 deg | {verified} | turns\\|twists |" in text
    assert "1. steps 100, data heads\n2. steps 7" in text
    assert "| name | small\\|&lt;b> |" in text


def test_a_card_of_bare_weights(tiny: LIAX, tmp_path: Path) -> None:
    save(tiny, tmp_path / "w.safetensors", metadata={"training": "[[[" * 100, "controls": "rubbish"})
    stored = PretrainedLIAX.from_pretrained
    liax.load(tmp_path / "w.safetensors").save_pretrained(tmp_path / "folder")
    card = huggingface_hub.ModelCard.load(tmp_path / "folder" / "README.md")
    assert card.data.license == "other"
    assert "have no names" in card.text
    assert 'from_pretrained("path/of/this/folder")' in card.text
    assert "## Training" not in card.text
    assert stored(tmp_path / "folder").metadata["controls"] == "rubbish"


def test_installed_weights_can_be_kept_too(tmp_path: Path) -> None:
    network = liax.load("small")
    network.save_pretrained(tmp_path)
    again = PretrainedLIAX.from_pretrained(tmp_path)
    assert fingerprint(again) == fingerprint(network)
    assert again.metadata == network.metadata


def test_what_is_not_there_is_said(
    network: PretrainedLIAX, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LiaxError, match=r"no file .*model\.safetensors"):
        PretrainedLIAX.from_pretrained(tmp_path)
    with pytest.raises(LiaxError, match="There is no folder nobody/nothing"):
        PretrainedLIAX.from_pretrained("nobody/nothing", local_files_only=True)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LiaxError, match="cannot be created"):
        network.save_pretrained(tmp_path / "file")
    with pytest.raises(LiaxError, match="give repo_id"):
        network.save_pretrained(tmp_path / "new", push_to_hub=True)
    assert not (tmp_path / "new").exists()

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no connection")

    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", refuse)
    with pytest.raises(LiaxError, match=r"did not take ada/heads \(OSError: no connection\)"):
        network.push_to_hub("ada/heads")


def test_pushing_fills_a_repository(
    network: PretrainedLIAX, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: dict[str, Any] = {}

    def create(self: object, repo_id: str, *, private: bool | None, exist_ok: bool) -> SimpleNamespace:
        pushed.update(private=private)
        return SimpleNamespace(repo_id=repo_id)

    def upload(self: object, *, folder_path: str, **told: Any) -> SimpleNamespace:
        pushed.update(told, files=sorted(os.listdir(folder_path)))
        pushed.update(loaded=fingerprint(PretrainedLIAX.from_pretrained(folder_path)))
        return SimpleNamespace(commit_url="https://hub/commit")

    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", create)
    monkeypatch.setattr(huggingface_hub.HfApi, "upload_folder", upload)
    address = network.push_to_hub("ada/heads", private=True, dtype=torch.float32, branch="next")
    assert address == "https://hub/commit"
    assert pushed["files"] == ["README.md", "config.json", "model.safetensors"]
    assert (pushed["private"], pushed["revision"], pushed["repo_id"]) == (True, "next", "ada/heads")
    assert pushed["loaded"] == fingerprint(network)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "notes.txt").write_text("of mine")
    network.save_pretrained(tmp_path / "kept", repo_id="ada/others", push_to_hub=True)
    assert (pushed["repo_id"], pushed["private"]) == ("ada/others", None)
    assert pushed["files"] == ["README.md", "config.json", "model.safetensors"]
