"""The command line: turns each command into a Typer command, and errors into exit codes."""

from __future__ import annotations

import difflib
import errno
import io
import json as json_library
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from visorvos._version import __version__
from visorvos.cli.command import Command
from visorvos.cli.commands import COMMANDS
from visorvos.cli.config_file import commented_yaml
from visorvos.cli.console import Terminal
from visorvos.cli.options import UsageError, help_option, resolve, signature
from visorvos.errors import VisorVosError, explain_import_error

__all__ = ["COMMANDS", "main"]

# Typer may bring its own copy of click: this is the base class of its errors in either case.
_TyperUsageError: type[Exception] = typer.BadParameter.__bases__[0]


def application() -> Any:  # noqa: ANN401 - of click, which Typer may have its own copy of
    """All commands."""
    app = typer.Typer(
        name="visorvos",
        help="Space-Time Memory networks for video object segmentation on EPIC-KITCHENS VISOR.",
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        add_help_option=False,
    )
    app.callback()(_root)
    for command in COMMANDS:
        app.command(command.name, epilog=f"Example: {command.example}", add_help_option=False)(_function(command))
    app.command("config", epilog="Example: visorvos config predict > predict.yaml", add_help_option=False)(_config)
    group: Any = typer.main.get_command(app)
    # Typer would show Python types here: <bool>, <list[str]>.
    for parameter in group.params:
        if "completion" in str(parameter.name):
            parameter.metavar = ""
    for parameter in (parameter for command in group.commands.values() for parameter in command.params):
        if parameter.param_type_name == "argument":
            parameter.display_type = lambda ctx: ""
    return group


def _show_version(asked: bool) -> None:
    if asked:
        print(__version__)  # noqa: T201 - a result
        raise typer.Exit


def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.", metavar="")
    ] = False,
    show_help: Annotated[bool, help_option()] = False,
) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(2)


def _function(command: Command[Any, Any]) -> Callable[..., None]:
    """The function that Typer calls."""

    def run(config: Path | None, json: bool, quiet: bool, show_help: bool, **typed: object) -> None:
        settings = resolve(command.settings, typed, config, command)
        terminal = Terminal(quiet)
        result = command.run(settings, terminal)
        if os.environ.get("RANK", "0") != "0":
            # Of the processes that torchrun started, only the first prints the result.
            return
        if json:
            print(json_library.dumps(result.to_dict(), indent=2))  # noqa: T201 - the result
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
    show_help: Annotated[bool, help_option()] = False,
) -> None:
    """Print all options of a command as a YAML file for --config, with their meaning, type, range and default."""
    named = {item.name: item.settings for item in COMMANDS}
    if command not in named:
        near = difflib.get_close_matches(command, named, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        fault = f"No such command: {command}.{hint}" if command else "COMMAND is missing."
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
        sys.exit(code if isinstance(code, int) else 0)
    except typer.Abort:
        sys.exit(130)
    except UsageError as error:
        Terminal().fail(error)
        sys.exit(2)
    except _TyperUsageError as error:
        Terminal().fail(_usage(error))
        sys.exit(2)
    except VisorVosError as error:
        Terminal().fail(error)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of a pipe has gone: there is nobody to tell.
        _discard_output()
        sys.exit(1)
    except Exception as error:
        if os.environ.get("VISORVOS_DEBUG"):
            raise
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            _discard_output()
        Terminal().fail(_sentence(error))
        sys.exit(1)


def _usage(error: Any) -> UsageError:  # noqa: ANN401 - see _TyperUsageError
    """Typer's complaint about a command line, in the form of all others."""
    # Typer does not always say which command it was.
    named = [command.name for command in COMMANDS if command.name in sys.argv[1:2]]
    path = error.ctx.command_path if error.ctx else " ".join(["visorvos", *named])
    remedy = f"List the {'commands' if path == 'visorvos' else 'options'}: {path} --help"
    if hasattr(error, "option_name") and hasattr(error, "possibilities"):
        near = difflib.get_close_matches(error.option_name, error.possibilities or (), n=1)
        return UsageError(f"No such option: {error.option_name}.{f' Did you mean {near[0]}?' if near else ''}", remedy)
    message = re.sub(r"Got unexpected extra argument.* \((.*)\)", r"Unexpected argument: \1", error.format_message())
    message = message.replace("'", "").removesuffix(".")
    return UsageError(message if message.endswith("?") else f"{message}.", remedy)


def _discard_output() -> None:
    """What is left in standard output's buffer would fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sentence(error: Exception) -> VisorVosError:
    """Describes an error that is not a VisorVosError."""
    explained = explain_import_error(error) if isinstance(error, ImportError) else None
    if explained is not None:
        return explained
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
