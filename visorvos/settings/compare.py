"""Options of ``visorvos compare``."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator

from visorvos.settings.base import Settings, option

__all__ = ["CompareSettings"]


class CompareSettings(Settings):
    """Compare evaluations of one split: each run's difference from the first, with confidence intervals."""

    runs: tuple[Path, ...] = option(
        description="Two or more evaluations: output folders of evaluate, or their scores-SPLIT.json.", argument=True
    )
    output: Path | None = option(None, "HTML page to write, with pictures if frames and masks exist.", panel="Outputs")
    data: Path | None = option(
        None, "Data set folder for the frames of the page. Default: the one that was evaluated.", panel="Inputs"
    )

    @field_validator("runs")
    @classmethod
    def _several(cls, runs: tuple[Path, ...]) -> tuple[Path, ...]:
        if len(runs) < 2:
            raise ValueError("must be two or more evaluations")
        return runs

    @field_validator("output")
    @classmethod
    def _a_page(cls, output: Path | None) -> Path | None:
        if output is not None and output.suffix.lower() not in (".html", ".htm"):
            raise ValueError("must end in .html")
        return output
