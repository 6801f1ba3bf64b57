"""Options of ``visorvos prepare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, cast

from pydantic import Field, field_validator, model_validator

from visorvos.settings.base import NO_EFFECT, Settings, Workers

__all__ = ["PrepareSettings"]


class PrepareSettings(Settings):
    """Turn the VISOR release into a data set to train and evaluate on: frames, masks, lists, object names."""

    panels: ClassVar = {
        "Inputs": ("release", "annotations", "images", "dense"),
        "What is kept": ("split", "objects", "reference_ids", "skip_broken"),
        "RunFolder": ("output",),
    }

    release: Annotated[Path | None, NO_EFFECT] = Field(
        default=None, description="The release as downloaded: its zip, read in place, or its folder."
    )
    annotations: Annotated[Path | None, NO_EFFECT] = Field(
        default=None, description="In place of --release: folder or zip of VIDEO.json, in train/ and val/ or flat."
    )
    images: Annotated[Path | None, NO_EFFECT] = Field(
        default=None,
        description="With --annotations or --dense: folder or zip of frames, VIDEO/FRAME.jpg or VIDEO.zip.",
    )
    output: Annotated[Path, NO_EFFECT] = Field(description="Folder that VISOR_2022 and prepare_report.json go to.")
    split: Annotated[tuple[Literal["train", "val"], ...], NO_EFFECT] = Field(
        default=("train", "val"), description="Split to prepare; may be given several times."
    )
    objects: Literal["first-frame", "all"] | None = Field(
        default=None,
        description="Objects to keep: those of a sequence's first frame (as val does by default) or all (train).",
    )
    dense: bool = Field(
        default=False, description="Convert the dense annotations, interpolated at 854x480, to VISOR_2022_dense."
    )
    reference_ids: bool = Field(
        default=False,
        description="Where the first frame of a val sequence has no object, number each frame's entities by "
        "their order, as the reference does: ids then change their object from frame to frame.",
    )
    skip_broken: Annotated[bool, NO_EFFECT] = Field(
        default=False, description="Go on without frames that are missing or damaged; the report names them."
    )
    workers: Workers = 0

    @field_validator("split")
    @classmethod
    def _each_split_once(cls, split: tuple[str, ...]) -> tuple[str, ...]:
        if not split:
            raise ValueError("At least one split is needed.")
        return tuple(dict.fromkeys(split))

    @model_validator(mode="after")
    def _one_source(self) -> PrepareSettings:
        if (self.release is None) == (self.annotations is None):
            raise ValueError("Give either --release, or --annotations with --images.")
        if self.images is None and (self.dense or self.annotations is not None):
            why = "the release holds no frames for the dense annotations" if self.dense else "frames are needed"
            raise ValueError(f"--images is missing: {why}.")
        if self.release is not None and self.images is not None and not self.dense:
            raise ValueError("--release brings its own frames: leave --images out, or give --annotations.")
        return self

    @property
    def source(self) -> Path:
        """Where the annotations are."""
        return cast(Path, self.release or self.annotations)
