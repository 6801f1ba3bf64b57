"""The processes of one run: this one alone, or those that ``torchrun`` or ``accelerate launch`` started."""

from __future__ import annotations

import atexit
import datetime
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

TIMEOUT = datetime.timedelta(hours=6)
"""How long a process waits for another that downloads, evaluates or saves."""


@dataclass(frozen=True)
class Processes:
    """The number of processes, and which of them this is."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process shows progress and writes what is written once."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's share of some work."""
        return items[self.rank :: self.count]

    def wait(self) -> None:
        """Returns when all processes have called it."""
        if self.count > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()

    def first_then_others(self, work: Callable[[], T]) -> T:
        """Calls ``work`` in the first process, then in the others, so that a download happens once."""
        if not self.is_first:
            self.wait()
        done = work()
        if self.is_first:
            self.wait()
        return done

    def gather(self, found: list[T]) -> list[T]:
        """The results of all processes for their shares, in the order of what was shared."""
        if self.count == 1:
            return found
        from torch.distributed import all_gather_object

        shares: list[list[T]] = [[] for _ in range(self.count)]
        all_gather_object(shares, found)
        return [share[index] for index in range(max(map(len, shares))) for share in shares if index < len(share)]

    def broadcast(self, found: T | None) -> T:
        """The first process's value, in all processes; the others pass None."""
        return self.gather([] if found is None else [found])[0]


def find_processes(device: str) -> Processes:
    """The processes of this run, connected if there are several.

    Args:
        device: the option; unless it is the CPU, each process gets a GPU of its own if there are any.

    Raises:
        VisorVosError: if this machine lacks the device.
    """
    # A single process is known without importing torch or accelerate.
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes()
    from accelerate import PartialState

    from visorvos.core.runtime.device import choose_device

    state = PartialState(cpu=choose_device(device).type == "cpu", timeout=TIMEOUT)
    leave_at_exit()
    return Processes(state.process_index, state.num_processes)


def leave_at_exit() -> None:
    """Disconnects this process from the others when it ends: PyTorch may abort one that is still connected."""
    from torch import distributed

    @atexit.register
    def leave() -> None:
        if distributed.is_initialized():
            distributed.destroy_process_group()
