"""Runs the network over a split as the VISOR evaluation protocol says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visorvos.core.files.checkpoints import load_weights
from visorvos.core.files.images import read_frame
from visorvos.core.files.layout import DataSet
from visorvos.core.files.layout import Sequence as Video
from visorvos.core.files.masks import write_mask
from visorvos.core.files.palette import DAVIS_PALETTE
from visorvos.core.files.truth import open_truth
from visorvos.core.inference.segmenter import segment_video
from visorvos.core.jobs.device import choose_device, choose_precision
from visorvos.core.jobs.progress import Progress
from visorvos.core.jobs.weights import resolve_weights
from visorvos.core.network.stm import STM
from visorvos.errors import VisorVosError
from visorvos.settings.evaluate import EvaluateSettings

__all__ = ["segment_split"]


class _Frames:
    """A video's frames, each read when it is asked for."""

    def __init__(self, video: Video) -> None:
        self.files = video.frames

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return map(read_frame, self.files)


def segment_split(
    settings: EvaluateSettings, weights: str, data: DataSet, names: Sequence[str], output: Path, progress: Progress
) -> None:
    """Segments every sequence and writes its masks, ``OUTPUT/SEQUENCE/FRAME.png``.

    Args:
        settings: for device and precision.
        weights: the checkpoint, as `resolve_weights` takes it.
        data: the data set.
        names: the split's sequences.
        output: where the masks go.
        progress: hears of each frame.

    Raises:
        VisorVosError: for weights or data that cannot be used, naming sequence and frame.
    """
    videos = [data.sequence(name) for name in names]
    device = choose_device(settings.device)
    stm = load_weights(resolve_weights(weights, progress)).to(device, choose_precision(settings.precision, device))
    frames = (written for video in videos for written in _segment(stm, video, output / video.name))
    for _ in progress.track(frames, "Segmenting", "frames", sum(len(video.frames) for video in videos)):
        pass


def _segment(stm: STM, video: Video, output: Path) -> Iterator[Path]:
    """Writes the masks of one video, one a frame; empty ones where its first mask shows no object."""
    truth = open_truth(video.masks)
    objects = range(1, truth.objects + 1)
    palette = truth.first.palette or DAVIS_PALETTE
    if truth.objects:
        masks = segment_video(stm, _Frames(video), truth.first.labels, memory="visor", objects=objects)
    else:
        masks = (truth.first.labels for _ in video.frames)
    try:
        for file, mask in zip(video.frames, masks, strict=True):
            path = output / f"{file.stem}.png"
            write_mask(path, mask, palette)
            yield path
    except VisorVosError as error:
        raise VisorVosError(f"Sequence {video.name}: {error.message}", error.remedy) from error
