"""What to convert: sequences, their frames, and the ids of their objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from visorvos.core.datasets.visor.annotations import AnnotatedFrame, read_annotations
from visorvos.core.datasets.visor.rasterize import Polygons
from visorvos.core.datasets.visor.release import FrameFiles, ReleaseFile
from visorvos.core.io.archives import Location, read_bytes
from visorvos.errors import VisorVosError
from visorvos.settings.prepare import PrepareSettings

Drawing = list[tuple[int, Polygons]]
"""Id and polygons of each entity, in drawing order."""

MIN_MASKS = {"train": 3, "val": 2}
"""Masks below which a sequence is dropped: a training clip has three frames, an evaluation two."""
_MAX_ID = 255


@dataclass(frozen=True)
class PlannedSequence:
    """A sequence of one JSON file."""

    name: str
    split: str
    file: ReleaseFile
    videos: dict[str, str]
    """Video of each frame that has an object to draw, by the frame's name without suffix, in order. Its mask may be
    empty nevertheless."""
    empty_frames: tuple[str, ...]
    """Frames without an object to draw."""
    ids: dict[str, int]
    """Id by object name."""
    first_is_empty: bool
    """Whether the first frame holds no object."""
    by_order: bool
    """Whether the entities of each frame are numbered by their order, as in the reference."""


@dataclass(frozen=True)
class FrameTask:
    """A frame to convert."""

    sequence: str
    stem: str
    drawing: Drawing
    source: Location | str
    """Its image, or why there is none."""
    keep: bool
    """Whether to write it: False in a sequence that is too short, of which only the masks are counted."""


def plan_file(task: tuple[ReleaseFile, str, PrepareSettings]) -> list[PlannedSequence]:
    """Reads and checks one JSON file and plans its sequences.

    Args:
        task: the file, its split, and the options.

    Raises:
        VisorVosError: if the file has another form, or a sequence too many objects.
    """
    file, split, settings = task
    sequences = []
    for name, frames in _frames_by_sequence(file, settings).items():
        ids = _number(frames, split, settings)
        if len(ids) > _MAX_ID:
            raise VisorVosError(
                f"{file.location}: sequence {name} has {len(ids)} objects; a mask can hold {_MAX_ID}.",
                "Keep only the objects of the first frame: --objects first-frame",
            )
        is_empty = not _named(frames[0])
        by_order = is_empty and settings.reference_ids and settings.kept_objects(split) == "first-frame"
        videos = {frame.image.stem: frame.image.video for frame in frames if _drawing(frame, ids, by_order)}
        empty = tuple(frame.image.stem for frame in frames if frame.image.stem not in videos)
        sequences.append(PlannedSequence(name, split, file, videos, empty, ids, is_empty, by_order))
    return sequences


def frame_tasks(
    sequences: Iterable[PlannedSequence], frames: FrameFiles, settings: PrepareSettings
) -> Iterator[FrameTask]:
    """Yields every frame that has an object to draw.

    Reads the JSON files again: the polygons of a whole release would fill the memory.
    """
    for file, own in groupby(sequences, key=lambda sequence: sequence.file):
        by_sequence = _frames_by_sequence(file, settings)
        sources: dict[str, dict[str, Location] | str] = {}
        for sequence in own:
            keep = len(sequence.videos) >= MIN_MASKS[sequence.split]
            for frame in by_sequence[sequence.name]:
                stem, video = frame.image.stem, frame.image.video
                if stem not in sequence.videos:
                    continue
                if video not in sources:
                    try:
                        sources[video] = frames.of(video)
                    except VisorVosError as error:
                        sources[video] = error.message
                found = sources[video]
                source = found if isinstance(found, str) else found.get(stem, f"No such frame in {frames.root}.")
                yield FrameTask(sequence.name, stem, _drawing(frame, sequence.ids, sequence.by_order), source, keep)


def _frames_by_sequence(file: ReleaseFile, settings: PrepareSettings) -> dict[str, list[AnnotatedFrame]]:
    by_sequence: dict[str, list[AnnotatedFrame]] = {}
    for frame in read_annotations(read_bytes(file.location), str(file.location), settings.dense):
        by_sequence.setdefault(frame.sequence(settings.dense), []).append(frame)
    return by_sequence


def _named(frame: AnnotatedFrame) -> set[str]:
    """Names of the objects that a frame outlines."""
    return {entity.name for entity in frame.annotations if entity.segments}


def _number(frames: list[AnnotatedFrame], split: str, settings: PrepareSettings) -> dict[str, int]:
    if settings.kept_objects(split) == "all":
        names = set().union(*map(_named, frames))
    elif settings.reference_ids:
        names = _named(frames[0])
    else:
        # Frames without an object are left out, so the first one with objects is the first of the data set.
        names = next(filter(None, map(_named, frames)), set())
    return {name: object_id for object_id, name in enumerate(sorted(names), start=1)}


def _drawing(frame: AnnotatedFrame, ids: dict[str, int], by_order: bool) -> Drawing:
    shown = [entity for entity in frame.annotations if entity.segments]
    if by_order:
        return [(min(place, _MAX_ID), entity.polygons) for place, entity in enumerate(shown, start=1)]
    return [(ids[entity.name], entity.polygons) for entity in shown if entity.name in ids]
