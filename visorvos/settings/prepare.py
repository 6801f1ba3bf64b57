"""Options of ``visorvos prepare``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, cast

from pydantic import field_validator, model_validator

from visorvos.settings.base import NumWorkers, Settings, option

__all__ = ["PrepareSettings"]


class PrepareSettings(Settings):
    """Convert the VISOR release into a data set for training and evaluation, in the DAVIS layout."""

    release: Path | None = option(
        None,
        "VISOR release as downloaded: its zip, which is read in place, or its folder.",
        panel="Inputs",
        affects_result=False,
    )
    annotations: Path | None = option(
        None,
        "Folder or zip of VIDEO.json in place of --release, in train/ and val/ or flat.",
        panel="Inputs",
        affects_result=False,
    )
    images: Path | None = option(
        None,
        "Folder or zip of frames, VIDEO/FRAME.jpg or VIDEO.zip; for --annotations and --dense.",
        panel="Inputs",
        affects_result=False,
    )
    output: Path = option(
        description="Folder for VISOR_2022 and prepare_report.json.", panel="Outputs", affects_result=False
    )
    split: tuple[Literal["train", "val"], ...] = option(
        ("train", "val"), "Split to prepare. Can be given several times.", panel="Inputs", affects_result=False
    )
    videos: tuple[str, ...] = option(
        (),
        "Video to prepare, such as P01_01. Can be given several times. Default: all.",
        panel="Inputs",
        affects_result=False,
    )
    objects: Literal["first-frame", "all"] | None = option(
        None,
        "Objects to keep: those of a sequence's first frame, or all. Default: first-frame for val, all for train.",
        panel="Conversion",
    )
    dense: bool = option(
        False, "Convert the dense annotations (interpolated, 854x480) to VISOR_2022_dense.", panel="Conversion"
    )
    reference_ids: bool = option(
        False,
        "Number the objects of each frame by their order if the first frame of a val sequence has none, as the "
        "reference does; an id then means different objects in different frames.",
        panel="Conversion",
    )
    resolution: str = option(
        "854x480", "Width and height of the frames and masks to write, in pixels.", panel="Conversion"
    )
    stretch: bool = option(
        False,
        "Stretch frames that are not 16:9 to --resolution; the report lists them.",
        panel="Conversion",
        affects_result=False,
    )
    skip_broken: bool = option(
        False,
        "Skip frames that are missing, damaged or not 16:9; the report lists them.",
        panel="Conversion",
        affects_result=False,
    )
    num_workers: NumWorkers = 0

    @field_validator("split")
    @classmethod
    def _each_split_once(cls, split: tuple[str, ...]) -> tuple[str, ...]:
        if not split:
            raise ValueError("must be train, val or both")
        return tuple(dict.fromkeys(split))

    @field_validator("resolution")
    @classmethod
    def _width_and_height(cls, resolution: str) -> str:
        if not re.fullmatch(r"[1-9]\d{0,3}x[1-9]\d{0,3}", resolution):
            raise ValueError("must be WIDTHxHEIGHT, such as 854x480")
        return resolution

    @model_validator(mode="after")
    def _one_source(self) -> PrepareSettings:
        if (self.release is None) == (self.annotations is None):
            raise ValueError("Give either --release, or --annotations and --images.")
        if self.images is None and (self.dense or self.annotations is not None):
            why = "the release has no frames for the dense annotations" if self.dense else "--annotations has no frames"
            raise ValueError(f"--images is missing: {why}.")
        if self.release is not None and self.images is not None and not self.dense:
            raise ValueError("--release contains its frames: remove --images, or replace --release by --annotations.")
        return self

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames and masks to write."""
        width, height = map(int, self.resolution.split("x"))
        return width, height

    @property
    def source(self) -> Path:
        """Where the annotations are."""
        return cast(Path, self.release or self.annotations)
