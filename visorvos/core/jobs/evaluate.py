"""``visorvos evaluate``: scores of masks, predicted elsewhere or by a network that is run here."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visorvos import __version__
from visorvos.core.files.atomic import make_folder, write_text
from visorvos.core.files.layout import DataSet
from visorvos.core.files.settings_file import write_settings
from visorvos.core.jobs.progress import Progress, Silent
from visorvos.core.jobs.score import evaluate_masks
from visorvos.core.metrics.accumulator import ScoreReport
from visorvos.core.report.score_tables import global_csv, sequence_csv
from visorvos.errors import VisorVosError
from visorvos.settings.evaluate import EvaluateSettings

__all__ = ["Evaluation", "evaluate"]

_COUNTED = {
    "visor": "all frames but the first, which is given",
    "davis": "all frames but the first, which is given, and the last",
}


@dataclass(frozen=True)
class Evaluation:
    """The scores, and what was scored."""

    report: ScoreReport
    data: str
    split: str
    source: str
    """The weights or the folder of predictions."""
    output: str | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "data": self.data,
            "split": self.split,
            "source": self.source,
            "output": self.output,
            "seconds": self.seconds,
            "visorvos": __version__,
            **self.report.to_dict(),
        }


def evaluate(settings: EvaluateSettings, progress: Progress | None = None) -> Evaluation:
    """Scores a split of a data set and writes tables, and masks where a network was run.

    Raises:
        VisorVosError: for data or predictions that cannot be used.
    """
    progress = progress or Silent()
    began = time.perf_counter()
    data = DataSet(settings.data)
    names = data.sequences(settings.split)
    object_names = data.object_names(settings.split)
    split = Path(settings.split).name
    output = settings.output or (Path(f"evaluate-{split}") if settings.weights else None)
    predictions = settings.predictions or output or Path()
    progress.say(f"Protocol {settings.protocol}: {_COUNTED[settings.protocol]}, count.")
    if output is not None:
        _keep_apart(output, data)
        make_folder(output)
        write_settings(output, "evaluate", settings.model_dump(mode="json"))
    if settings.weights is not None:
        # Only a run needs torch: scores of finished masks do without its start-up time.
        from visorvos.core.files.checkpoints import load_weights
        from visorvos.core.jobs.device import choose_device, choose_precision
        from visorvos.core.jobs.segment_split import segment_split

        device = choose_device(settings.device)
        stm = load_weights(settings.weights).to(device, choose_precision(settings.precision, device))
        videos = [data.sequence(name) for name in names]
        masks = segment_split(stm, videos, predictions, settings.size)
        for _ in progress.track(masks, "Segmenting", "frames", sum(len(video.frames) for video in videos)):
            pass
    report = evaluate_masks(
        data.annotations, predictions, names, settings.protocol, object_names, settings.workers, progress
    )
    if report.unscored:
        progress.say(f"Without an object or a frame to score: {', '.join(report.unscored)}.")
    source = str(settings.weights or settings.predictions)
    shown_output = None if output is None else str(output)
    result = Evaluation(report, str(settings.data), settings.split, source, shown_output, time.perf_counter() - began)
    if output is not None:
        write_text(output / f"global_results-{split}.csv", global_csv(report))
        write_text(output / f"per-sequence_results-{split}.csv", sequence_csv(report))
        write_text(output / f"scores-{split}.json", json.dumps(result.to_dict(), indent=1))
    return result


def _keep_apart(output: Path, data: DataSet) -> None:
    """Refuses to write among frames and annotations: predicted masks have their names."""
    written = (output.resolve(), *output.resolve().parents)
    for kind in ("Annotations", "JPEGImages"):
        if (data.root / kind).resolve() in written:
            raise VisorVosError(
                f"The output {output} lies among the {kind} of {data.root}.", "Choose another --output."
            )
