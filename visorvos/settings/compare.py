"""Options of ``visorvos compare``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from visorvos.settings.base import Settings, argument

__all__ = ["CompareSettings"]


class CompareSettings(Settings):
    """Set evaluations of one split side by side: each run's difference from the first, and whether it is real."""

    panels: ClassVar = {
        "Inputs": ("data",),
        "RunFolder": ("output",),
    }

    runs: tuple[Path, ...] = argument(
        "Two evaluations or more: folders that evaluate wrote, or their scores-SPLIT.json."
    )
    output: Path | None = Field(None, description="Web page to write, .html, with pictures where frames and masks are.")
    data: Path | None = Field(None, description="Data set to take frames from; by default where it was evaluated.")

    @field_validator("runs")
    @classmethod
    def _several(cls, runs: tuple[Path, ...]) -> tuple[Path, ...]:
        if len(runs) < 2:
            raise ValueError("A comparison takes two runs at least.")
        return runs

    @field_validator("output")
    @classmethod
    def _a_page(cls, output: Path | None) -> Path | None:
        if output is not None and output.suffix.lower() not in (".html", ".htm"):
            raise ValueError("The page is an .html file.")
        return output
