"""The processes of one run: this one alone, or those that ``torchrun`` or ``accelerate launch`` started."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from visorvos.settings.base import Device

__all__ = ["Processes", "find_processes"]

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """How many there are, and which of them this is."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that speaks and writes what there is one of."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's share of some work."""
        return items[self.rank :: self.count]

    def wait(self) -> None:
        """Until all processes have come here."""
        if self.count > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()

    def in_turn(self, work: Callable[[], T]) -> T:
        """Does something in the first process, then in the others: what is downloaded or made is so once."""
        if not self.is_first:
            self.wait()
        done = work()
        if self.is_first:
            self.wait()
        return done

    def gather(self, found: list[T]) -> list[T]:
        """What all processes found about their shares, in the order of what was shared."""
        if self.count == 1:
            return found
        from torch.distributed import all_gather_object

        shares: list[list[T]] = [[] for _ in range(self.count)]
        all_gather_object(shares, found)
        return [share[index] for index in range(max(map(len, shares))) for share in shares if index < len(share)]

    def tell(self, found: T | None) -> T:
        """What the first process has found; the others give None."""
        told: list[T | None] = [found]
        if self.count > 1:
            from accelerate.utils import broadcast_object_list

            broadcast_object_list(told)
        assert told[0] is not None
        return told[0]


def find_processes(device: Device) -> Processes:
    """The processes of this run. Where there are several, they are brought together.

    Args:
        device: of the settings; where it is not the CPU and there are GPUs, each process gets one for its own.

    Raises:
        VisorVosError: for a device that this machine lacks.
    """
    # What is alone needs neither torch nor accelerate to know.
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes()
    from accelerate import PartialState

    from visorvos.core.runtime.device import choose_device
    from visorvos.core.runtime.process_group import PATIENCE, leave_at_exit

    state = PartialState(cpu=choose_device(device).type == "cpu", timeout=PATIENCE)
    leave_at_exit()
    return Processes(state.process_index, state.num_processes)
