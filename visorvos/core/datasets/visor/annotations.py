"""The JSON files of VISOR: polygons of the objects in each annotated frame of a video."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from visorvos.core.io.json_file import Name, parse_json
from visorvos.errors import VisorVosError

_DOWNLOAD_AGAIN = "The file is damaged, or not a JSON of VISOR. Download it again."


def _points(points: list[tuple[float, float]]) -> NDArray[np.int32]:
    # Truncated as in the reference. An array takes a tenth of the memory of lists of floats.
    return np.array(points, dtype=np.float64).reshape(-1, 2).astype(np.int32)


# Far outside any frame, and within the range of OpenCV's fixed-point drawing.
Coordinate = Annotated[float, Field(ge=-20_000, le=20_000, allow_inf_nan=False)]
Polygon = Annotated[list[tuple[Coordinate, Coordinate]], AfterValidator(_points)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, arbitrary_types_allowed=True)


class Entity(_Part):
    """One object in one frame."""

    name: Annotated[str, Field(min_length=1)]
    segments: list[Polygon]

    @property
    def polygons(self) -> list[NDArray[np.int32]]:
        """Polygons, int32 (P, 2) of x, y; P may be 0. Without any, the object is named but not outlined."""
        return self.segments  # type: ignore[return-value]


class FrameImage(_Part):
    """The image that annotations belong to."""

    name: Name
    image_path: str
    video: Name
    subsequence: Name | None = None
    interpolation: Name | None = None
    """Sequence of the dense annotations."""

    @property
    def stem(self) -> str:
        """The frame's name without suffix."""
        return PurePosixPath(self.name).stem


class AnnotatedFrame(_Part):
    """A frame and its objects, in drawing order."""

    image: FrameImage
    annotations: list[Entity]

    def sequence(self, dense: bool) -> str:
        """Name of the sequence that the frame belongs to."""
        return (self.image.interpolation if dense else self.image.subsequence) or ""


class VideoAnnotations(_Part):
    """The content of one JSON file."""

    video_annotations: list[AnnotatedFrame]


_FORM = TypeAdapter(VideoAnnotations)


def read_annotations(content: bytes, source: str, dense: bool = False) -> list[AnnotatedFrame]:
    """Reads the annotations of one video.

    Args:
        content: bytes of the JSON file.
        source: its name, for error messages.
        dense: whether the file holds dense annotations, whose sequences are named by ``interpolation``.

    Returns:
        The frames in the order of their image paths: at least one, and no two of one name in a sequence.

    Raises:
        VisorVosError: if the file has another form; the message names frame and field.
    """
    frames = parse_json(content, _FORM, source, _DOWNLOAD_AGAIN).video_annotations
    if not frames:
        raise _fault(source, "video_annotations has no frame")
    if dense != any(frame.image.interpolation for frame in frames):
        kind, remedy = ("sparse", "without") if dense else ("dense", "with")
        raise VisorVosError(f"{source} holds {kind} annotations.", f"Prepare them {remedy} --dense.")
    field = "interpolation" if dense else "subsequence"
    seen: set[tuple[str, str]] = set()
    for frame in frames:
        sequence, name = frame.sequence(dense), frame.image.stem
        if not sequence:
            raise _fault(source, f"frame {frame.image.name}, image.{field} is missing")
        if (sequence, name) in seen:
            raise _fault(source, f"frame {frame.image.name}, image.name is in the sequence {sequence} twice")
        seen.add((sequence, name))
    return sorted(frames, key=lambda frame: frame.image.image_path)


def _fault(source: str, what: str) -> VisorVosError:
    return VisorVosError(f"{source}: {what}.", _DOWNLOAD_AGAIN)
