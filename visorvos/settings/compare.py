"""Options of ``visorvos compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from visorvos.settings.base import Settings, ends_in, inputs, must, option, outputs

_several = must(lambda runs: len(runs) > 1, "be two or more evaluations")


class CompareSettings(Settings):
    """Compare evaluations of one split: each run's difference from the first, with confidence intervals."""

    runs: Annotated[tuple[Path, ...], _several] = option(
        ..., "Two or more evaluations: output folders of evaluate, or their scores-SPLIT.json.", argument=True
    )
    output: Annotated[Path, ends_in(".html", ".htm")] | None = outputs(
        None, "HTML page to write, with pictures if frames and masks exist."
    )
    data: Path | None = inputs(None, "Data set folder for the frames of the page. Default: the one that was evaluated.")
