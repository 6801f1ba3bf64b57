"""``visorvos predict``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from visorvos.cli.command import Command
from visorvos.settings.predict import PredictSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.predict.job import PredictedFolder
    from visorvos.core.jobs.predict.video import PredictedVideo
    from visorvos.core.runtime.progress import Progress

__all__ = ["COMMAND", "show"]


def run(settings: PredictSettings, progress: Progress) -> PredictedVideo | PredictedFolder:
    from visorvos.core.jobs.predict.job import predict

    return predict(settings, progress)


def show(prediction: PredictedVideo | PredictedFolder) -> str:
    """One sentence: what was written, where, and how fast."""
    found = prediction.to_dict()
    if "sequences" in found:
        what = f"{found['frames']} masks of {len(found['sequences'])} sequences"
    else:
        objects = len(found["objects"])
        what = f"{found['frames']} masks of {objects} object{'s' * (objects != 1)}"
    text = f"{what} in [bold]{escape(found['output'])}[/]"
    if not found["segmented"]:
        return f"{text}. Nothing to do: all were there already."
    if not found["searched"]:
        return f"{text}, all copied from the given masks"
    rate = found["segmented"] / found["seconds"]
    return f"{text}, {found['segmented']} segmented in this run, {rate:.2f} frames/s"


COMMAND = Command(
    "predict",
    PredictSettings,
    run,
    show,
    example="visorvos predict frames/ --masks first.png --weights visor.pth --output result --save overlay",
)
