"""Options of ``visorvos prepare``."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, model_validator

from visorvos.settings.base import NumWorkers, Settings, must, option, outputs, source

_conversion = partial(option, panel="Conversion")
_width_and_height = must(re.compile(r"[1-9]\d{0,3}x[1-9]\d{0,3}").fullmatch, "be WIDTHxHEIGHT, such as 854x480")
_each_once = (must(len, "be train, val or both"), AfterValidator(lambda splits: tuple(dict.fromkeys(splits))))


class PrepareSettings(Settings):
    """Convert the VISOR release into a data set for training and evaluation, in the DAVIS layout."""

    release: Path | None = source(None, "VISOR release as downloaded: its zip, which is read in place, or its folder.")
    annotations: Path | None = source(
        None, "Folder or zip of VIDEO.json files, in train/ and val/ or flat, instead of --release."
    )
    images: Path | None = source(
        None, "Folder or zip of frames, VIDEO/FRAME.jpg or VIDEO.zip; required with --annotations and --dense."
    )
    output: Path = outputs(..., "Folder for VISOR_2022 and prepare_report.json.")
    split: Annotated[tuple[Literal["train", "val"], ...], *_each_once] = source(("train", "val"), "Split to prepare.")
    videos: tuple[str, ...] = source((), "Video to prepare, such as P01_01. Default: all.")
    objects: Literal["first-frame", "all"] | None = _conversion(
        None, "Objects to keep: those of a sequence's first frame, or all. Default: first-frame for val, all for train."
    )
    dense: bool = _conversion(False, "Convert the dense annotations (interpolated, 854x480) into VISOR_2022_dense.")
    reference_ids: bool = _conversion(
        False,
        "If the first frame of a val sequence has no object, number the objects of each frame by their order, as the "
        "reference code does; an id may then mean different objects in different frames.",
    )
    resolution: Annotated[str, _width_and_height] = _conversion(
        "854x480", "Width and height of the frames and masks to write, in pixels."
    )
    stretch: bool = _conversion(
        False, "Stretch frames that are not 16:9 to --resolution; prepare_report.json lists them.", affects_result=False
    )
    skip_broken: bool = _conversion(
        False,
        "Skip frames that are missing, damaged or not 16:9; prepare_report.json lists them.",
        affects_result=False,
    )
    num_workers: NumWorkers = 0

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

    def kept_objects(self, split: str) -> str:
        """The objects of a split's sequences that are kept: "first-frame" or "all"."""
        return self.objects or ("first-frame" if split == "val" else "all")

    @property
    def data(self) -> Path:
        """The data set that is written."""
        return self.output / ("VISOR_2022_dense" if self.dense else "VISOR_2022")

    @property
    def source(self) -> Path:
        """Where the annotations are."""
        return cast(Path, self.release or self.annotations)
