"""Options of ``visorvos preview``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import model_validator

from visorvos.settings.base import DATA_HELP, Resolution, Settings, ends_in, inputs, outputs


class PreviewSettings(Settings):
    """Show frames of a data set, or training clips, with masks, ids and names in one picture."""

    data: Path | None = inputs(None, f"{DATA_HELP} Default: $VISORVOS_DATA.")
    coco: Path | None = inputs(None, "MS-COCO folder, with --clips, instead of --data.")
    clips: bool = inputs(False, "Show training clips: those of finetune with --data, those of pretrain with --coco.")
    training: Path | None = inputs(None, "YAML file of training options for --clips. Default: none.")
    split: str | None = inputs(
        None, "Split file in ImageSets, or MS-COCO split. Default: train; train2017 with --coco."
    )
    resolution: Resolution = None
    sequence: tuple[str, ...] = inputs((), "Sequence to show. Default: some, spread evenly over the split.")
    output: Annotated[Path, ends_in(".jpg", ".png", ".jpeg")] = outputs(Path("preview.jpg"), "Picture to write.")
    frames: int = outputs(12, "Number of frames to show, spread evenly over the sequences.", ge=1, le=400)
    columns: int = outputs(3, "Number of frames per row.", ge=1, le=20)
    width: int = outputs(480, "Width of a frame in pixels.", ge=160, le=1920)

    @model_validator(mode="after")
    def _one_source(self) -> PreviewSettings:
        if (self.data is None) == (self.coco is None):
            raise ValueError("Give either --data, or --coco and --clips.")
        if not self.clips and (self.coco is not None or self.training is not None):
            raise ValueError("--coco and --training need --clips.")
        if self.clips and self.sequence:
            raise ValueError("--sequence cannot be combined with --clips, which come from the whole split.")
        return self
