"""Download weights from the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.utils import get_session

from liax.errors import LiaxError

# The published checkpoint: its repository and file.
PUBLISHED = ("YaohuiW/LIA-X", "lia-x.pt")

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".bin")
_TIMEOUT_S = 10


def is_hub_name(name: str) -> bool:
    """Whether `name` has the form owner/repository and does not end like a weights file."""
    return _NAME.fullmatch(name) is not None and not name.endswith(_SUFFIXES)


def fetch(name: str) -> Path:
    """Download a repository's weights unless they are cached.

    Args:
        name: "owner/repository".

    Returns:
        The local file: lia-x.pt of the published repository, of any other its one .safetensors file.

    Raises:
        LiaxError: If the hub cannot be reached and the file is not cached, if it does not know the name, or
            if the repository does not have exactly one .safetensors file.
    """
    reachable, reason = _reachable()
    try:
        if name == PUBLISHED[0]:
            return Path(hf_hub_download(*PUBLISHED, local_files_only=not reachable))
        if reachable:
            files = [file for file in HfApi().list_repo_files(name) if file.endswith(".safetensors")]
            return Path(hf_hub_download(name, _only(name, files)))
        folder = Path(snapshot_download(name, local_files_only=True))
        return folder / _only(name, [str(f.relative_to(folder)) for f in folder.rglob("*.safetensors")])
    except LocalEntryNotFoundError as error:
        raise LiaxError(
            f"The hub cannot be reached for {name} ({reason or 'no connection'})",
            "download its weights file elsewhere, copy it here and give its path instead of the name",
        ) from error
    except LiaxError:
        raise
    except Exception as error:  # Unknown name, no access, broken connection.
        said = " ".join(str(error).split())[:200].rstrip(".")
        raise LiaxError(
            f"The hub did not deliver {name} ({type(error).__name__}: {said})",
            "check the name, or download its weights file elsewhere and give its path",
        ) from error


def _reachable() -> tuple[bool, str]:
    """Whether the hub answers, and if not, why; asked once, because the library retries for half a minute."""
    try:
        get_session().head(constants.ENDPOINT, timeout=_TIMEOUT_S)
    except Exception as error:  # The HTTP library behind the session depends on its version.
        return False, str(error) or type(error).__name__
    return True, ""


def _only(name: str, files: list[str]) -> str:
    """The one file of a list, or a LiaxError."""
    if len(files) != 1:
        listed = (
            f"has {len(files)} .safetensors files ({', '.join(sorted(files)[:3])})" if files else "has none"
        )
        raise LiaxError(
            f"It is unclear which weights {name} means: it {listed}",
            "download the right file and give its path",
        )
    return files[0]
