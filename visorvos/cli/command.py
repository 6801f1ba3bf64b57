"""What a command consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from rich.console import RenderableType

from visorvos.settings.base import Settings

if TYPE_CHECKING:
    from visorvos.core.runtime.progress import Progress

__all__ = ["Command", "Result"]


class Result(Protocol):
    """What a job returns."""

    def to_dict(self) -> dict[str, Any]:
        """The result for ``--json``."""


S = TypeVar("S", bound=Settings)
R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class Command(Generic[S, R]):
    """A command: its name, its options, and two functions."""

    name: str
    settings: type[S]
    """Its options. The first line of the class's docstring is the command's help."""
    run: Callable[[S, Progress], R]
    """Does the work. Imports its job when called, so that ``--help`` imports no torch."""
    show: Callable[[R], RenderableType]
    """Turns the result into what the terminal shows."""
    example: str
    """A command line for the end of ``--help``."""
