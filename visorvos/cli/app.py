"""The command line: turns each command into a Typer command, and errors into exit codes."""

from __future__ import annotations

import errno
import io
import json as json_library
import os
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from visorvos._version import __version__
from visorvos.cli.command import Command
from visorvos.cli.commands import COMMANDS
from visorvos.cli.config_file import commented_yaml
from visorvos.cli.console import Terminal
from visorvos.cli.options import UsageError, resolve, signature
from visorvos.errors import VisorVosError, did_you_mean, explain_import_error

# Typer may bring its own copy of click: this is the base class of its errors in either case.
_TyperUsageError: type[Exception] = typer.BadParameter.__bases__[0]


class _WithoutTypes:
    """Leaves out the types that Typer shows beside arguments, switches and its own options, such as <bool>."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - as `application`
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            if parameter.param_type_name == "argument":
                parameter.display_type = lambda ctx: ""
            elif parameter.is_flag:
                parameter.metavar = ""
        if isinstance(self, TyperCommand):
            parameters[-1].rich_help_panel = "General"
        return parameters


class _Command(_WithoutTypes, TyperCommand):
    """A command."""


class _Group(_WithoutTypes, TyperGroup):
    """All commands."""


def application() -> Any:  # noqa: ANN401 - of click, which Typer may have its own copy of
    """All commands."""
    app = typer.Typer(
        name="visorvos",
        cls=_Group,
        help="Space-Time Memory networks for video object segmentation on EPIC-KITCHENS VISOR.",
        context_settings={"help_option_names": ["--help", "-h"]},
        invoke_without_command=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    for command in COMMANDS:
        app.command(command.name, cls=_Command, epilog=f"Example: {command.example}")(_function(command))
    app.command("config", cls=_Command, epilog="Example: visorvos config predict > predict.yaml")(_config)
    return typer.main.get_command(app)


def _show_version(asked: bool) -> None:
    if asked:
        print(__version__)  # noqa: T201 - a result
        raise typer.Exit


def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(2)


def _function(command: Command[Any, Any]) -> Callable[..., None]:
    """The function that Typer calls."""

    def run(config: Path | None, json: bool | None, quiet: bool | None, **typed: object) -> None:
        settings = resolve(command.settings, typed, config, command)
        terminal = Terminal(quiet=bool(quiet))
        # Libraries print too: torch.hub on standard output, bars of downloads on standard error.
        chatter = io.StringIO() if quiet else sys.stderr
        with redirect_stdout(chatter), redirect_stderr(chatter):
            result = command.run(settings, terminal)
        if os.environ.get("RANK", "0") != "0":
            # Of the processes that torchrun started, only the first prints the result.
            return
        if json:
            plain = result.to_dict() if hasattr(result, "to_dict") else asdict(result)
            print(json_library.dumps(plain, indent=2, default=str))  # noqa: T201 - the result
        else:
            shown = command.show(result)
            terminal.out.print(shown, soft_wrap=isinstance(shown, str))

    run.__signature__ = signature(command.settings)  # type: ignore[attr-defined]
    run.__doc__ = command.settings.__doc__
    return run


def _config(
    command: Annotated[
        str,
        typer.Argument(
            metavar="COMMAND",
            help="Name of a command.",
            show_default=False,
            autocompletion=lambda: [item.name for item in COMMANDS],
        ),
    ] = "",
) -> None:
    """Print all options of a command as a YAML file for --config, with their meaning, type, range and default."""
    named = {item.name: item.settings for item in COMMANDS}
    if command not in named:
        fault = f"No such command: {command}.{did_you_mean(command, named)}" if command else "COMMAND is missing."
        raise UsageError(fault, f"Give one of: {', '.join(named)}.")
    print(commented_yaml(command, named[command]), end="")  # noqa: T201 - a result


def main() -> None:
    """The console script: exit code 0, 1 (failed, with a sentence) or 2 (wrong usage)."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name in any script must not end a command whose output goes to a file in another encoding.
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            code = application()(prog_name="visorvos", standalone_mode=False)
        finally:
            sys.stdout.flush()
        if code == 130:  # Typer's code for Ctrl-C
            Terminal().say("Stopped by Ctrl-C.")
        sys.exit(code if isinstance(code, int) else 0)
    except typer.Abort:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe has gone: there is nobody to tell.
        _discard_output()
        sys.exit(1)
    except Exception as error:
        if os.environ.get("VISORVOS_DEBUG") and not isinstance(error, (VisorVosError, _TyperUsageError)):
            raise
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            _discard_output()
        explained = _explained(error)
        Terminal().fail(explained)
        sys.exit(2 if isinstance(explained, UsageError) else 1)


def _usage(error: Any) -> UsageError:  # noqa: ANN401 - see _TyperUsageError
    """Typer's complaint about a command line, in the form of all others."""
    # Typer does not always say which command it was.
    named = [command.name for command in COMMANDS if command.name in sys.argv[1:2]]
    path = error.ctx.command_path if error.ctx else " ".join(["visorvos", *named])
    remedy = f"List the {'commands' if path == 'visorvos' else 'options'}: {path} --help"
    if hasattr(error, "option_name") and hasattr(error, "possibilities"):
        hint = did_you_mean(error.option_name, error.possibilities or ())
        return UsageError(f"No such option: {error.option_name}.{hint}", remedy)
    message = re.sub(r"Got unexpected extra argument.* \((.*)\)", r"Unexpected argument: \1", error.format_message())
    message = message.replace("'", "").replace("No such command ", "No such command: ").removesuffix(".")
    return UsageError(message if message.endswith("?") else f"{message}.", remedy)


def _discard_output() -> None:
    """What is left in standard output's buffer would fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explained(error: Exception) -> VisorVosError:
    """Any error as a message with a remedy."""
    if isinstance(error, ImportError):
        error = explain_import_error(error) or error
    if isinstance(error, VisorVosError):
        return error
    if isinstance(error, _TyperUsageError):
        return _usage(error)
    if isinstance(error, OSError) and error.filename is not None:
        return VisorVosError(
            f"{error.filename}: {error.strerror}.", "Check the path, its permissions, and the room on the disk."
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return VisorVosError(
            f"Standard output cannot be written: {error.strerror}.",
            "Redirect it to another place. Files that the command reported as written are complete.",
        )
    if type(error).__name__ == "OutOfMemoryError":
        return VisorVosError(
            f"The device is out of memory: {str(error).splitlines()[0]}",
            "Use a smaller --size or --limit (or --batch-size in training), or --device cpu.",
        )
    if "DistError" in (kind.__name__ for kind in type(error).__mro__) or "/gloo/" in str(error):
        return VisorVosError(
            f"This process cannot reach the other processes of the run: {error}.",
            "Read the error of the process that ended first.",
        )
    return VisorVosError(
        f"Unexpected error: {type(error).__name__}: {error}.",
        "Please report it, with the output of the same command after: export VISORVOS_DEBUG=1",
    )
