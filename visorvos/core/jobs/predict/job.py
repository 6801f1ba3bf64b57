"""``visorvos predict``: the masks of a video, or of a folder of them, from those of a few of its frames."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from visorvos.core.inference.load_network import load_network
from visorvos.core.io.frames import list_sequences
from visorvos.core.jobs.predict.video import PredictedVideo, open_video, predict_video
from visorvos.core.runtime.processes import find_processes
from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.core.weights.load import find_weights
from visorvos.errors import VisorVosError, listed
from visorvos.settings.predict import PredictSettings

__all__ = ["PredictedFolder", "predict"]

_LISTED = 5


@dataclass(frozen=True)
class PredictedFolder:
    """What a run of `predict` over a folder of sequences did."""

    output: str
    sequences: tuple[PredictedVideo, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "output": self.output,
            "frames": sum(video.frames for video in self.sequences),
            "segmented": sum(video.segmented for video in self.sequences),
            "seconds": self.seconds,
            "sequences": [video.to_dict() for video in self.sequences],
        }


def predict(settings: PredictSettings, progress: Progress | None = None) -> PredictedVideo | PredictedFolder:
    """Segments a video, or each sequence of a folder, and writes masks, and overlays where asked for.

    Several processes, started with ``torchrun`` or ``accelerate launch``, share the sequences. What is given back is
    the same in all of them.

    Raises:
        VisorVosError: for input that cannot be used, or an output that cannot be written.
    """
    began = time.perf_counter()
    processes = find_processes(settings.device)
    progress = progress if progress is not None and processes.is_first else NoProgress()
    sequences = _sequences(settings)
    # All inputs are looked at before any long work begins.
    own = [open_video(one) for one in processes.share(sequences or [settings])]
    network = load_network(settings, processes.first_then_others(lambda: find_weights(settings.weights, progress)))
    found = processes.gather([predict_video(video, network, progress) for video in own])
    if not sequences:
        return found[0]
    return PredictedFolder(str(settings.output), tuple(found), time.perf_counter() - began)


def _sequences(settings: PredictSettings) -> list[PredictSettings]:
    """Settings of each sequence where the frames are a folder of folders; else none."""
    names = list_sequences(settings.frames)
    missing = [name for name in names if not (settings.masks / name).is_dir()]
    if missing:
        raise VisorVosError(
            f"{settings.frames} holds no frames but {len(names)} folders; in {settings.masks} there is no folder of "
            f"masks for {listed(missing, _LISTED)}.",
            "Give the frames of one video, or folders of masks named as those of frames.",
        )
    folders = ("frames", "masks", "output")
    return [
        settings.model_copy(update={folder: getattr(settings, folder) / name for folder in folders}) for name in names
    ]
