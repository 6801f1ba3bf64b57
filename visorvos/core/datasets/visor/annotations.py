"""The VISOR JSON: annotations as released, and submissions in the same form."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from visorvos.core.io.paths import is_safe_name
from visorvos.errors import VisorVosError

__all__ = ["Entity", "Frame", "FrameImage", "Video", "explain_json_error", "read_video", "safe_name"]

_LISTED = 5
_DOWNLOAD_AGAIN = "The file is damaged or is no VISOR JSON; download it again."


def safe_name(name: str) -> str:
    """A name that may become one level of a path; raises ValueError for one that would lead elsewhere."""
    if not is_safe_name(name):
        raise ValueError(f"{name!r} cannot be the name of a file or folder")
    return name


def _points(points: list[tuple[float, float]]) -> NDArray[np.int32]:
    # Cut towards zero, as the reference does. Arrays take a tenth of the memory that lists of floats take.
    return np.array(points, dtype=np.float64).reshape(-1, 2).astype(np.int32)


Name = Annotated[str, AfterValidator(safe_name)]
# Far outside any frame, and far inside what OpenCV's fixed-point drawing can hold.
Coordinate = Annotated[float, Field(ge=-20_000, le=20_000, allow_inf_nan=False)]
Polygon = Annotated[list[tuple[Coordinate, Coordinate]], AfterValidator(_points)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, arbitrary_types_allowed=True)


class Entity(_Part):
    """One object in one frame."""

    name: Annotated[str, Field(min_length=1)]
    segments: list[Polygon]
    """Polygons, each int32 (P, 2) of x, y; P may be 0. No polygon at all: named, but not outlined."""

    @property
    def polygons(self) -> list[NDArray[np.int32]]:
        """`segments`, typed as what validation makes of them."""
        return self.segments  # type: ignore[return-value]


class FrameImage(_Part):
    """The picture that annotations belong to."""

    name: Name
    image_path: str
    video: Name
    subsequence: Name | None = None
    interpolation: Name | None = None
    """Of the dense annotations."""

    @property
    def stem(self) -> str:
        """The frame's name without suffix."""
        return PurePosixPath(self.name).stem


class Frame(_Part):
    """A frame and its objects, in the order they are drawn."""

    image: FrameImage
    annotations: list[Entity]

    def sequence(self, dense: bool) -> str:
        """The sequence that the frame is part of."""
        return (self.image.interpolation if dense else self.image.subsequence) or ""


class Video(_Part):
    """One JSON of the release."""

    video_annotations: list[Frame]


def read_video(content: bytes, source: str, dense: bool = False) -> list[Frame]:
    """The frames of one JSON of the release, in the order of their image paths.

    Args:
        content: the file's bytes.
        source: its name, for errors.
        dense: whether sequences are told by ``interpolation`` in place of ``subsequence``.

    Returns:
        At least one frame; within a sequence no two of one name.

    Raises:
        VisorVosError: naming file, frame and field of what is wrong.
    """
    try:
        frames = Video.model_validate_json(content).video_annotations
    except ValidationError as error:
        raise explain_json_error(error, content, source) from error
    field = "interpolation" if dense else "subsequence"
    seen: set[tuple[str, str]] = set()
    for frame in frames:
        sequence, name = frame.sequence(dense), frame.image.stem
        if not sequence:
            raise _fault(source, f"frame {frame.image.name}, image.{field}: the sequence is missing")
        if (sequence, name) in seen:
            raise _fault(source, f"frame {frame.image.name}, image.name: the frame is in {sequence} twice")
        seen.add((sequence, name))
    if not frames:
        raise _fault(source, "video_annotations: there is no frame")
    return sorted(frames, key=lambda frame: frame.image.image_path)


def explain_json_error(
    error: ValidationError, content: bytes, source: str, remedy: str = _DOWNLOAD_AGAIN
) -> VisorVosError:
    """What pydantic found, with frames by name in place of their number."""
    faults = error.errors(include_url=False)
    if faults[0]["type"] == "json_invalid":
        return _fault(source, f"it is no JSON: {faults[0]['ctx']['error']}", remedy)
    # Loaded a second time, and only here: pydantic's errors know no names.
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError):
        raw = None
    sentences = []
    for fault in faults[:_LISTED]:
        location = list(fault["loc"])
        where = ""
        if len(location) > 1 and location[0] == "video_annotations" and isinstance(location[1], int):
            where = f"frame {_frame_name(raw, location[1])}, "
            location = location[2:]
        field = ".".join(map(str, location)) or "the whole"
        given = f" (given: {str(fault['input'])[:60]})" if fault["type"] != "missing" else ""
        sentences.append(f"{where}{field}: {fault['msg'].removeprefix('Value error, ')}{given}")
    more = f"; and {len(faults) - _LISTED} more" if len(faults) > _LISTED else ""
    return _fault(source, "; ".join(sentences) + more, remedy)


def _frame_name(raw: Any, index: int) -> str:  # noqa: ANN401 - parsed JSON
    try:
        return str(raw["video_annotations"][index]["image"]["name"])
    except (KeyError, TypeError, IndexError):
        return f"number {index + 1}"


def _fault(source: str, what: str, remedy: str = _DOWNLOAD_AGAIN) -> VisorVosError:
    return VisorVosError(f"{source}: {what}.", remedy)
