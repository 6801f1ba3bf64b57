"""The result of ``visorvos predict``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from visorvos.core.jobs.predict import Prediction

__all__ = ["show"]


def show(prediction: Prediction) -> str:
    """One sentence: what was written, where and how fast."""
    objects = len(prediction.objects)
    what = f"{prediction.frames} masks of {objects} object{'s' * (objects != 1)}"
    text = f"{what} in [bold]{escape(prediction.output)}[/]"
    if not prediction.segmented:
        return f"{text}, all there before"
    rate = prediction.segmented / prediction.seconds
    return f"{text}, {prediction.segmented} segmented now, {rate:.2f} frames/s"
