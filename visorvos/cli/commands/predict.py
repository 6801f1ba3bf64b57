"""``visorvos predict``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.markup import escape

from visorvos.cli.command import command
from visorvos.core.runtime.progress import Progress
from visorvos.errors import counted
from visorvos.settings.predict import PredictSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.predict import PredictedFolder
    from visorvos.core.jobs.predict.video import PredictedVideo


def show(prediction: PredictedVideo | PredictedFolder) -> str:
    """One sentence: what was written, where, and how fast."""
    found = asdict(prediction)
    noun = "sequence" if "sequences" in found else "object"
    what = f"{counted(found['frames'], 'mask')} of {counted(len(found[f'{noun}s']), noun)}"
    text = f"{what} in [bold]{escape(found['output'])}[/]"
    if not found["segmented"]:
        return f"{text}. Nothing to do: all were there already."
    if not found["searched"]:
        return f"{text}, all copied from the given masks"
    rate = found["segmented"] / found["seconds"]
    return f"{text}, {found['segmented']} segmented in this run, {rate:.2f} frames/s"


@command(PredictSettings, show, "visorvos predict frames/ --masks first.png --weights visor.pth --output result")
def predict(settings: PredictSettings, progress: Progress) -> PredictedVideo | PredictedFolder:
    from visorvos.core.jobs.predict import predict

    return predict(settings, progress)
