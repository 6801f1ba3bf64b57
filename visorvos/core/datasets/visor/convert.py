"""From polygons and full-size frames to the files of the data set, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.visor.plan import Drawing
from visorvos.core.datasets.visor.prepared import HEIGHT, WIDTH, PreparedData
from visorvos.core.datasets.visor.rasterize import draw_objects, shrink_frame, shrink_mask
from visorvos.core.io.archives import Location
from visorvos.core.io.atomic import write_file
from visorvos.core.io.images import encode_jpeg, read_frame
from visorvos.core.io.masks import read_mask, write_mask
from visorvos.core.labels import object_ids
from visorvos.errors import VisorVosError

__all__ = ["FrameResult", "FrameTask", "FrameTasks", "convert_frames"]

_FULL_HEIGHT, _FULL_WIDTH = 1080, 1920
"""Of the sparse annotations."""


@dataclass(frozen=True)
class FrameTask:
    """A frame to convert."""

    sequence: str
    stem: str
    drawing: Drawing
    source: Location | None
    """Where its picture is, if anywhere."""


@dataclass(frozen=True)
class FrameTasks:
    """Frames that one process converts in one go."""

    data: PreparedData
    dense: bool
    frames: tuple[FrameTask, ...]


@dataclass(frozen=True)
class FrameResult:
    """What became of a frame."""

    sequence: str
    stem: str
    ids: bytes | None
    """The ids that its mask shows; None where it is left out because the mask is empty, or is broken."""
    problem: str = ""
    """Why it could not be converted."""
    reused: bool = False
    """Whether an earlier run had done it."""


def convert_frames(tasks: FrameTasks) -> list[FrameResult]:
    """Converts frames that are not there yet. Frames that cannot be are told in the results.

    Raises:
        VisorVosError: where the output cannot be written.
    """
    return [_convert(task, tasks.data, tasks.dense) for task in tasks.frames]


def _convert(task: FrameTask, data: PreparedData, dense: bool) -> FrameResult:
    png = data.png(task.sequence, task.stem)
    if data.has(task.sequence, task.stem):
        # Reading the mask tells its ids, and that nothing has happened to it.
        try:
            return FrameResult(task.sequence, task.stem, bytes(object_ids(read_mask(png).labels)), reused=True)
        except VisorVosError:
            data.forget(task.sequence, task.stem)
    if dense:
        labels = draw_objects(task.drawing, HEIGHT, WIDTH)
    else:
        labels = draw_objects(task.drawing, _FULL_HEIGHT, _FULL_WIDTH)
    if not cv2.countNonZero(labels):
        return FrameResult(task.sequence, task.stem, None)
    try:
        frame = _picture(task)
    except VisorVosError as error:
        # A killed run may have left the mask alone.
        data.forget(task.sequence, task.stem)
        return FrameResult(task.sequence, task.stem, None, error.message)
    labels = shrink_mask(labels, HEIGHT, WIDTH)
    write_mask(png, labels)
    write_file(data.jpeg(task.sequence, task.stem), encode_jpeg(shrink_frame(frame, HEIGHT, WIDTH)))
    return FrameResult(task.sequence, task.stem, bytes(object_ids(labels)))


def _picture(task: FrameTask) -> NDArray[np.uint8]:
    """The frame, uint8 (H, W, 3) RGB."""
    if task.source is None:
        raise VisorVosError("There is no such frame among the images.", "Copy or extract it.")
    return read_frame(task.source)
