"""Options of ``visorvos download-weights``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, model_validator

from visorvos.settings.base import Settings

__all__ = ["DownloadWeightsSettings"]


class DownloadWeightsSettings(Settings):
    """Download published weights, or those of a Hugging Face Hub repository, and see that they are sound."""

    panels: ClassVar = {"Inputs": ("name", "list", "repo_id", "revision"), "RunFolder": ("output",)}

    name: str | None = Field(
        None, description="Published weights: see --list.", json_schema_extra={"argument": True}, min_length=1
    )
    list: bool = Field(False, description="Show what is published, and download nothing.")
    repo_id: str | None = Field(
        None, description="In place of NAME: a repository of the Hugging Face Hub, USER/NAME.", min_length=1
    )
    revision: str | None = Field(None, description="With --repo-id: a branch, tag or commit.")
    output: Path | None = Field(None, description="Folder, or .pth or .safetensors file. Default: the cache.")

    @model_validator(mode="after")
    def _one_task(self) -> DownloadWeightsSettings:
        if [self.name is not None, self.list, self.repo_id is not None].count(True) != 1:
            raise ValueError("Give either NAME, --repo-id USER/NAME or --list.")
        if self.revision is not None and self.repo_id is None:
            raise ValueError("--revision goes with --repo-id.")
        return self
