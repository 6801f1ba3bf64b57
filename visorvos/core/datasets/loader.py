"""Batches of clips as tensors, made by worker processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from visorvos.core.datasets.clip import Clip, Clips
from visorvos.core.datasets.order import sample_of
from visorvos.core.runtime.worker_pool import start_worker
from visorvos.errors import VisorVosError


@dataclass(frozen=True)
class Batch:
    """Clips that go through the network together."""

    frames: Tensor
    """uint8 (B, 3, 3, H, W) as clip, time, channel; RGB."""
    labels: Tensor
    """uint8 (B, 3, H, W), 0 the background, 1..N the objects."""
    names: tuple[str, ...]
    step: int
    """Number of the optimizer step that the clips belong to."""
    idle: bool = False
    """Whether the clips belong to another process, and are repeated here without counting."""

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory, as `DataLoader` asks for."""
        return replace(self, frames=self.frames.pin_memory(), labels=self.labels.pin_memory())


class Numbers(NamedTuple):
    """The numbers of a batch's clips."""

    step: int
    clips: range
    idle: bool


@dataclass(frozen=True)
class ClipSchedule:
    """Which clips a run sees, in which order, and which optimizer step each belongs to."""

    iterations: int
    """Total number of clips."""
    step_size: int
    """Clips per optimizer step, over all processes."""
    batch_size: int
    """Maximum number of clips per batch."""
    seed: int

    def share(self, start: int, rank: int, processes: int) -> Iterator[Numbers]:
        """The clips of one process, batch by batch.

        Args:
            start: clips already seen, a whole number of steps.
            rank: number of the process, below ``processes``.
            processes: number of processes that share each step.
        """
        for first in range(start, self.iterations, self.step_size):
            numbers = range(first, min(first + self.step_size, self.iterations))
            own = numbers[rank::processes]
            # Processes wait for each other at every step: one without a clip repeats the first.
            share = own or numbers[:1]
            for begin in range(0, len(share), self.batch_size):
                yield Numbers(first // self.step_size, share[begin : begin + self.batch_size], not own)


def load_batches(
    clips: Clips, schedule: ClipSchedule, start: int, workers: int, rank: int = 0, processes: int = 1
) -> Iterator[list[Batch]]:
    """Yields the batches of each optimizer step, in order, for one of several processes.

    Args:
        clips: source of the clips.
        schedule: which clips, in which order.
        start: clips already seen, a whole number of steps.
        workers: processes that make clips ahead of time; 0 makes them in this process.
        rank: number of this process, below ``processes``.
        processes: number of processes that share each step.

    Raises:
        VisorVosError: raised by making a clip, or when a worker ended.
    """
    loader = DataLoader(
        _Batches(clips, schedule),
        batch_size=None,
        sampler=schedule.share(start, rank, processes),
        num_workers=workers,
        multiprocessing_context=_context() if workers else None,
        # PyTorch watches a worker's parent, which is here the fork server, and outlives this process.
        worker_init_fn=start_worker if workers else None,
        prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
    )
    for _, batches in groupby(_checked(loader), key=lambda batch: batch.step):
        yield list(batches)


class _Batches(Dataset[object]):
    """Batches by the numbers of their clips; the error in place of one that cannot be made."""

    def __init__(self, clips: Clips, schedule: ClipSchedule) -> None:
        self.clips = clips
        self.schedule = schedule

    def __getitem__(self, numbers: Numbers) -> Batch | VisorVosError:
        try:
            made = [self._clip(number) for number in numbers.clips]
        except VisorVosError as error:
            # Returned, since an error raised in a worker would arrive as the text of a traceback.
            return error
        frames = torch.from_numpy(np.stack([clip.frames for clip in made]))
        labels = torch.from_numpy(np.stack([clip.labels for clip in made]))
        names = tuple(clip.name for clip in made)
        return Batch(frames.permute(0, 1, 4, 2, 3), labels, names, numbers.step, numbers.idle)

    def _clip(self, number: int) -> Clip:
        epoch, sample = sample_of(number, len(self.clips), self.schedule.seed)
        return self.clips.clip(sample, epoch, number / self.schedule.iterations)


def _checked(loader: DataLoader[object]) -> Iterator[Batch]:
    try:
        for item in loader:
            if isinstance(item, VisorVosError):
                raise item
            assert isinstance(item, Batch)
            yield item
    except (RuntimeError, OSError, EOFError) as error:
        # A worker that ends while it hands over a batch breaks the connection.
        if loader.num_workers == 0 or (isinstance(error, RuntimeError) and "DataLoader worker" not in str(error)):
            raise
        raise VisorVosError(
            f"A worker process that makes clips ended, probably because memory ran out: {error}.",
            "Continue with --resume and a smaller --num-workers.",
        ) from error


def _context() -> multiprocessing.context.BaseContext:
    """Workers are forked from a server that has done the imports: they share its memory, but no threads of ours."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["visorvos.core.datasets.coco.clips", "visorvos.core.datasets.visor.clips"])
    return context
