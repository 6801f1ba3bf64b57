"""Options of ``visorvos export``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, model_validator

from visorvos.settings.base import Settings

__all__ = ["ExportSettings"]


class ExportSettings(Settings):
    """Turn predicted masks into a submission to the VISOR challenge, or check one made elsewhere."""

    panels: ClassVar = {
        "Inputs": ("data", "split", "mapping", "check"),
        "RunFolder": ("output", "first_frames"),
    }

    predictions: Path | None = Field(
        default=None,
        description="Folder of predicted masks, SEQUENCE/FRAME.png, at 854x480.",
        json_schema_extra={"argument": True},
    )
    mapping: Path | None = Field(
        default=None,
        description="Names of the objects, SPLIT_data_mapping.json; taken from --data where that is given.",
    )
    output: Path = Field(default=Path("val.zip"), description="The submission to write.")
    data: Path | None = Field(
        default=None, description="Prepared VISOR_2022: nothing of its split may then be missing or too much."
    )
    split: str = Field(default="val", description="Split that the submission is for.")
    first_frames: bool = Field(
        default=False, description="Put the given first frames in; the organisers recommend leaving them out."
    )
    check: Path | None = Field(
        default=None,
        description="In place of PREDICTIONS: a submission, .zip or .json, that is checked and left as it is.",
    )

    @model_validator(mode="after")
    def _one_task(self) -> ExportSettings:
        if (self.predictions is None) == (self.check is None):
            raise ValueError("Give either PREDICTIONS, to export them, or --check FILE.")
        if self.predictions is not None and self.mapping is None and self.data is None:
            raise ValueError("--mapping is missing: objects are submitted by name (or give --data).")
        if self.output.suffix.lower() != ".zip":
            raise ValueError(f"--output is a .zip file: {self.output} is not.")
        return self
