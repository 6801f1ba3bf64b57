"""Object names, from the JSON files that come with data sets."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from visorvos.core.io.archives import Location, read_bytes
from visorvos.core.io.json_file import parse_json
from visorvos.errors import VisorVosError


class _Object(BaseModel):
    category: str = ""


class _Video(BaseModel):
    objects: dict[int, _Object] = {}


class _Meta(BaseModel):
    videos: dict[str, _Video]


def read_meta(path: Path) -> dict[str, dict[int, str]]:
    """Object names by sequence and id, from the ``meta.json`` of YouTube-VOS or LVOS.

    Raises:
        VisorVosError: if it has another form.
    """
    remedy = 'It must hold {"videos": {"SEQUENCE": {"objects": {"1": {"category": "NAME"}}}}}.'
    videos = parse_json(read_bytes(Location(path)), TypeAdapter(_Meta), path, remedy).videos
    return {
        name: {number: entry.category for number, entry in video.objects.items() if entry.category}
        for name, video in videos.items()
    }


def read_mapping(path: Path) -> dict[str, dict[int, str]]:
    """Object names by sequence and id, from a file ``{"SEQUENCE": {"1": "NAME"}}``.

    Raises:
        VisorVosError: if it does not have this form.
    """
    form = TypeAdapter(dict[str, dict[int, str]])
    return parse_json(read_bytes(Location(path)), form, path, 'It must hold {"SEQUENCE": {"1": "NAME"}}.')


def read_names(path: Path, sequence: str) -> dict[int, str]:
    """Object names of one sequence by id, from ``{"1": "NAME"}`` or from a mapping that has the sequence.

    Raises:
        VisorVosError: if it has neither form, or the mapping lacks the sequence.
    """
    try:
        return TypeAdapter(dict[int, str]).validate_json(read_bytes(Location(path)))
    except ValidationError:
        mapping = read_mapping(path)
    if sequence not in mapping:
        raise VisorVosError(
            f"The mapping {path} has no sequence {sequence}.",
            'Rename the folder of frames to a sequence of the mapping, or give a file {"1": "NAME"}.',
        )
    return mapping[sequence]
