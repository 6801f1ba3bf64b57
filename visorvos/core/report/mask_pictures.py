"""Pictures of an object's ground-truth mask beside its predicted ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.davis.ground_truth import open_ground_truth
from visorvos.core.datasets.davis.layout import FRAMES, Split
from visorvos.core.io.images import FRAME_SUFFIXES, list_images, read_frame
from visorvos.core.io.masks import mask_files
from visorvos.core.metrics.scores import ObjectScores
from visorvos.core.report.overlay import Style, draw_overlay
from visorvos.core.report.page import data_uri

_TRUE, _PREDICTED = (Style(bytes(3) + bytes(color) * 255, opacity=0.4) for color in ((0, 150, 255), (255, 128, 0)))
_WIDTH = 420
_MIN_SHARE = 0.12
"""Smallest side of the part that is shown, relative to the frame: tiny masks stay visible."""
_MARGIN = 2.0
"""Side of the part that is shown, relative to the object's extent."""


@dataclass(frozen=True)
class MaskPair:
    """One object in one frame, as a page shows it.

    Attributes:
        item: the object with its scores.
        number: index of the frame in the object's scored frames.
        pictures: data URIs, one of the ground truth and one per prediction; empty where the frame is missing.
    """

    item: ObjectScores
    number: int
    pictures: tuple[str, ...] = ()


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
    return [replace(pair, pictures=_draw(pair, split, predictions)) for pair in pairs]


def picture_note(pairs: Sequence[MaskPair]) -> str:
    """A sentence about what the pictures of a report show, and how many are missing."""
    lacking = sum(not pair.pictures for pair in pairs)
    if not pairs:
        return ""
    if lacking == len(pairs):
        return "No pictures: their frames are not in JPEGImages."
    shown = "Pictures show the part of the frame around the object: ground truth in blue, prediction in orange."
    return f"{shown} {lacking} of {len(pairs)} frames or masks are missing." if lacking else shown


def _draw(pair: MaskPair, split: Split, predictions: Sequence[Path]) -> tuple[str, ...]:
    sequence, name = pair.item.sequence, pair.item.frames[pair.number]
    frames = split.frames_folder / sequence
    listed = list_images(frames, FRAME_SUFFIXES) if frames.is_dir() else []
    file = next((path for path in listed if path.stem == name), None)
    truths = mask_files(split.masks_folder / sequence)
    predicted = [mask_files(folder / sequence).get(name) for folder in predictions]
    if file is None or name not in truths or None in predicted:
        return ()
    truth = open_ground_truth(list(truths.values()))
    shown = [truth.labels(truths[name]) == pair.item.object_id]
    shown += [truth.predicted(path) == pair.item.object_id for path in predicted if path is not None]
    frame, (height, width) = read_frame(file), shown[0].shape
    if frame.shape[:2] != (height, width):
        # Masks are scored at their own size; frames may be larger.
        frame = np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    window, styles = crop_window(shown), (_TRUE, *(_PREDICTED for _ in predictions))
    return tuple(
        data_uri(draw_overlay(frame[window], mask[window].astype(np.uint8), style, _WIDTH))
        for mask, style in zip(shown, styles, strict=True)
    )


def crop_window(masks: Sequence[NDArray[np.bool_]]) -> tuple[slice, slice]:
    """Rows and columns around an object, with the frame's aspect ratio, so that small objects are visible.

    Args:
        masks: boolean (H, W), at least one. If all are empty, the window is the whole frame.
    """
    height, width = masks[0].shape
    x, y, columns, rows = cv2.boundingRect(np.logical_or.reduce(masks).astype(np.uint8))
    share = min(1.0, max(_MARGIN * rows / height, _MARGIN * columns / width, _MIN_SHARE)) if rows else 1.0
    window = []
    for middle, length in ((y + rows / 2, height), (x + columns / 2, width)):
        size = max(1, round(share * length))
        start = min(max(0, round(middle - size / 2)), length - size)
        window.append(slice(start, start + size))
    return window[0], window[1]
