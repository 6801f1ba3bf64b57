"""The JSON files of VISOR: polygons of the objects in each annotated frame of a video."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from visorvos.core.io.paths import is_safe_name
from visorvos.errors import VisorVosError

__all__ = ["AnnotatedFrame", "Entity", "VideoAnnotations", "explain_json_error", "read_annotations"]

_MAX_LISTED = 5
_DOWNLOAD_AGAIN = "The file is damaged, or not a JSON of VISOR. Download it again."


def _safe_name(name: str) -> str:
    if not is_safe_name(name):
        raise ValueError(f"{name!r} cannot be the name of a file or folder")
    return name


def _points(points: list[tuple[float, float]]) -> NDArray[np.int32]:
    # Truncated as in the reference. An array takes a tenth of the memory of lists of floats.
    return np.array(points, dtype=np.float64).reshape(-1, 2).astype(np.int32)


Name = Annotated[str, AfterValidator(_safe_name)]
"""A name that becomes one level of a path."""
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
    try:
        frames = VideoAnnotations.model_validate_json(content).video_annotations
    except ValidationError as error:
        raise explain_json_error(error, content, source) from error
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


def explain_json_error(
    error: ValidationError, content: bytes, source: str, remedy: str = _DOWNLOAD_AGAIN
) -> VisorVosError:
    """Turns pydantic's findings into a sentence that calls frames by their names."""
    faults = error.errors(include_url=False)
    if faults[0]["type"] == "json_invalid":
        return _fault(source, "it is not JSON", remedy)
    # pydantic reports positions only: for names the file is parsed again.
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError):
        raw = None
    sentences = []
    for fault in faults[:_MAX_LISTED]:
        location = list(fault["loc"])
        where = ""
        if len(location) > 1 and location[0] == "video_annotations" and isinstance(location[1], int):
            where = f"frame {_frame_name(raw, location[1])}, "
            location = location[2:]
        field = ".".join(map(str, location)) or "the file"
        words = fault["msg"].removeprefix("Value error, ").replace("Input should", "must")
        if fault["type"] == "missing":
            sentences.append(f"{where}{field} is missing")
        else:
            sentences.append(f"{where}{field}: {words}, got {str(fault['input'])[:60]}")
    more = f"; and {len(faults) - _MAX_LISTED} more" if len(faults) > _MAX_LISTED else ""
    return _fault(source, "; ".join(sentences) + more, remedy)


def _frame_name(raw: Any, number: int) -> str:  # noqa: ANN401 - parsed JSON
    try:
        return str(raw["video_annotations"][number]["image"]["name"])
    except (KeyError, TypeError, IndexError):
        return f"number {number + 1}"


def _fault(source: str, what: str, remedy: str = _DOWNLOAD_AGAIN) -> VisorVosError:
    return VisorVosError(f"{source}: {what}.", remedy)
