"""Submissions to the VISOR challenge: one JSON file in VISOR's form, alone in a zip file."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from visorvos.core.datasets.visor.annotations import Entity, VideoAnnotations
from visorvos.core.io.archives import Location, members, read_bytes
from visorvos.core.io.atomic import atomic_write
from visorvos.core.io.json_file import parse_json
from visorvos.errors import VisorVosError, listed

WIDTH, HEIGHT = 854, 480
"""Size of the masks of a submission."""

INFO = {
    "Dataset Name": "VISOR",
    "Challenge": "semi_supervised_vos",
    "Version": "0.1",
    "Resolution": f"{WIDTH}x{HEIGHT}",
    "Release Date": "Aug 2022",
    "URL": "https://epic-kitchens.github.io/VISOR",
    "Details": f"This is a VISOR VOS submission file. All annotations must have {WIDTH}x{HEIGHT} resolution",
}
"""The head of a submission."""

_REQUIRED = ("Dataset Name", "Challenge", "Version", "Resolution")
_MAX_LISTED = 5
_EXPORT_AGAIN = "Export it again, for example with: visorvos export PREDICTIONS --data VISOR_2022"


def submitted_frame(
    sequence: str, frame: str, objects: Iterable[tuple[str, list[NDArray[np.int32]]]]
) -> dict[str, Any]:
    """The masks of one frame in VISOR's form.

    Args:
        sequence: its name.
        frame: name without suffix.
        objects: name and polygons, int32 (P, 2) of x, y at 854x480, of each object.
    """
    video, name = sequence.split("_seq_")[0], f"{frame}.png"
    image = {"image_path": f"{video}/{name}", "name": name, "video": video, "subsequence": sequence}
    annotations = [{"name": name, "segments": [points.tolist() for points in polygons]} for name, polygons in objects]
    return {"image": image, "annotations": annotations}


def write_submission(path: Path, split: str, frames: Iterable[dict[str, Any]]) -> int:
    """Writes a submission atomically. The same frames give the same bytes.

    Args:
        path: the zip file.
        split: names the JSON file in it.
        frames: as from `submitted_frame`. Taken one by one, so that the polygons of a split need not fit into memory.

    Returns:
        The number of object masks in all frames.

    Raises:
        VisorVosError: if it cannot be written.
    """
    member = zipfile.ZipInfo(f"{split}.json", (1980, 1, 1, 0, 0, 0))
    member.compress_type = zipfile.ZIP_DEFLATED
    objects = 0
    with atomic_write(path) as part, zipfile.ZipFile(part, "w") as archive, archive.open(member, "w") as stream:
        stream.write(f'{{"info": {json.dumps(INFO)}, "video_annotations": ['.encode())
        for number, frame in enumerate(frames):
            stream.write(((", " if number else "") + json.dumps(frame)).encode())
            objects += len(frame["annotations"])
        stream.write(b"]}")
    return objects


class _File(VideoAnnotations):
    info: dict[str, Any]


@dataclass(frozen=True)
class Submission:
    """A submission that was read."""

    frames: dict[str, dict[str, tuple[str, ...]]]
    """Names of the objects by sequence and frame (without suffix)."""
    faults: tuple[str, ...]
    """What the challenge would refuse, or what contradicts itself; one sentence each."""


def read_submission(path: Path) -> Submission:
    """Reads a submission, .zip or .json.

    Raises:
        VisorVosError: if it cannot be read, a zip file has no JSON file on its top level, or a field has another form.
    """
    faults = []
    location = Location(path)
    if path.suffix.lower() == ".zip":
        names = [info.filename for info in members(location)]
        found = [name for name in names if name.endswith(".json") and not {"/", "\\"} & set(name) and name[0] != "."]
        if len(found) != 1:
            raise VisorVosError(
                f"{path} must hold one JSON file, not in a folder, got {listed(names, _MAX_LISTED) or 'nothing'}.",
                _EXPORT_AGAIN,
            )
        location = location.member(found[0])
        others = [name for name in names if name != found[0]]
        if others:
            faults.append(f"the zip file must hold nothing but {found[0]}, got {listed(others, _MAX_LISTED)}")
    file = parse_json(read_bytes(location), TypeAdapter(_File), location, _EXPORT_AGAIN)
    wrong = [key for key in _REQUIRED if file.info.get(key) != INFO[key]]
    faults += [f'info: "{key}" must be "{INFO[key]}", got {json.dumps(file.info.get(key))}' for key in wrong]
    frames: dict[str, dict[str, tuple[str, ...]]] = {}
    for frame in file.video_annotations:
        image, objects = frame.image, tuple(entity.name for entity in frame.annotations)
        name, image_path, sequence = PurePosixPath(image.name), PurePosixPath(image.image_path), image.subsequence or ""
        if name.stem in frames.setdefault(sequence, {}):
            faults.append(f"frame {image.name} is in {sequence} twice")
        if len(set(objects)) < len(objects):
            faults.append(f"frame {image.name} has two objects of one name")
        if name.suffix != ".png" or image_path.suffix != ".png":
            faults.append(f"frame {image.name}: name and image_path must end in .png, got {image_path}")
        elif image_path.stem != name.stem:
            faults.append(f"frame {image.name} has the image_path of another frame, {image_path}")
        if not sequence.startswith(image.video):
            faults.append(
                f"frame {image.name} is of the video {image.video}, its subsequence is {sequence or 'missing'}"
            )
        faults += [f"frame {image.name}, {fault}" for entity in frame.annotations if (fault := _shape_fault(entity))]
        frames[sequence][name.stem] = objects
    if not any(frame.annotations for frame in file.video_annotations):
        faults.append("no frame has an object mask")
    return Submission(frames, tuple(faults))


def _shape_fault(entity: Entity) -> str:
    """What is wrong with the polygons of an object, or nothing."""
    if not entity.polygons or not all(map(len, entity.polygons)):
        return f"object {entity.name}: segments must hold polygons with points"
    points = np.concatenate(entity.polygons)
    inside = (points >= 0).all() and (points < (WIDTH, HEIGHT)).all()
    return "" if inside else f"object {entity.name} has points outside {WIDTH}x{HEIGHT}"
