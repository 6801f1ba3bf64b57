"""Options of ``visorvos export``."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator

from visorvos.settings.base import Settings, option

__all__ = ["ExportSettings"]


class ExportSettings(Settings):
    """Write predicted masks as a submission to the VISOR challenge, or check a submission."""

    predictions: Path | None = option(None, "Folder of predicted masks at 854x480, SEQUENCE/FRAME.png.", argument=True)
    mapping: Path | None = option(
        None, "JSON file of object names, SPLIT_data_mapping.json. Default: that of --data.", panel="Inputs"
    )
    output: Path = option(Path("val.zip"), "Submission to write (.zip).", panel="Outputs")
    data: Path | None = option(
        None,
        "Prepared VISOR_2022 folder; the submission is then checked to cover exactly its split. "
        "Without --mapping, the default is $VISORVOS_DATA.",
        panel="Inputs",
    )
    split: str = option("val", "Split that the submission is for.", panel="Inputs")
    first_frames: bool = option(
        False, "Include the given first frames; the organizers recommend leaving them out.", panel="Outputs"
    )
    check: Path | None = option(
        None, "Submission (.zip or .json) to check, in place of PREDICTIONS; nothing is written.", panel="Inputs"
    )

    @model_validator(mode="after")
    def _one_task(self) -> ExportSettings:
        if (self.predictions is None) == (self.check is None):
            raise ValueError("Give either PREDICTIONS (to export them) or --check FILE.")
        if self.predictions is not None and self.mapping is None and self.data is None:
            raise ValueError("--mapping is missing: a submission names its objects. Give --mapping or --data.")
        if self.output.suffix.lower() != ".zip":
            raise ValueError(f"--output must end in .zip, got {self.output}.")
        return self
