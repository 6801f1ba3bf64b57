"""Polygons and full-size frames to the files of a prepared data set, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.davis.layout import FRAMES, LISTS, MASKS
from visorvos.core.datasets.visor.plan import FrameTask
from visorvos.core.datasets.visor.rasterize import draw_objects
from visorvos.core.io.atomic import write_file
from visorvos.core.io.images import encode_jpeg, read_frame
from visorvos.core.io.masks import read_mask, write_mask
from visorvos.core.labels import object_ids
from visorvos.errors import VisorVosError
from visorvos.settings.prepare import PrepareSettings

_SPARSE_SIZE, _DENSE_SIZE = (1080, 1920), (480, 854)
"""Height and width of the frames that the polygons are drawn on."""
_ASPECT, _ASPECT_TOLERANCE = 16 / 9, 0.02


def frame_files(settings: PrepareSettings, sequence: str, frame: str) -> tuple[Path, Path]:
    """The files of a mask and its frame."""
    place = Path(f"{settings.size[1]}p", sequence)
    return settings.data / MASKS / place / f"{frame}.png", settings.data / FRAMES / place / f"{frame}.jpg"


def split_files(settings: PrepareSettings, split: str) -> tuple[Path, Path, Path]:
    """The object names and the lists of a split, of all and of unseen kitchens: there if its data is complete."""
    lists = settings.data / LISTS / "2022"
    return settings.data / f"{split}_data_mapping.json", lists / f"{split}.txt", lists / f"{split}_unseen.txt"


@dataclass(frozen=True)
class FrameResult:
    """The outcome for one frame."""

    sequence: str
    stem: str
    ids: bytes | None
    """Ids that its mask shows; None if the frame is left out because its mask is empty or it is broken."""
    lost: bytes = b""
    """Ids that only the full-size mask shows."""
    problem: str = ""
    """Why it could not be converted."""
    stretched: bool = False
    how: Literal["", "converted", "reused"] = ""
    """Whether this run wrote it, or an earlier one."""


def convert_frames(batch: tuple[PrepareSettings, list[FrameTask]]) -> list[FrameResult]:
    """Converts frames that are not converted yet.

    Raises:
        VisorVosError: if the output cannot be written.
    """
    settings, tasks = batch
    return [_convert(task, settings) for task in tasks]


def _convert(task: FrameTask, settings: PrepareSettings) -> FrameResult:
    full = draw_objects(task.drawing, *(_DENSE_SIZE if settings.dense else _SPARSE_SIZE))
    if not cv2.countNonZero(full):
        return FrameResult(task.sequence, task.stem, None)
    size = settings.size
    labels = np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    ids, lost = bytes(object_ids(labels)), b""
    if any(number not in ids for number, _ in task.drawing):
        # Lost by the resize, unless other objects cover them.
        lost = bytes(number for number in object_ids(full) if number not in ids)
    if not task.keep:
        return FrameResult(task.sequence, task.stem, ids, lost)
    mask_file, frame_file = frame_files(settings, task.sequence, task.stem)
    if not settings.stretch and frame_file.is_file() and _shows(mask_file, labels):
        return FrameResult(task.sequence, task.stem, ids, lost, how="reused")
    try:
        if isinstance(task.source, str):
            raise VisorVosError(task.source, "Restore it.")
        frame = read_frame(task.source)
        height, width = frame.shape[:2]
        stretched = abs(width / height / _ASPECT - 1) > _ASPECT_TOLERANCE
        if stretched and not settings.stretch:
            raise VisorVosError(f"The frame is {width}x{height}, not 16:9; --stretch converts it.", "Add --stretch.")
    except VisorVosError as error:
        # A killed run may have left the mask alone.
        mask_file.unlink(missing_ok=True)
        frame_file.unlink(missing_ok=True)
        return FrameResult(task.sequence, task.stem, None, problem=error.message)
    write_mask(mask_file, labels)
    # Without smoothing, as in the reference.
    jpeg = encode_jpeg(np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR), np.uint8))
    write_file(frame_file, jpeg)
    return FrameResult(task.sequence, task.stem, ids, lost, stretched=stretched, how="converted")


def _shows(mask_file: Path, labels: NDArray[np.uint8]) -> bool:
    """Whether a mask exists and shows exactly these labels."""
    try:
        return np.array_equal(read_mask(mask_file).labels, labels)
    except VisorVosError:
        return False
