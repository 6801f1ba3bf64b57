"""Options of ``visorvos export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import model_validator

from visorvos.settings.base import Settings, ends_in, inputs, option, outputs


class ExportSettings(Settings):
    """Write predicted masks as a submission to the VISOR challenge, or check a submission."""

    predictions: Path | None = option(None, "Folder of predicted masks at 854x480, SEQUENCE/FRAME.png.", argument=True)
    mapping: Path | None = inputs(None, "JSON file of object names, SPLIT_data_mapping.json. Default: that of --data.")
    output: Annotated[Path, ends_in(".zip")] = outputs(Path("val.zip"), "Submission to write (.zip).")
    data: Path | None = inputs(
        None,
        "Prepared VISOR_2022 folder; the submission is then checked to cover exactly its split. "
        "Without --mapping, the default is $VISORVOS_DATA.",
    )
    split: str = inputs("val", "Split that the submission is for.")
    first_frames: bool = outputs(False, "Include the given first frames; the organizers recommend leaving them out.")
    check: Path | None = inputs(
        None, "Submission (.zip or .json) to check, instead of PREDICTIONS; nothing is written."
    )

    @model_validator(mode="after")
    def _one_task(self) -> ExportSettings:
        if (self.predictions is None) == (self.check is None):
            raise ValueError("Give either PREDICTIONS (to export them) or --check FILE.")
        if self.predictions is not None and self.mapping is None and self.data is None:
            raise ValueError("--mapping is missing: a submission names its objects. Give --mapping or --data.")
        return self
