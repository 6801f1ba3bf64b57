"""The command line in processes of their own that start with the imports done."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
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
_TIMEOUT = 300.0
"""Seconds after which a process counts as hanging."""


@cache
def context() -> Any:
    """Processes forked from a server that has the imports done."""
    # A server that already runs was started for workers that load clips, with fewer imports. No public way stops it.
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTS)
    return context


def start(
    command: Sequence[object],
    log: Path,
    out: Path | None = None,
    environment: Mapping[str, str] = {},
    arrange: Callable[[], None] | None = None,
) -> Any:
    """Starts the command in a process.

    Args:
        command: the command line, without the program.
        log: file for standard error.
        out: file for standard output; by default the same.
        environment: variables to set.
        arrange: called in the process first, for example to make it kill itself at some point.
    """
    process = context().Process(target=_main, args=([*map(str, command)], log, out or log, environment, arrange))
    process.start()
    return process


def _main(
    command: list[str], log: Path, out: Path, environment: Mapping[str, str], arrange: Callable[[], None] | None
) -> None:
    os.environ.update(environment)
    # Tests that a shell started in the background ignore Ctrl-C, and so would this process.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if arrange is not None:
        arrange()
    # One thread, as in the tests' process: another number of threads adds in another order.
    torch.set_num_threads(1)
    with log.open("a") as errors, out.open("a") as printed:
        sys.argv, sys.stdout, sys.stderr = ["visorvos", *command], printed, errors
        main()


def finish(process: Any) -> int:
    process.join(timeout=_TIMEOUT)
    assert process.exitcode is not None, "the process hangs"
    return int(process.exitcode)


def by_two(command: Sequence[object], folder: Path, arrange: Callable[[], None] | None = None) -> Finished:
    """Runs the command in two processes, as ``torchrun`` starts them."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    logs, outs = ([folder / f"{name}{rank}" for rank in (0, 1)] for name in ("log", "out"))
    processes = [
        start(command, log, out, {**place, "RANK": str(rank), "LOCAL_RANK": str(rank)}, arrange)
        for rank, (log, out) in enumerate(zip(logs, outs, strict=True))
    ]
    try:
        codes = [finish(process) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return Finished(max(map(abs, codes)), *("".join(path.read_text() for path in paths) for paths in (outs, logs)))
