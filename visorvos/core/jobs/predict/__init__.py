"""``visorvos predict``: masks of a video, or of a folder of videos, from the masks of some frames."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from visorvos.core.datasets.davis.layout import FRAMES, MASKS, sequence_folder
from visorvos.core.inference.load_network import load_network
from visorvos.core.io.frames import list_sequences
from visorvos.core.io.paths import real_path
from visorvos.core.jobs.predict.output_folder import STATE
from visorvos.core.jobs.predict.video import PredictedVideo, VideoRun
from visorvos.core.runtime.interruption import StoppedError
from visorvos.core.runtime.processes import find_processes
from visorvos.core.runtime.progress import Progress
from visorvos.core.weights.load import find_weights
from visorvos.errors import VisorVosError, listed
from visorvos.settings.predict import PredictSettings

_MAX_LISTED = 5
T = TypeVar("T")


@dataclass(frozen=True)
class PredictedFolder:
    """The outcome for a folder of sequences."""

    output: str
    frames: int
    segmented: int
    searched: int
    """These three are the sums over all sequences."""
    seconds: float
    sequences: tuple[PredictedVideo, ...]


def predict(settings: PredictSettings, progress: Progress | None = None) -> PredictedVideo | PredictedFolder:
    """Segments a video, or each sequence of a folder, and writes masks, and overlays if asked for.

    Several processes, started with ``torchrun`` or ``accelerate launch``, share the sequences and return the same.

    Raises:
        VisorVosError: for input that cannot be used, or an output that cannot be written. Of several sequences, those
            without an error are done first.
    """
    began = time.perf_counter()
    processes = find_processes(settings.device)
    progress = progress if progress is not None and processes.is_first else Progress()
    in_data_set = (settings.frames / FRAMES).is_dir()
    sequences = _sequences(_open_data_set(settings) if in_data_set else settings)
    done_now = {one.output.name for one in sequences}
    output = settings.output / MASKS if in_data_set else settings.output
    left = [path.parent.name for path in output.glob(f"*/{STATE}") if path.parent.name not in done_now]
    if sequences and left:
        progress.say(f"{output} also holds masks of other sequences: {listed(sorted(left), _MAX_LISTED)}.")
    # All inputs are checked before any long work begins.
    videos = [_attempt(VideoRun, one) for one in processes.share(sequences or [settings])]
    if not sequences and videos and isinstance(videos[0], VisorVosError):
        raise videos[0]
    network = load_network(settings, processes.first_then_others(lambda: find_weights(settings.weights, progress)))
    found = processes.gather([_attempt(VideoRun.predict, video, network, progress) for video in videos])
    failed = [(index, one) for index, one in enumerate(found) if isinstance(one, VisorVosError)]
    if failed and not sequences:
        raise failed[0][1]
    if failed:
        names = [f"{sequences[index].frames.name}: {error.message}" for index, error in failed]
        count = f"{len(failed)} of {len(sequences)} sequences failed, the others are done."
        raise VisorVosError(f"{count} {listed(names, _MAX_LISTED, ' ')}", failed[0][1].remedy)
    if in_data_set:
        progress.say(f"To submit: cd {settings.output} && zip -r submission.zip {MASKS} -i '*.png'")
    done = [one for one in found if isinstance(one, PredictedVideo)]
    if not sequences:
        return done[0]
    frames, segmented, searched = (
        sum(getattr(one, name) for one in done) for name in ("frames", "segmented", "searched")
    )
    seconds = time.perf_counter() - began
    return PredictedFolder(str(settings.output), frames, segmented, searched, seconds, tuple(done))


def _attempt(work: Callable[..., T], item: object, *more: object) -> T | VisorVosError:
    """The result of some work, or the error that it raised or was given in place of its item."""
    if isinstance(item, VisorVosError):
        return item
    try:
        return work(item, *more)
    except StoppedError:
        raise
    except VisorVosError as error:
        return error


def _open_data_set(settings: PredictSettings) -> PredictSettings:
    """The settings for the folders JPEGImages and Annotations of a split, such as YouTube-VOS's valid.

    Masks go to OUTPUT/Annotations, the folder that the server of YouTube-VOS takes.
    """
    inner = (settings.masks / MASKS).is_dir()
    return settings.model_copy(
        update={
            "frames": sequence_folder(settings.frames / FRAMES, settings.resolution),
            "masks": sequence_folder(settings.masks / MASKS if inner else settings.masks, settings.resolution),
            "output": settings.output / MASKS,
        }
    )


def _sequences(settings: PredictSettings) -> list[PredictSettings]:
    """Settings of each sequence if the frames are a folder of folders, else none."""
    others = {real_path(settings.masks), real_path(settings.output)}
    names = [name for name in list_sequences(settings.frames) if real_path(settings.frames / name) not in others]
    missing = [name for name in names if not (settings.masks / name).is_dir()]
    if names and missing == names:
        raise VisorVosError(
            f"{settings.frames} has no frames but {len(names)} folders, and {settings.masks} has no folder of masks "
            f"for any of them, such as {listed(names, _MAX_LISTED)}.",
            "Give the frames of one video, or a folder of masks for each folder of frames, with the same name.",
        )
    folders = ("frames", "masks", "output")
    return [
        settings.model_copy(update={folder: getattr(settings, folder) / name for folder in folders}) for name in names
    ]
