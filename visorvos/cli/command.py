"""What a command consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from rich.console import RenderableType

from visorvos.core.runtime.progress import Progress
from visorvos.settings.base import Settings


@dataclass(frozen=True)
class Command:
    """A command. Its work is done by the function of its name, in the module of its name in ``core/jobs``."""

    name: str
    settings: type[Settings]
    """Its options. The first line of the class's docstring is the command's help."""
    show: Callable[[Any], RenderableType]
    """Turns the result into what the terminal shows."""
    arguments: str
    """Those of the example at the end of ``--help``."""

    @property
    def example(self) -> str:
        """A command line."""
        return f"visorvos {self.name} {self.arguments}"

    def run(self, settings: Settings, progress: Progress) -> Any:  # noqa: ANN401 - each job has a result of its own
        """Does the work. The fields of the result are what ``--json`` prints, unless it has a ``to_dict``."""
        # Imported here, so that --help imports no torch.
        job = self.name.replace("-", "_")
        return resolve_name(f"visorvos.core.jobs.{job}:{job}")(settings, progress)
