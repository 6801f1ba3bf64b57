"""A checkpoint run over a split, and a record of with what."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from visorvos.core.files.checkpoints import load_weights
from visorvos.core.files.layout import Sequence as Video
from visorvos.core.files.run_state import checksum
from visorvos.core.freed_memory import keep_freed_memory
from visorvos.core.jobs.device import choose_device, choose_precision, describe_device
from visorvos.core.jobs.processes import Processes
from visorvos.core.jobs.progress import Progress
from visorvos.core.jobs.segment_split import segment_split
from visorvos.core.jobs.weights import resolve_weights
from visorvos.core.network.for_inference import for_inference
from visorvos.settings.evaluate import EvaluateSettings

__all__ = ["Segmented", "run_weights"]


@dataclass(frozen=True)
class Segmented:
    """What the masks of a split were computed with."""

    weights: str
    sha256: str
    """Of the weights' file."""
    device: str
    precision: str
    torch: str
    frames: int
    seconds: float


def run_weights(
    settings: EvaluateSettings,
    weights: str,
    videos: Sequence[Video],
    output: Path,
    processes: Processes,
    progress: Progress,
) -> Segmented:
    """Segments sequences and writes their masks, ``OUTPUT/SEQUENCE/FRAME.png``.

    Args:
        settings: for device, precision and size.
        weights: the checkpoint, as `resolve_weights` takes it.
        videos: the sequences.
        output: where the masks go.
        processes: which share the sequences; all have come to the end when it returns.
        progress: hears of each frame.

    Raises:
        VisorVosError: for weights or data that cannot be used, naming sequence and frame.
    """
    keep_freed_memory()
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    file = processes.in_turn(lambda: resolve_weights(weights, progress))
    stm = for_inference(load_weights(file), device, precision)
    began = time.perf_counter()
    own = processes.share(videos)
    masks = segment_split(stm, own, output, settings.size)
    for _ in progress.track(masks, "Segmenting", "frames", sum(len(video.frames) for video in own)):
        pass
    processes.wait()
    total = sum(len(video.frames) for video in videos)
    return Segmented(
        weights,
        checksum(file),
        describe_device(device) + (f", {processes.count} processes" if processes.count > 1 else ""),
        str(precision).removeprefix("torch."),
        torch.__version__,
        total,
        time.perf_counter() - began,
    )
