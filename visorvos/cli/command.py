"""What a command consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.console import RenderableType

from visorvos.core.runtime.progress import Progress
from visorvos.settings.base import Settings

S = TypeVar("S", bound=Settings)
R = TypeVar("R")
"""The result of a job: a dataclass, whose fields are what ``--json`` prints unless it has a ``to_dict``."""


@dataclass(frozen=True)
class Command(Generic[S, R]):
    """A command; see `command`."""

    name: str
    settings: type[S]
    """Its options. The first line of the class's docstring is the command's help."""
    show: Callable[[R], RenderableType]
    """Turns the result into what the terminal shows."""
    example: str
    """A command line for the end of ``--help``."""
    run: Callable[[S, Progress], R]
    """Does the work."""


def command(
    settings: type[S], show: Callable[[R], RenderableType], example: str
) -> Callable[[Callable[[S, Progress], R]], Command[S, R]]:
    """Makes a function the command of its name. It imports its job when called, so that ``--help`` imports no torch."""
    return lambda run: Command(run.__name__.replace("_", "-"), settings, show, example, run)
