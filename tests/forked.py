"""The command line in processes of their own, which need not wait for the imports."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import torch

from tests.conftest import Finished
from visorvos.cli.app import main

_IMPORTS = [
    __name__,
    *(f"visorvos.core.jobs.{job}" for job in ("evaluate", "finetune", "predict")),
    "torch._dynamo",  # which the first step of an optimizer imports
]
_PATIENCE = 120.0
"""Seconds until a process is taken for one that does not end."""


@cache
def _context() -> Any:
    """Processes forked from a server that has the imports done."""
    # One that runs already was started by workers that make clips, with less.
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTS)
    return context


def start(command: Sequence[object], log: Path, out: Path | None = None, environment: Mapping[str, str] = {}) -> Any:
    """The command in a process; what it says goes to ``log``, and what it prints to ``out``, or there as well."""
    process = _context().Process(target=_main, args=([*map(str, command)], log, out or log, environment))
    process.start()
    return process


def _main(command: list[str], log: Path, out: Path, environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
    # One thread, as in the tests' process: another number of threads adds in another order.
    torch.set_num_threads(1)
    with log.open("a") as errors, out.open("a") as printed:
        sys.argv, sys.stdout, sys.stderr = ["visorvos", *command], printed, errors
        main()


def finish(process: Any) -> int:
    process.join(timeout=_PATIENCE)
    assert process.exitcode is not None, "it takes too long"
    return int(process.exitcode)


def by_two(command: Sequence[object], folder: Path) -> Finished:
    """The command by two processes that ``torchrun`` might have started."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    logs, outs = ([folder / f"{name}{rank}" for rank in (0, 1)] for name in ("log", "out"))
    processes = [
        start(command, log, out, {**place, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank, (log, out) in enumerate(zip(logs, outs, strict=True))
    ]
    try:
        codes = [finish(process) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return Finished(max(map(abs, codes)), *("".join(path.read_text() for path in paths) for paths in (outs, logs)))
