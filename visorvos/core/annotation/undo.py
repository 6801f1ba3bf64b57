"""Masks that a propagation or a deletion replaced, kept on disk until that step is undone or old."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visorvos.core.io.atomic import make_folder, write_file

_KEPT_STEPS = 10


@dataclass(frozen=True)
class Replaced:
    """A frame whose mask was replaced in a step."""

    number: int
    mask: Path
    """Its old mask; not there if the frame had none."""
    stale: bool
    backward: bool


class UndoSteps:
    """Steps that can be undone, the newest last, one folder each. A step that a killed process began counts.

    Args:
        root: folder of the steps.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(self, **what: object) -> None:
        """Begins a step; of the earlier ones the newest few are kept."""
        steps = self._steps()
        for old in steps[: -_KEPT_STEPS + 1]:
            shutil.rmtree(old)
        folder = self.root / f"{int(steps[-1].name) + 1 if steps else 0:06d}"
        make_folder(folder)
        write_file(folder / "step.json", json.dumps(what))

    def keep(self, number: int, mask: Path, stale: bool, backward: bool) -> None:
        """Keeps a frame's mask in the newest step, before it is replaced."""
        folder = self._steps()[-1]
        kept = folder / f"{number}.png"
        if mask.is_file() and not kept.exists():
            try:
                os.link(mask, kept)
            except OSError:  # a file system without hard links
                shutil.copyfile(mask, kept)
        with (folder / "frames.txt").open("a") as file:
            file.write(f"{json.dumps([number, stale, backward])}\n")

    def newest(self) -> dict[str, Any] | None:
        """What the newest step was begun with, None if there is no step."""
        steps = self._steps()
        return json.loads((steps[-1] / "step.json").read_text()) if steps else None

    def replaced(self) -> Iterator[Replaced]:
        """The frames of the newest step."""
        folder = self._steps()[-1]
        file = folder / "frames.txt"
        for line in file.read_text().splitlines(keepends=True) if file.is_file() else ():
            if line.endswith("\n"):  # not cut short by a kill
                number, stale, backward = json.loads(line)
                yield Replaced(number, folder / f"{number}.png", stale, backward)

    def drop(self) -> None:
        """Removes the newest step."""
        shutil.rmtree(self._steps()[-1])

    def clear(self) -> None:
        """Removes every step."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _steps(self) -> list[Path]:
        return sorted(path for path in self.root.glob("[0-9]*") if (path / "step.json").is_file())
