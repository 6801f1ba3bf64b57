"""Work for processes that are started anew: what they import is little."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from visorvos import VisorVosError

__all__ = ["dies", "refuses", "writes"]


def writes(path: Path, name: str, size: int) -> Callable[[], None]:
    def work() -> None:
        held = bytearray(b"x" * size)
        with path.open("a") as file:
            file.write(f"{name} {os.getpid()} {len(held)}\n")

    return work


def refuses() -> Callable[[], None]:
    raise VisorVosError("Nothing works.", "Mend it.")


def dies() -> Callable[[], None]:
    return lambda: os._exit(3)
