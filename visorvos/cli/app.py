"""Pairs each command's settings with its job; turns errors into exit codes."""

from __future__ import annotations

import atexit
import difflib
import gc
import inspect
import json as json_library
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from visorvos._version import __version__
from visorvos.cli.config_file import commented_yaml
from visorvos.cli.console import Terminal
from visorvos.cli.options import UsageError, resolve, signature
from visorvos.cli.tables import (
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
from visorvos.errors import VisorVosError, explain_import_error
from visorvos.settings.annotate import AnnotateSettings
from visorvos.settings.base import Settings
from visorvos.settings.benchmark import BenchmarkSettings
from visorvos.settings.compare import CompareSettings
from visorvos.settings.demo import DemoSettings
from visorvos.settings.download_weights import DownloadWeightsSettings
from visorvos.settings.evaluate import EvaluateSettings
from visorvos.settings.export import ExportSettings
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.predict import PredictSettings
from visorvos.settings.prepare import PrepareSettings
from visorvos.settings.pretrain import PretrainSettings
from visorvos.settings.preview import PreviewSettings

__all__ = ["main"]


@dataclass(frozen=True)
class Command:
    """A command: its name, settings, job, and how its result is shown."""

    name: str
    settings: type[Settings]
    job: str
    """Module and function. Imported when the command runs: --help needs no torch."""
    show: Callable[[Any], object]
    """From the job's result to something rich can print."""
    example: str


COMMANDS = (
    Command(
        "prepare",
        PrepareSettings,
        "visorvos.core.jobs.prepare:prepare",
        prepare.show,
        "visorvos prepare --release 2v6cgv1x04ol22qp9rm9x2j6a7.zip --output data",
    ),
    Command(
        "preview",
        PreviewSettings,
        "visorvos.core.jobs.preview.job:preview",
        preview.show,
        "visorvos preview --data data/VISOR_2022 --split val --frames 24",
    ),
    Command(
        "pretrain",
        PretrainSettings,
        "visorvos.core.jobs.pretrain:pretrain",
        training.show,
        "visorvos pretrain --coco coco --output stage1 --validate-on data/VISOR_2022",
    ),
    Command(
        "finetune",
        FinetuneSettings,
        "visorvos.core.jobs.finetune:finetune",
        training.show,
        "visorvos finetune --data data/VISOR_2022 --weights stage1/best.safetensors --output stage2",
    ),
    Command(
        "predict",
        PredictSettings,
        "visorvos.core.jobs.predict.job:predict",
        predict.show,
        "visorvos predict frames/ --masks first.png --weights visor.pth --output result --save overlay",
    ),
    Command(
        "annotate",
        AnnotateSettings,
        "visorvos.core.jobs.annotate:annotate",
        annotate.show,
        "visorvos annotate clip.mp4 --weights visor.pth --output clip-session",
    ),
    Command(
        "evaluate",
        EvaluateSettings,
        "visorvos.core.jobs.evaluate.job:evaluate",
        evaluate.show,
        "visorvos evaluate --data VISOR_2022 --split val --weights visor.pth --output scores",
    ),
    Command(
        "compare",
        CompareSettings,
        "visorvos.core.jobs.compare:compare",
        compare.show,
        "visorvos compare scores-before scores-after --output comparison.html",
    ),
    Command(
        "download-weights",
        DownloadWeightsSettings,
        "visorvos.core.jobs.download_weights:download_weights",
        download_weights.show,
        "visorvos download-weights visor-resnet50",
    ),
    Command(
        "export",
        ExportSettings,
        "visorvos.core.jobs.export:export",
        export.show,
        "visorvos export scores --data data/VISOR_2022 --output val.zip",
    ),
    Command(
        "demo",
        DemoSettings,
        "visorvos.core.jobs.demo.job:demo",
        demo.show,
        "visorvos demo --output demo",
    ),
    Command(
        "benchmark",
        BenchmarkSettings,
        "visorvos.core.jobs.benchmark.job:benchmark",
        benchmark.show,
        "visorvos benchmark --only inference --backbone resnet50 --objects 1 --objects 4",
    ),
)


@cache
def application(wanted: frozenset[str]) -> typer.Typer:
    """The commands.

    Args:
        wanted: those whose options are made, which takes a while; a list of commands shows none.
    """
    app = typer.Typer(
        name="visorvos",
        help="Space-Time Memory networks for video object segmentation on EPIC-KITCHENS VISOR.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for command in COMMANDS:
        options = signature(command.settings) if command.name in wanted else inspect.Signature()
        app.command(command.name, epilog=f"Example: {command.example}")(_function(command, options))
    app.command("config", epilog="Example: visorvos config predict > predict.yaml")(_config)
    return app


def _show_version(asked: bool) -> None:
    if asked:
        print(__version__)  # noqa: T201 - a result
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _function(command: Command, options: inspect.Signature) -> Callable[..., None]:
    """What Typer calls."""

    def run(config: Path | None = None, json: bool = False, **typed: object) -> None:
        settings = resolve(command.settings, typed, config)
        module, _, function = command.job.partition(":")
        terminal = Terminal()
        job = getattr(import_module(module), function)
        _collect_garbage_again()
        result = job(settings, terminal)
        if os.environ.get("RANK", "0") != "0":
            # Of processes that torchrun started together, the first one speaks.
            return
        if json:
            print(json_library.dumps(result.to_dict(), indent=2))  # noqa: T201 - the result
        else:
            shown = command.show(result)
            terminal.out.print(shown, soft_wrap=isinstance(shown, str))

    run.__signature__ = options  # type: ignore[attr-defined]
    run.__doc__ = command.settings.__doc__
    return run


def _collect_garbage_again() -> None:
    """Ends what `visorvos.__main__` began, all that was imported being left out until the end."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
        # Some libraries take what is not freed at the end for a leak, and say so.
        atexit.register(gc.unfreeze)


def _config(
    command: Annotated[
        str,
        typer.Argument(
            metavar="COMMAND", help="One of the commands.", autocompletion=lambda: [item.name for item in COMMANDS]
        ),
    ],
) -> None:
    """Print a command's settings as a YAML file for --config: each with its meaning, type, range and default."""
    named = {item.name: item.settings for item in COMMANDS}
    if command not in named:
        near = difflib.get_close_matches(command, named, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(named)}."
        raise UsageError(f"There is no command named {command} that has settings.", hint)
    print(commented_yaml(command, named[command]), end="")  # noqa: T201 - a result


def main() -> None:
    """The console script: 0, 1 (failed, with a sentence) or 2 (called wrongly)."""
    wanted = frozenset(command.name for command in COMMANDS)
    if "_VISORVOS_COMPLETE" not in os.environ:
        wanted &= set(sys.argv[1:])
    try:
        application(wanted)()
    except UsageError as error:
        Terminal().fail(error)
        sys.exit(2)
    except VisorVosError as error:
        Terminal().fail(error)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of a pipe has gone; nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("VISORVOS_DEBUG"):
            raise
        Terminal().fail(_unforeseen(error))
        sys.exit(1)


def _unforeseen(error: Exception) -> VisorVosError:
    """A sentence for an error that nobody wrote one for."""
    explained = explain_import_error(error) if isinstance(error, ImportError) else None
    if explained is not None:
        return explained
    if type(error).__name__ == "OutOfMemoryError":
        return VisorVosError(
            f"The device has run out of memory: {str(error).splitlines()[0]}",
            "Segment at a smaller --size, with fewer remembered frames (--limit), or on --device cpu.",
        )
    if "DistError" in (kind.__name__ for kind in type(error).__mro__) or "/gloo/" in str(error):
        return VisorVosError(
            f"This process cannot reach the others of its run: {error}.",
            "Where one of them has ended, see what it said.",
        )
    return VisorVosError(
        f"This should not have happened: {type(error).__name__}: {error}.",
        "Please report it with what VISORVOS_DEBUG=1 in the environment prints for the same command.",
    )
