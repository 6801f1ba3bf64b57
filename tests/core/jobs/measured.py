"""What the tests of `measure` measure; a module that a new process imports quickly."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from visorvos.errors import VisorVosError


def keeps_a_log(path: Path, size: int) -> Callable[[], None]:
    def work() -> None:
        held = bytearray(b"x" * size)
        with path.open("a") as file:
            file.write(f"{os.getpid()}\n")
        assert len(held) == size

    return work


def refuses() -> Callable[[], None]:
    raise VisorVosError("Nothing works.", "Fix it.")


def dies() -> Callable[[], None]:
    return lambda: os._exit(3)
