"""Options of ``visorvos preview``."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator, model_validator

from visorvos.settings.base import DATA_HELP, Resolution, Settings, option

__all__ = ["PreviewSettings"]


class PreviewSettings(Settings):
    """Show frames of a data set, or training clips, with masks, ids and names in one picture."""

    data: Path | None = option(None, f"{DATA_HELP} Default: $VISORVOS_DATA.", panel="Inputs")
    coco: Path | None = option(None, "MS-COCO folder in place of --data, with --clips.", panel="Inputs")
    clips: bool = option(
        False, "Show training clips: those of finetune with --data, those of pretrain with --coco.", panel="Inputs"
    )
    training: Path | None = option(
        None, "YAML file of training options, with --clips. Default: the options' defaults.", panel="Inputs"
    )
    split: str | None = option(
        None, "Split file in ImageSets, or split of MS-COCO. Default: train, or train2017.", panel="Inputs"
    )
    resolution: Resolution = None
    sequence: tuple[str, ...] = option(
        (), "Sequence to show. Can be given several times. Default: some, spread over the split.", panel="Inputs"
    )
    output: Path = option(Path("preview.jpg"), "Picture to write (.jpg or .png).", panel="Outputs")
    frames: int = option(12, "Number of frames to show, spread over the sequences.", panel="Outputs", ge=1, le=400)
    columns: int = option(3, "Number of frames per row.", panel="Outputs", ge=1, le=20)
    width: int = option(480, "Width of a frame in pixels.", panel="Outputs", ge=160, le=1920)

    @field_validator("output")
    @classmethod
    def _a_picture(cls, output: Path) -> Path:
        if output.suffix.lower() not in (".jpg", ".jpeg", ".png"):
            raise ValueError("must end in .jpg or .png")
        return output

    @model_validator(mode="after")
    def _one_source(self) -> PreviewSettings:
        if (self.data is None) == (self.coco is None):
            raise ValueError("Give either --data, or --coco and --clips.")
        if not self.clips and (self.coco is not None or self.training is not None):
            raise ValueError("--coco and --training need --clips.")
        if self.clips and self.sequence:
            raise ValueError("--sequence cannot be combined with --clips, which come from the whole split.")
        return self
