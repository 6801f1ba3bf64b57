"""Runs a checkpoint over a split, and records how."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from visorvos.core.datasets.davis.layout import VideoSequence
from visorvos.core.inference.load_network import load_network
from visorvos.core.inference.segment_split import segment_split
from visorvos.core.runtime.device import describe_device
from visorvos.core.runtime.processes import Processes
from visorvos.core.runtime.progress import Progress
from visorvos.core.weights.load import find_weights
from visorvos.settings.evaluate import EvaluateSettings

__all__ = ["Segmented", "run_weights"]


@dataclass(frozen=True)
class Segmented:
    """How the masks of a split were computed."""

    weights: str
    sha256: str
    """SHA-256 of the weights file."""
    device: str
    precision: str
    torch: str
    frames: int
    seconds: float


def run_weights(
    settings: EvaluateSettings,
    weights: str,
    videos: Sequence[VideoSequence],
    output: Path,
    processes: Processes,
    progress: Progress,
) -> Segmented:
    """Segments sequences and writes their masks, ``OUTPUT/SEQUENCE/FRAME.png``.

    Args:
        settings: for device, precision, size and memory.
        weights: the checkpoint, as `find_weights` takes it.
        videos: the sequences.
        output: where the masks go.
        processes: which share the sequences; all have come to the end when it returns.
        progress: hears of each frame.

    Raises:
        VisorVosError: for weights or data that cannot be used, naming sequence and frame.
    """
    network = load_network(settings, processes.first_then_others(lambda: find_weights(weights, progress)))
    began = time.perf_counter()
    own = processes.share(videos)
    masks = segment_split(
        network.stm,
        own,
        output,
        size=settings.size,
        memory=settings.memory,
        every=settings.mem_every,
        limit=settings.limit,
        flip=settings.flip,
        scales=settings.scales,
        top_k=settings.top_k,
    )
    for _ in progress.track(masks, "Segmenting", "frames", sum(len(video.frames) for video in own)):
        pass
    processes.wait()
    total = sum(len(video.frames) for video in videos)
    return Segmented(
        weights,
        network.sha256,
        describe_device(network.device) + (f", {processes.count} processes" if processes.count > 1 else ""),
        str(network.precision).removeprefix("torch."),
        torch.__version__,
        total,
        time.perf_counter() - began,
    )
