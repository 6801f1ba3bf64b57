"""The result of ``visorvos predict``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from visorvos.core.jobs.predict.job import PredictedFolder
    from visorvos.core.jobs.predict.video import PredictedVideo

__all__ = ["show"]


def show(prediction: PredictedVideo | PredictedFolder) -> str:
    """One sentence: what was written, where and how fast."""
    found = prediction.to_dict()
    if "sequences" in found:
        what = f"{found['frames']} masks of {len(found['sequences'])} sequences"
    else:
        objects = len(found["objects"])
        what = f"{found['frames']} masks of {objects} object{'s' * (objects != 1)}"
    text = f"{what} in [bold]{escape(found['output'])}[/]"
    if not found["segmented"]:
        return f"{text}, all there before"
    rate = found["segmented"] / found["seconds"]
    return f"{text}, {found['segmented']} segmented now, {rate:.2f} frames/s"
