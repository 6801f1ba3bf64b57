"""Space-Time Memory networks for video object segmentation on EPIC-KITCHENS VISOR.

The public names are imported when they are first used, so that ``import visorvos`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from visorvos.errors import VisorVosError, explain_import_error

if TYPE_CHECKING:
    from visorvos.core.inference.segmenter import segment_video
    from visorvos.core.metrics.contour import contour_accuracy
    from visorvos.core.metrics.region import region_similarity
    from visorvos.core.metrics.score_folders import evaluate_masks
    from visorvos.core.network.stm import STM
    from visorvos.core.training.clip_loss import clip_loss
    from visorvos.core.weights.checkpoints import load_weights, save_weights

__version__ = "0.1.0"

__all__ = [
    "STM",
    "VisorVosError",
    "clip_loss",
    "contour_accuracy",
    "evaluate_masks",
    "load_weights",
    "region_similarity",
    "save_weights",
    "segment_video",
]

_HOME = {
    "STM": "visorvos.core.network.stm",
    "clip_loss": "visorvos.core.training.clip_loss",
    "contour_accuracy": "visorvos.core.metrics.contour",
    "evaluate_masks": "visorvos.core.metrics.score_folders",
    "load_weights": "visorvos.core.weights.checkpoints",
    "region_similarity": "visorvos.core.metrics.region",
    "save_weights": "visorvos.core.weights.checkpoints",
    "segment_video": "visorvos.core.inference.segmenter",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the type is the imported name's own
    if name not in _HOME:
        raise AttributeError(f"module 'visorvos' has no attribute {name!r}")
    try:
        return getattr(import_module(_HOME[name]), name)
    except ImportError as error:
        explained = explain_import_error(error)
        if explained is None:
            raise
        raise explained from error


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
