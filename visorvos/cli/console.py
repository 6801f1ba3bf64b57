"""The terminal: progress, messages and errors on standard error, results on standard output."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.table import Table
from rich.text import Text

from visorvos.core.runtime.progress import Advance, Progress
from visorvos.errors import VisorVosError


def printable(text: str) -> str:
    """Text with control characters escaped: names from files could otherwise command the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def table(title: str, *columns: str, figures: Iterable[str] = ()) -> Table:
    """A table without rows: columns of text, then of figures. Only headings of several words are wrapped."""
    empty = Table(title=escape(title))
    for heading in columns:
        empty.add_column(heading, overflow="fold")
    for heading in figures:
        empty.add_column(heading, justify="right", no_wrap=" " not in heading)
    return empty


class _Rate(ProgressColumn):
    """Items per second, over the whole time of the task."""

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        unit = task.fields["unit"]
        return Text("" if not rate else f"{rate:.1f} {unit}/s" if rate >= 1 else f"{1 / rate:.1f} s/{unit[:-1]}")


class Terminal(Progress):
    """Shows the progress of jobs on the terminal.

    Args:
        quiet: whether to print errors only.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.out = Console(highlight=False, emoji=False)
        self.stdout = sys.stdout
        self.err = Console(stderr=True, highlight=False, emoji=False)
        self.says = not quiet
        self.draws = self.err.is_terminal and not quiet

    def say(self, message: str) -> None:
        """One line on standard error."""
        if self.says:
            self.err.print(escape(printable(message)), soft_wrap=True)

    def announce(self, line: str) -> None:
        """One line on standard output, at once."""
        print(line, file=self.stdout, flush=True)

    def fail(self, error: VisorVosError) -> None:
        """What is wrong, and what to do."""
        message = printable(error.message).replace("\n", "\n       ")
        self.err.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
        self.err.print(f"  [dim]->[/] {escape(printable(error.remedy))}", soft_wrap=True)

    @contextmanager
    def bar(self, description: str, unit: str, total: int | None, done: int = 0) -> Iterator[Advance]:
        """A progress bar with rate and remaining time, removed when done; nothing without a terminal."""
        if not self.draws:
            yield lambda amount, note: None
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}"),
        )
        with RichProgress(*columns, console=self.err, transient=True) as progress:
            task = progress.add_task(escape(description), total=total, completed=done, unit=unit, note="")
            yield lambda amount, note: progress.update(task, advance=amount, note=note)
