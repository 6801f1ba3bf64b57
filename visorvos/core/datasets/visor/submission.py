"""Submissions to the VISOR challenge: one JSON in VISOR's form, zipped flat."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from visorvos.core.datasets.visor.annotations import Name, explain_json_error
from visorvos.core.datasets.visor.prepared import HEIGHT, WIDTH
from visorvos.core.io.archives import Location, members, read_bytes
from visorvos.core.io.atomic import atomic_write
from visorvos.errors import VisorVosError

__all__ = ["INFO", "Submission", "SubmittedFrame", "read_submission", "video_of", "write_submission"]

INFO = {
    "Dataset Name": "VISOR",
    "Challenge": "semi_supervised_vos",
    "Version": "0.1",
    "Resolution": f"{WIDTH}x{HEIGHT}",
    "Release Date": "Aug 2022",
    "URL": "https://epic-kitchens.github.io/VISOR",
    "Details": f"This is a VISOR VOS submission file. All annotations must have {WIDTH}x{HEIGHT} resolution",
}
"""What stands at the head of a submission."""

_MEND = "Make the submission again, for example with: visorvos export PREDICTIONS --data VISOR_2022"


@dataclass(frozen=True)
class SubmittedFrame:
    """The masks of one frame."""

    sequence: str
    frame: str
    """Name without suffix."""
    objects: tuple[tuple[str, list[NDArray[np.int32]]], ...]
    """Name and polygons, int32 (P, 2) of x, y at 854x480, of each object."""

    def to_json(self) -> str:
        """The frame in VISOR's form."""
        video, name = video_of(self.sequence), f"{self.frame}.png"
        image = {"image_path": f"{video}/{name}", "name": name, "video": video, "subsequence": self.sequence}
        annotations = [
            {"name": name, "segments": [polygon.tolist() for polygon in polygons]} for name, polygons in self.objects
        ]
        return json.dumps({"image": image, "annotations": annotations})


def video_of(sequence: str) -> str:
    """The video that a sequence is cut from: P01_101 of P01_101_seq_00001."""
    return sequence.split("_seq_")[0]


def write_submission(path: Path, split: str, frames: Iterable[SubmittedFrame]) -> int:
    """Writes a submission, whole or not at all; the same frames give the same bytes.

    Args:
        path: the zip file.
        split: the JSON in it is named after it.
        frames: taken one by one, so that a split's polygons need not be in memory.

    Returns:
        The number of frames.

    Raises:
        VisorVosError: where it cannot be written.
    """
    member = zipfile.ZipInfo(f"{split}.json", (1980, 1, 1, 0, 0, 0))
    member.compress_type = zipfile.ZIP_DEFLATED
    count = 0
    with atomic_write(path) as part, zipfile.ZipFile(part, "w") as archive, archive.open(member, "w") as stream:
        stream.write(f'{{"info": {json.dumps(INFO)}, "video_annotations": ['.encode())
        for count, frame in enumerate(frames, start=1):
            stream.write(((", " if count > 1 else "") + frame.to_json()).encode())
        stream.write(b"]}")
    return count


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class _Info(_Part):
    resolution: Annotated[Literal["854x480"], Field(alias="Resolution")]


X = Annotated[float, Field(ge=0, lt=WIDTH, allow_inf_nan=False)]
Y = Annotated[float, Field(ge=0, lt=HEIGHT, allow_inf_nan=False)]


class _Object(_Part):
    name: Annotated[str, Field(min_length=1)]
    segments: Annotated[list[Annotated[list[tuple[X, Y]], Field(min_length=1)]], Field(min_length=1)]


class _Image(_Part):
    image_path: str
    name: Name
    video: Name
    subsequence: Name


class _Frame(_Part):
    image: _Image
    annotations: list[_Object]


class _File(_Part):
    info: _Info
    video_annotations: Annotated[list[_Frame], Field(min_length=1)]


@dataclass(frozen=True)
class Submission:
    """A submission as read: its form is that of the challenge."""

    frames: dict[str, dict[str, tuple[str, ...]]]
    """Names of the objects by sequence and frame (without suffix)."""
    faults: tuple[str, ...]
    """What does not fit together, a sentence each."""


def read_submission(path: Path) -> Submission:
    """Reads a submission, .zip or .json.

    Raises:
        VisorVosError: where it cannot be read, is not one JSON zipped flat, or a field is not as it should be.
    """
    location = Location(path)
    if path.suffix.lower() == ".zip":
        names = [info.filename for info in members(location)]
        if len(names) != 1 or "/" in names[0] or not names[0].endswith(".json"):
            held = ", ".join(names[:5]) or "nothing"
            raise VisorVosError(f"{path} is to hold one JSON file and no folder; it holds {held}.", _MEND)
        location = location.member(names[0])
    content = read_bytes(location)
    try:
        file = _File.model_validate_json(content)
    except ValidationError as error:
        raise explain_json_error(error, content, str(location), _MEND) from error
    frames: dict[str, dict[str, tuple[str, ...]]] = {}
    faults = []
    for frame in file.video_annotations:
        image = frame.image
        stem = Path(image.name).stem
        objects = tuple(entity.name for entity in frame.annotations)
        if stem in frames.setdefault(image.subsequence, {}):
            faults.append(f"frame {image.name} is in {image.subsequence} twice")
        if len(set(objects)) < len(objects):
            faults.append(f"frame {image.name} has two objects of one name")
        if Path(image.image_path).stem != stem:
            faults.append(f"frame {image.name} has the image_path {image.image_path} of another")
        if not image.subsequence.startswith(image.video):
            faults.append(f"frame {image.name} is of video {image.video}, its sequence is {image.subsequence}")
        frames[image.subsequence][stem] = objects
    return Submission(frames, tuple(faults))
