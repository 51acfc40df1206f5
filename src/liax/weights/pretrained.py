"""Weights as folders and repositories of the Hugging Face hub, by the conventions of its model classes.

A folder has model.safetensors, which is a weights file of liax, config.json for readers of the hub, and a
model card.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import torch

from liax.bounded import short
from liax.errors import LiaxError
from liax.files import atomic_file
from liax.model import LIAX
from liax.weights import files
from liax.weights.card import model_card

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"


class PretrainedLIAX(LIAX):
    """The network as `liax.load` gives it, which knows how it is kept."""

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
        map_location: str | torch.device = "cpu",
    ) -> PretrainedLIAX:
        """A network from a folder that `save_pretrained` wrote, or a repository that `push_to_hub` filled.

        `liax.load` takes more: installed weights, single files, and the published checkpoint.

        Args:
            pretrained_model_name_or_path: The folder, or "owner/repository".
            force_download, token, cache_dir, local_files_only, revision: As for `huggingface_hub`.
            map_location: Where the network is put.

        Raises:
            LiaxError: If there is no such folder or repository, or its weights cannot be read.
        """
        name = os.fspath(pretrained_model_name_or_path)
        if Path(name).is_dir():
            path = Path(name) / WEIGHTS
        else:
            from huggingface_hub import hf_hub_download  # slow to import

            try:
                path = Path(
                    hf_hub_download(
                        name,
                        WEIGHTS,
                        force_download=force_download,
                        token=token,
                        cache_dir=cache_dir,
                        local_files_only=local_files_only,
                        revision=revision,
                    )
                )
            except Exception as error:  # no folder, no such name, no connection
                raise LiaxError(
                    f"There is no folder {name}, and the hub did not deliver {WEIGHTS} of that name "
                    f"({type(error).__name__}: {short(error, 200)})",
                    "check the name, or use liax.load",
                ) from error
        return files.build(files.read(path), map_location, cls)

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        *,
        dtype: torch.dtype = torch.float16,
        repo_id: str | None = None,
        push_to_hub: bool = False,
    ) -> None:
        """Write a folder for `from_pretrained`; files of these names are replaced.

        Args:
            save_directory: Created if it is missing.
            dtype: Of all weights but the motion vectors: float16, bfloat16 or float32.
            repo_id: The repository, "owner/repository", which the model card names.
            push_to_hub: Whether to fill that repository as well.

        Raises:
            LiaxError: If the files cannot be written.
        """
        folder = Path(save_directory)
        if push_to_hub and not repo_id:
            raise LiaxError("Nobody said which repository is to be filled", "give repo_id")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LiaxError(f"{folder} cannot be created ({error.strerror})", "write elsewhere") from error
        files.save(self, folder / WEIGHTS, metadata=self.metadata, dtype=dtype)
        with atomic_file(folder / CONFIG) as file:
            file.write((json.dumps(self.config.to_dict(), indent=2) + "\n").encode())
        with atomic_file(folder / CARD) as file:
            file.write(model_card(self, repo_id).encode())
        if push_to_hub and repo_id:
            self.push_to_hub(repo_id, dtype=dtype)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        dtype: torch.dtype = torch.float16,
        commit_message: str = "Weights of liax",
        private: bool | None = None,
        token: str | None = None,
        branch: str | None = None,
        create_pr: bool | None = None,
    ) -> str:
        """Fill a repository with what `save_pretrained` writes, and give its address.

        Args:
            repo_id: "owner/repository"; created if it is missing.
            dtype: As for `save_pretrained`.
            commit_message, private, token, branch, create_pr: As for `huggingface_hub`.

        Raises:
            LiaxError: If the hub does not take it.
        """
        from huggingface_hub import HfApi  # slow to import

        api = HfApi(token=token)
        try:
            made = api.create_repo(repo_id, private=private, exist_ok=True)
            with tempfile.TemporaryDirectory() as folder:
                self.save_pretrained(folder, dtype=dtype, repo_id=made.repo_id)
                done = api.upload_folder(
                    repo_id=made.repo_id,
                    folder_path=folder,
                    commit_message=commit_message,
                    revision=branch,
                    create_pr=create_pr,
                )
        except LiaxError:
            raise
        except Exception as error:
            raise LiaxError(
                f"The hub did not take {repo_id} ({type(error).__name__}: {short(error, 200)})",
                "check the name, your token and your connection",
            ) from error
        return str(done.commit_url)
