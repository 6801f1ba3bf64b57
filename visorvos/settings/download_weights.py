"""Options of ``visorvos download-weights``."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator

from visorvos.settings.base import Settings, option

__all__ = ["DownloadWeightsSettings"]


class DownloadWeightsSettings(Settings):
    """Download published weights, or weights from the Hugging Face Hub, and verify them."""

    name: str | None = option(None, "Name of published weights; see --list.", argument=True, min_length=1)
    list: bool = option(False, "List the published weights and download nothing.", panel="Inputs")
    repo_id: str | None = option(
        None, "Repository of the Hugging Face Hub, USER/NAME, in place of NAME.", panel="Inputs", min_length=1
    )
    revision: str | None = option(None, "Branch, tag or commit of --repo-id.", panel="Inputs")
    output: Path | None = option(
        None, "Folder, or .pth or .safetensors file, to write. Default: the user cache.", panel="Outputs"
    )

    @model_validator(mode="after")
    def _one_task(self) -> DownloadWeightsSettings:
        if [self.name is not None, self.list, self.repo_id is not None].count(True) != 1:
            raise ValueError("Give exactly one of NAME, --repo-id USER/NAME and --list.")
        if self.revision is not None and self.repo_id is None:
            raise ValueError("--revision needs --repo-id.")
        return self
