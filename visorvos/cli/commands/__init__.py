"""The commands, one file each: what it calls, how its result is shown, and an example.

To add a command: its options in ``settings``, its work in ``core/jobs``, a file here, and a line in `COMMANDS`.
"""

from __future__ import annotations

from typing import Any

from visorvos.cli.command import Command
from visorvos.cli.commands import (
    annotate,
    benchmark,
    compare,
    demo,
    download_weights,
    evaluate,
    export,
    predict,
    prepare,
    preview,
    training,
)

__all__ = ["COMMANDS"]

COMMANDS: tuple[Command[Any, Any], ...] = (
    prepare.COMMAND,
    preview.COMMAND,
    training.PRETRAIN,
    training.FINETUNE,
    predict.COMMAND,
    annotate.COMMAND,
    evaluate.COMMAND,
    compare.COMMAND,
    download_weights.COMMAND,
    export.COMMAND,
    demo.COMMAND,
    benchmark.COMMAND,
)
"""In the order of ``visorvos --help``."""
