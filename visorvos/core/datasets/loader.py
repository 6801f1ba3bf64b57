"""Clips to batches of tensors, made by processes of their own."""

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

__all__ = ["Batch", "ClipSchedule", "load_batches"]


@dataclass(frozen=True)
class Batch:
    """Clips that go through the network together."""

    frames: Tensor
    """uint8 (B, 3, 3, H, W) as clip, time, channel; RGB."""
    labels: Tensor
    """uint8 (B, 3, H, W), 0 the background, 1..N the objects."""
    names: tuple[str, ...]
    step: int
    """Number of the optimizer's step that the clips belong to."""
    idle: bool = False
    """Whether the clips are another process's, and fill a gap here without counting."""

    def pin_memory(self) -> Batch:
        """The batch in memory that a GPU can read by itself."""
        return replace(self, frames=self.frames.pin_memory(), labels=self.labels.pin_memory())


class Numbers(NamedTuple):
    """The clips of a batch, by number."""

    step: int
    clips: range
    idle: bool


@dataclass(frozen=True)
class ClipSchedule:
    """Which clips a run sees, in which order, and which step of the optimizer each belongs to."""

    iterations: int
    """Clips in all."""
    step_size: int
    """Clips of one step of the optimizer, over all processes."""
    batch_size: int
    """Clips of one batch, at most."""
    seed: int

    def share(self, start: int, rank: int, processes: int) -> Iterator[Numbers]:
        """The clips of one process, batch by batch.

        Args:
            start: clips already seen, at the beginning of a step.
            rank: the process, below ``processes``.
            processes: how many share each step.
        """
        for first in range(start, self.iterations, self.step_size):
            numbers = range(first, min(first + self.step_size, self.iterations))
            own = numbers[rank::processes]
            # Processes meet at every step: one without a clip repeats the step's first.
            share = own or numbers[:1]
            for begin in range(0, len(share), self.batch_size):
                yield Numbers(first // self.step_size, share[begin : begin + self.batch_size], not own)


def load_batches(
    clips: Clips, schedule: ClipSchedule, start: int, workers: int, rank: int = 0, processes: int = 1
) -> Iterator[list[Batch]]:
    """The batches of each step of the optimizer, in order, for one of several processes.

    Args:
        clips: where the clips come from.
        schedule: which of them, and when.
        start: clips already seen, at the beginning of a step.
        workers: processes that make clips ahead of time; 0 makes them here.
        rank: this process, below ``processes``.
        processes: how many share each step.

    Raises:
        VisorVosError: what making a clip raises, or where a worker ended.
    """
    loader = DataLoader(
        _Batches(clips, schedule),
        batch_size=None,
        sampler=schedule.share(start, rank, processes),
        num_workers=workers,
        multiprocessing_context=_context() if workers else None,
        worker_init_fn=_start_worker if workers else None,
        prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
    )
    for _, batches in groupby(_checked(loader), key=lambda batch: batch.step):
        yield list(batches)


class _Batches(Dataset[object]):
    """Batches by the numbers of their clips; in place of one that cannot be made, the error that it met."""

    def __init__(self, clips: Clips, schedule: ClipSchedule) -> None:
        self.clips = clips
        self.schedule = schedule

    def __getitem__(self, numbers: Numbers) -> Batch | VisorVosError:
        try:
            made = [self._clip(number) for number in numbers.clips]
        except VisorVosError as error:
            # Handed on as it is: raised in a worker, it would arrive as a traceback's text.
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
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise VisorVosError(
            f"A process that makes clips was killed or crashed, perhaps for want of memory: {error}.",
            "Go on with --resume, with fewer --workers where memory is short.",
        ) from error


def _context() -> multiprocessing.context.BaseContext:
    """Workers forked from a server that has the imports done: they share its memory, and no thread of ours."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["visorvos.core.datasets.coco.clips", "visorvos.core.datasets.visor.clips"])
    return context


def _start_worker(number: int) -> None:
    # PyTorch's own watch is for a worker's parent, which here is the server that forked it, and lives on with it.
    start_worker()
