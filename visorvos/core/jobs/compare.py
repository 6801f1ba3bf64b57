"""``visorvos compare``: evaluations of one split side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visorvos._version import __version__
from visorvos.core.datasets.davis.layout import open_split
from visorvos.core.io.atomic import write_file
from visorvos.core.metrics.comparison import SequenceChange, compare_reports
from visorvos.core.report.comparison_page import ComparedRun, changed_masks, comparison_page
from visorvos.core.report.mask_pictures import MaskPair, picture_note, with_pictures
from visorvos.core.report.scores_file import ScoresFile, read_scores
from visorvos.core.runtime.progress import Progress
from visorvos.errors import VisorVosError
from visorvos.settings.compare import CompareSettings


@dataclass(frozen=True)
class Comparison:
    """The runs, each with its difference from the first."""

    split: str
    protocol: str
    runs: tuple[ComparedRun, ...]
    output: str | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "split": self.split,
            "protocol": self.protocol,
            "output": self.output,
            "baseline": self.runs[0].path,
            "runs": [{"run": run.path, "source": run.source, "J&F": run.report.j_and_f} for run in self.runs],
            "differences": [
                {
                    "run": run.path,
                    "figures": {name: asdict(figure) for name, figure in run.figures.items()},
                    "sequences": [{**asdict(item), "difference": item.difference} for item in run.changes.values()],
                }
                for run in self.runs[1:]
            ],
        }


def compare(settings: CompareSettings, progress: Progress | None = None) -> Comparison:
    """Reads evaluations and compares each with the first; writes a page if the settings name one.

    Raises:
        VisorVosError: if a file does not hold scores, or the runs do not score the same masks.
    """
    progress = progress or Progress()
    read = [read_scores(path) for path in settings.runs]
    first = read[0][1]
    baseline = first.report()
    runs = []
    for number, (path, (_, scores)) in enumerate(zip(settings.runs, read, strict=True)):
        if Path(scores.split).name != Path(first.split).name:
            raise VisorVosError(
                f"The runs evaluate different splits: {settings.runs[0]} {first.split}, {path} {scores.split}.",
                "Evaluate both on the same split.",
            )
        report = scores.report()
        try:
            differences = compare_reports(baseline, report)
        except VisorVosError as error:
            raise VisorVosError(f"{settings.runs[0]} and {path}: {error.message}", error.remedy) from error
        letter = chr(ord("A") + number) if number < 26 else f"R{number + 1}"
        runs.append(ComparedRun(letter, str(path), scores.source, scores.date, report, *differences))
    if settings.output is not None:
        progress.say(f"Drawing {settings.output}.")
        masks, note = _masks(runs, settings, read)
        shown = {"split": first.split, "protocol": first.protocol, "picture_note": note, "version": __version__}
        page = comparison_page(runs, masks=masks, **shown)
        write_file(settings.output, page)
    output = None if settings.output is None else str(settings.output)
    return Comparison(first.split, first.protocol, tuple(runs), output)


def _masks(
    runs: Sequence[ComparedRun], settings: CompareSettings, read: Sequence[tuple[Path, ScoresFile]]
) -> tuple[list[list[tuple[SequenceChange, MaskPair, MaskPair]]], str]:
    """The masks of each run that changed most, with pictures if possible, and a note on the pictures."""
    changed = [changed_masks(runs[0].report, run) for run in runs]
    root = settings.data or Path(read[0][1].data)
    # The scores may come from another machine, where these paths existed.
    if not os.path.isdir(root):
        return changed, f"No pictures: data set not found: {root}. Give --data."
    folders = []
    for run, (file, scores) in zip(runs, read, strict=True):
        # The masks are where they were scored, or beside the scores.
        there = [Path(scores.predictions), file.parent]
        there = [folder for folder in there if os.path.isdir(folder / scores.sequences[0].sequence)]
        if not there:
            return changed, f"No pictures: the masks of {run.path} are no longer where they were scored."
        folders.append(there[0])
    split, drawn = open_split(root, read[0][1].split), []
    for masks, folder in zip(changed, folders, strict=True):
        pairs = with_pictures([new for *_, new in masks], split, [folders[0], folder])
        drawn.append([(change, old, new) for (change, old, _), new in zip(masks, pairs, strict=True)])
    return drawn, picture_note([new for masks in drawn for *_, new in masks])
