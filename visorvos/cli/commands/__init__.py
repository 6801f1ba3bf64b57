"""The commands, one file each: what it calls, how its result is shown, and an example.

To add a command: its options in ``settings``, its work in ``core/jobs``, a file here, and a line in `COMMANDS`.
"""

from __future__ import annotations

from typing import Any

from visorvos.cli.command import Command
from visorvos.cli.commands.annotate import annotate
from visorvos.cli.commands.benchmark import benchmark
from visorvos.cli.commands.compare import compare
from visorvos.cli.commands.demo import demo
from visorvos.cli.commands.download_weights import download_weights
from visorvos.cli.commands.evaluate import evaluate
from visorvos.cli.commands.export import export
from visorvos.cli.commands.predict import predict
from visorvos.cli.commands.prepare import prepare
from visorvos.cli.commands.preview import preview
from visorvos.cli.commands.training import finetune, pretrain

COMMANDS: tuple[Command[Any, Any], ...] = (
    prepare,
    preview,
    pretrain,
    finetune,
    predict,
    annotate,
    evaluate,
    compare,
    download_weights,
    export,
    demo,
    benchmark,
)
"""In the order of ``visorvos --help``."""
