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

_TRUE_COLOR, _PREDICTED_COLOR = (0, 150, 255), (255, 128, 0)
_WIDTH = 420
_MIN_SHARE = 0.12
"""Smallest side of the part that is shown, relative to the frame: tiny masks stay visible."""
_MARGIN = 2.0
"""Side of the part that is shown, relative to the object's extent."""


@dataclass(frozen=True)
class MaskPair:
    """One object in one frame, as a page shows it.

    Attributes:
        sequence, object_id, name, frame: the object and the frame.
        region, contour, size: J, F and the share of the frame that the ground-truth mask covers, each in [0, 1].
        pictures: data URIs, one of the ground truth and one per prediction; empty where the frame is missing.
    """

    sequence: str
    object_id: int
    name: str | None
    frame: str
    region: float
    contour: float
    size: float
    pictures: tuple[str, ...] = ()

    @classmethod
    def from_scores(cls, item: ObjectScores, number: int) -> MaskPair:
        """The pair of the object's scored frame with that index."""
        region, contour, size = (float(array[number]) for array in (item.region, item.contour, item.sizes))
        return cls(item.sequence, item.object_id, item.name, item.frames[number], region, contour, size)


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
    frames = split.frames_folder / pair.sequence
    listed = list_images(frames, FRAME_SUFFIXES) if frames.is_dir() else []
    file = next((path for path in listed if path.stem == pair.frame), None)
    truths = mask_files(split.masks_folder / pair.sequence)
    predicted = [mask_files(folder / pair.sequence).get(pair.frame) for folder in predictions]
    if file is None or pair.frame not in truths or None in predicted:
        return ()
    truth = open_ground_truth(list(truths.values()))
    shown = [truth.labels(truths[pair.frame]) == pair.object_id]
    shown += [truth.predicted(path) == pair.object_id for path in predicted if path is not None]
    frame, (height, width) = read_frame(file), shown[0].shape
    if frame.shape[:2] != (height, width):
        # Masks are scored at their own size; frames may be larger.
        frame = np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    window = crop_window(shown)
    colors = (_TRUE_COLOR, *(_PREDICTED_COLOR for _ in predictions))
    return tuple(data_uri(draw_mask(frame, *drawn, window, _WIDTH)) for drawn in zip(shown, colors, strict=True))


def crop_window(masks: Sequence[NDArray[np.bool_]]) -> tuple[slice, slice]:
    """Rows and columns around an object, with the frame's aspect ratio, so that small objects are visible.

    Args:
        masks: boolean (H, W), at least one. If all are empty, the window is the whole frame.
    """
    union = np.logical_or.reduce(masks)
    if not union.any():
        return slice(0, union.shape[0]), slice(0, union.shape[1])
    ends = [(int(places.min()), int(places.max()) + 1) for places in np.nonzero(union)]
    share = max(_MARGIN * (end - start) / length for (start, end), length in zip(ends, union.shape, strict=True))
    share = min(1.0, max(share, _MIN_SHARE))
    rows, columns = (_centered(sum(pair) / 2, share, length) for pair, length in zip(ends, union.shape, strict=True))
    return rows, columns


def _centered(middle: float, share: float, length: int) -> slice:
    size = max(1, round(share * length))
    start = min(max(0, round(middle - size / 2)), length - size)
    return slice(start, start + size)


def draw_mask(
    frame: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    color: tuple[int, int, int],
    window: tuple[slice, slice],
    width: int,
) -> NDArray[np.uint8]:
    """A part of a frame with one mask tinted and outlined.

    Args:
        frame: uint8 (H, W, 3) RGB.
        mask: boolean (H, W).
        color: RGB.
        window: from `crop_window`.
        width: width of the result in pixels.

    Returns:
        uint8 (h, width, 3) RGB.
    """
    labels = mask[window].astype(np.uint8)
    size = (width, max(1, round(width * labels.shape[0] / labels.shape[1])))
    interpolation = cv2.INTER_AREA if width < labels.shape[1] else cv2.INTER_LINEAR
    part = np.asarray(cv2.resize(frame[window], size, interpolation=interpolation), np.uint8)
    labels = np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return draw_overlay(part, labels, Style(bytes(3) + bytes(color) + bytes(3 * 254), opacity=0.4))
