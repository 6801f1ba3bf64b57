"""Space-Time Memory networks (STM) for video object segmentation on EPIC-KITCHENS VISOR.

Given the mask of the objects in a video's first frame, the network finds these objects in all other frames. The
command line (``visorvos --help``) prepares data, trains, evaluates and predicts; this package does the same in Python:

========================================  ===============================================================
`load_weights`, `save_weights`            read and write a network as a file
`segment_video`                           masks of a video, frame by frame, from the mask of its first frame
`STM`                                     the network as a ``torch.nn.Module``: ``memorize`` and ``segment``
`clip_loss`                               the training loss of clips of three frames
`region_similarity`, `contour_accuracy`   the measures J and F of one object
`evaluate_masks`                          scores of a folder of predicted masks
`VisorVosError`                           the error of all of these: what is wrong, and what to do
========================================  ===============================================================

::

    from visorvos import load_weights, segment_video

    stm = load_weights("stage2/best.safetensors")
    for mask in segment_video(stm, frames, first_mask):  # frames: uint8 (H, W, 3); masks: uint8 (H, W) of ids
        ...

Where things are: ``core/network`` is the model, ``core/inference`` segments a video with it, ``core/training`` trains
it, ``core/datasets`` reads and makes clips, ``core/metrics`` scores, ``core/report`` draws, ``core/io`` and
``core/weights`` read and write files, ``core/runtime`` chooses devices and starts processes. ``core/jobs`` connects
these into one function per command, ``settings`` declares each command's options once, and ``cli`` is the terminal.

PyTorch is imported when one of these names is first used, so that ``import visorvos`` and ``--help`` are fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from visorvos._version import __version__
from visorvos.errors import VisorVosError, explain_import_error

if TYPE_CHECKING:
    from visorvos.core.inference.segmenter import segment_video
    from visorvos.core.metrics.contour import contour_accuracy
    from visorvos.core.metrics.region import region_similarity
    from visorvos.core.metrics.scoring import evaluate_masks
    from visorvos.core.network.stm import STM
    from visorvos.core.training.clip_loss import clip_loss
    from visorvos.core.weights.checkpoints import save_weights
    from visorvos.core.weights.load import load_weights

__all__ = [
    "STM",
    "VisorVosError",
    "__version__",
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
    "evaluate_masks": "visorvos.core.metrics.scoring",
    "load_weights": "visorvos.core.weights.load",
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
