"""Options of ``visorvos download-weights``."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator

from visorvos.settings.base import Settings, inputs, option, outputs


class DownloadWeightsSettings(Settings):
    """Download published weights, or weights from the Hugging Face Hub, and verify them."""

    name: str | None = option(
        None,
        "Name of published weights (see --list), hf://USER/NAME or hf://USER/NAME@REVISION.",
        argument=True,
        min_length=1,
    )
    list: bool = inputs(False, "List the published weights and download nothing.")
    output: Path | None = outputs(None, "Folder or file (.pth or .safetensors) to write to. Default: the user cache.")

    @model_validator(mode="after")
    def _one_task(self) -> DownloadWeightsSettings:
        if (self.name is not None) == self.list:
            raise ValueError("Give either NAME, or --list to see the names.")
        return self
