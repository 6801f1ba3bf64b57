"""Pictures of ground-truth and predicted masks, drawn from frames and masks on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.davis.ground_truth import open_ground_truth
from visorvos.core.datasets.davis.layout import FRAMES, Split
from visorvos.core.io.images import FRAME_SUFFIXES, list_images, read_frame
from visorvos.core.io.masks import mask_files
from visorvos.core.report.mask_pair import PREDICTED_COLOR, TRUE_COLOR, MaskPair, crop_window, draw_mask
from visorvos.core.report.page import data_uri

__all__ = ["picture_note", "with_pictures"]

_WIDTH = 420


def with_pictures(pairs: Iterable[MaskPair], split: Split, predictions: Sequence[Path]) -> list[MaskPair]:
    """Adds pictures to object masks: ground truth, then each prediction, on the part of the frame around the object.

    Pairs whose frame or mask is missing stay without pictures.

    Args:
        pairs: object masks to draw.
        split: split with the frames and ground-truth masks.
        predictions: folders of predicted masks, ``SEQUENCE/FRAME.png``.

    Raises:
        VisorVosError: if a file exists and cannot be read.
    """
    if not (split.folder / FRAMES).is_dir():
        return list(pairs)
    frames, masks = split.frames_folder, split.masks_folder
    return [_draw(pair, frames / pair.sequence, masks / pair.sequence, predictions) for pair in pairs]


def picture_note(pairs: Sequence[MaskPair]) -> str:
    """A sentence about what the pictures of a report show, and how many are missing."""
    lacking = sum(not pair.pictures for pair in pairs)
    if lacking == len(pairs):
        return "No pictures: their frames are not in JPEGImages."
    shown = "Pictures show the part of the frame around the object: ground truth in blue, prediction in orange."
    return f"{shown} {lacking} of {len(pairs)} frames are missing in JPEGImages." if lacking else shown


def _draw(pair: MaskPair, frames: Path, masks: Path, predictions: Sequence[Path]) -> MaskPair:
    listed = list_images(frames, FRAME_SUFFIXES) if frames.is_dir() else []
    file = next((path for path in listed if path.stem == pair.frame), None)
    if file is None:
        return pair
    truths = mask_files(masks)
    predicted = [mask_files(folder / pair.sequence).get(pair.frame) for folder in predictions]
    if pair.frame not in truths or None in predicted:
        return pair
    truth = open_ground_truth(list(truths.values()))
    shown = [truth.labels(truths[pair.frame]) == pair.object_id]
    shown += [truth.predicted(path) == pair.object_id for path in predicted if path is not None]
    frame = _fitted(read_frame(file), shown[0].shape)
    window = crop_window(shown)
    colors = (TRUE_COLOR, *(PREDICTED_COLOR for _ in predictions))
    drawn = (draw_mask(frame, mask, color, window, _WIDTH) for mask, color in zip(shown, colors, strict=True))
    return replace(pair, pictures=tuple(map(data_uri, drawn)))


def _fitted(frame: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """A frame resized to its mask's size: masks are scored at their own size, frames may be larger."""
    if frame.shape[:2] == shape:
        return frame
    return np.asarray(cv2.resize(frame, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.uint8)
