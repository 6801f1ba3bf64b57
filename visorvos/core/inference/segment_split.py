"""Runs the network over the sequences of a split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.davis.ground_truth import late_objects, open_ground_truth
from visorvos.core.datasets.davis.layout import VideoSequence
from visorvos.core.inference.segmenter import segment_video
from visorvos.core.io.images import read_frame
from visorvos.core.io.masks import write_mask
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.labels import object_ids
from visorvos.core.network.stm import STM
from visorvos.core.runtime.read_ahead import read_ahead, write_behind
from visorvos.errors import VisorVosError


class _Frames:
    """A video's frames, each read while the one before is segmented."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return read_ahead(map(read_frame, self.files))


def segment_split(
    stm: STM,
    videos: Iterable[VideoSequence],
    output: Path,
    **how: Any,  # noqa: ANN401 - see segment_video
) -> Iterator[Path]:
    """Segments sequences and writes their masks, ``OUTPUT/SEQUENCE/FRAME.png``.

    Args:
        stm: the network, in evaluation mode, on the device and in the precision to compute with.
        videos: the sequences.
        output: folder for the masks.
        how: ``memory``, ``size`` and so on: see `segment_video`.

    Returns:
        A generator of the masks' files, one per frame. All masks of a sequence are written before the next one begins.

    Raises:
        VisorVosError: for data that cannot be used, naming sequence and frame.
    """
    for video in videos:
        truth = open_ground_truth(video.masks)
        objects = object_ids(truth.first.labels) if video.late_objects else range(1, truth.objects + 1)
        stems = [frame.stem for frame in video.frames]
        start = stems.index(video.masks[0].stem)
        later = {stems.index(stem) - start: mask for stem, mask in late_objects(truth, video).items()}
        empty = np.zeros_like(truth.first.labels)
        found: Iterable[NDArray[np.uint8]] = (empty for _ in video.frames[start:])
        if objects or later:
            frames = _Frames(video.frames[start:])
            found = segment_video(stm, frames, truth.first.labels, masks=later, objects=objects, **how)
        masks = chain((empty for _ in video.frames[:start]), found)
        try:
            with write_behind() as write:
                for file, mask in zip(video.frames, masks, strict=True):
                    path = output / video.name / f"{file.stem}.png"
                    write(write_mask, path, mask, truth.first.palette or DAVIS_PALETTE)
                    yield path
        except VisorVosError as error:
            raise VisorVosError(f"Sequence {video.name}: {error.message}", error.remedy) from error
