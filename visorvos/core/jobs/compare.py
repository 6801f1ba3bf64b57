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
from visorvos.core.metrics.comparison import Difference, compare_reports
from visorvos.core.report.comparison_page import ComparedRun, ShownChange, changed_masks, comparison_page
from visorvos.core.report.mask_pictures import with_pictures
from visorvos.core.report.scores_file import ScoresFile, read_scores
from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.errors import VisorVosError
from visorvos.settings.compare import CompareSettings

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """The runs, and the difference of each from the first."""

    split: str
    protocol: str
    runs: tuple[ComparedRun, ...]
    differences: tuple[Difference, ...]
    """Differences of the second run, the third, and so on."""
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
                    "figures": {name: asdict(figure) for name, figure in difference.figures.items()},
                    "sequences": [{**asdict(item), "difference": item.difference} for item in difference.sequences],
                }
                for run, difference in zip(self.runs[1:], self.differences, strict=True)
            ],
        }


def compare(settings: CompareSettings, progress: Progress | None = None) -> Comparison:
    """Reads evaluations and compares each with the first; writes a page if the settings name one.

    Raises:
        VisorVosError: if a file does not hold scores, or the runs do not score the same masks.
    """
    progress = progress or NoProgress()
    read = [read_scores(path) for path in settings.runs]
    first = read[0][1]
    for path, (_, scores) in zip(settings.runs, read, strict=True):
        if Path(scores.split).name != Path(first.split).name:
            raise VisorVosError(
                f"The runs evaluate different splits: {settings.runs[0]} {first.split}, {path} {scores.split}.",
                "Evaluate both on the same split.",
            )
    runs = tuple(
        ComparedRun(letter, str(path), scores.source, scores.date, scores.report())
        for letter, path, (_, scores) in zip(_letters(len(read)), settings.runs, read, strict=True)
    )
    differences = [_difference(runs[0], run) for run in runs[1:]]
    output = None if settings.output is None else str(settings.output)
    result = Comparison(first.split, first.protocol, runs, tuple(differences), output)
    if settings.output is not None:
        progress.say(f"Drawing {settings.output}.")
        changes, note = _pictures(result, settings, read)
        page = comparison_page(runs, differences, changes, result.split, result.protocol, note, __version__)
        write_file(settings.output, page)
    return result


def _difference(first: ComparedRun, other: ComparedRun) -> Difference:
    try:
        return compare_reports(first.report, other.report)
    except VisorVosError as error:
        raise VisorVosError(f"{first.path} and {other.path}: {error.message}", error.remedy) from error


def _letters(count: int) -> list[str]:
    """A, B, ..., Z, then R27, R28, ..."""
    return [chr(ord("A") + number) if number < 26 else f"R{number + 1}" for number in range(count)]


def _pictures(
    result: Comparison, settings: CompareSettings, read: Sequence[tuple[Path, ScoresFile]]
) -> tuple[list[list[ShownChange]], str]:
    """The masks that changed most in each run after the first, with pictures, and a note on missing pictures."""
    changes = [
        changed_masks(result.runs[0].report, run.report, difference)
        for run, difference in zip(result.runs[1:], result.differences, strict=True)
    ]
    root = settings.data or Path(read[0][1].data)
    # The scores may come from another machine, where these paths existed.
    if not os.path.isdir(root):
        return changes, f"No pictures: data set not found: {root}. Give --data."
    folders = [_masks_of(file, scores) for file, scores in read]
    for run, folder in zip(result.runs, folders, strict=True):
        if folder is None:
            return changes, f"No pictures: the masks of {run.path} are no longer where they were scored."
    split, there = open_split(root, read[0][1].split), [folder for folder in folders if folder is not None]
    drawn = [
        [
            ShownChange(change.change, pair, change.before)
            for change, pair in zip(
                shown, with_pictures([change.pair for change in shown], split, [there[0], folder]), strict=True
            )
        ]
        for shown, folder in zip(changes, there[1:], strict=True)
    ]
    lacking = sum(not change.pair.pictures for shown in drawn for change in shown)
    return drawn, f"{lacking} picture{'s' * (lacking != 1)} missing: no frame or mask." if lacking else ""


def _masks_of(file: Path, scores: ScoresFile) -> Path | None:
    """The folder of a run's masks: where they were scored, or beside the scores."""
    name = scores.sequences[0].sequence
    return next((folder for folder in (Path(scores.predictions), file.parent) if os.path.isdir(folder / name)), None)
