"""Options of ``visorvos download-weights``."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator

from visorvos.settings.base import Settings, inputs, option, outputs


class DownloadWeightsSettings(Settings):
    """Download published weights, or weights from the Hugging Face Hub, and verify them."""

    name: str | None = option(None, "Name of published weights; see --list.", argument=True, min_length=1)
    list: bool = inputs(False, "List the published weights and download nothing.")
    repo_id: str | None = inputs(None, "Hugging Face Hub repository, USER/NAME, instead of NAME.", min_length=1)
    revision: str | None = inputs(None, "Branch, tag or commit of --repo-id.")
    output: Path | None = outputs(None, "Folder or file (.pth or .safetensors) to write to. Default: the user cache.")

    @model_validator(mode="after")
    def _one_task(self) -> DownloadWeightsSettings:
        if [self.name is not None, self.list, self.repo_id is not None].count(True) != 1:
            raise ValueError("Give exactly one of NAME, --repo-id USER/NAME and --list.")
        if self.revision is not None and self.repo_id is None:
            raise ValueError("--revision needs --repo-id.")
        return self
