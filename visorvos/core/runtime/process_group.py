"""What holds the processes of one run together, wherever they work."""

from __future__ import annotations

import atexit
import datetime

import torch.distributed

__all__ = ["PATIENCE", "leave_at_exit"]

PATIENCE = datetime.timedelta(hours=6)
"""How long a process waits for another that downloads, evaluates or saves."""


def leave_at_exit() -> None:
    """Lets this process take leave of the others when it ends: one that is still connected may be aborted by then."""
    atexit.register(_leave)


def _leave() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
