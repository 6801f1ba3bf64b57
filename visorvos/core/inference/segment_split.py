"""Runs the network over a split as the VISOR evaluation protocol says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.davis.ground_truth import open_ground_truth
from visorvos.core.datasets.davis.layout import VideoSequence
from visorvos.core.inference.segmenter import segment_video
from visorvos.core.io.images import read_frame
from visorvos.core.io.masks import write_mask
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.network.stm import STM
from visorvos.core.runtime.read_ahead import read_ahead, write_behind
from visorvos.errors import VisorVosError

__all__ = ["segment_split"]


class _Frames:
    """A video's frames, each read while the one before is segmented."""

    def __init__(self, video: VideoSequence) -> None:
        self.files = video.frames

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return read_ahead(map(read_frame, self.files))


def segment_split(stm: STM, videos: Iterable[VideoSequence], output: Path, size: int = -1) -> Iterator[Path]:
    """Segments sequences and writes their masks, ``OUTPUT/SEQUENCE/FRAME.png``.

    Args:
        stm: the network, in evaluation mode, on the device and in the precision to compute with.
        videos: the sequences.
        output: where the masks go.
        size: short side in pixels at which frames are segmented, -1: their own.

    Returns:
        A generator of the masks' files, one a frame. When it goes on to the next sequence, or ends, all are written.

    Raises:
        VisorVosError: for data that cannot be used, naming sequence and frame.
    """
    for video in videos:
        yield from _segment(stm, video, output / video.name, size)


def _segment(stm: STM, video: VideoSequence, output: Path, size: int) -> Iterator[Path]:
    """Writes the masks of one video, one a frame; empty ones where its first mask shows no object."""
    truth = open_ground_truth(video.masks)
    objects = range(1, truth.objects + 1)
    palette = truth.first.palette or DAVIS_PALETTE
    if truth.objects:
        frames = _Frames(video)
        masks = segment_video(stm, frames, truth.first.labels, memory="visor", objects=objects, size=size)
    else:
        masks = (truth.first.labels for _ in video.frames)
    try:
        with write_behind() as write:
            for file, mask in zip(video.frames, masks, strict=True):
                path = output / f"{file.stem}.png"
                write(write_mask, path, mask, palette)
                yield path
    except VisorVosError as error:
        raise VisorVosError(f"Sequence {video.name}: {error.message}", error.remedy) from error
