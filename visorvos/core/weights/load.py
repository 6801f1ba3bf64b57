"""Weights by path, by published name, or from the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from visorvos.core.network.stm import STM
from visorvos.core.runtime.progress import Progress
from visorvos.core.weights.checkpoints import read_checkpoint
from visorvos.core.weights.download import cached_file, fetch_published
from visorvos.core.weights.hub import SCHEME, fetch_from_hub
from visorvos.core.weights.registry import PUBLISHED
from visorvos.errors import VisorVosError, did_you_mean


def load_weights(name_or_path: str | Path, progress: Progress | None = None) -> STM:
    """Loads a network from a file, a published checkpoint or the Hugging Face Hub.

    Args:
        name_or_path: a ``.safetensors`` or ``.pth`` file of visorvos, a checkpoint of the reference implementation,
            a published name (``visor-resnet50``, ``coco-resnet50``), or ``hf://USER/NAME``, ``hf://USER/NAME@REVISION``.
        progress: shows messages about downloads.

    Returns:
        The network in evaluation mode, float32, on the CPU.

    Raises:
        VisorVosError: if the weights cannot be found, downloaded or read, or are not those of an STM.
    """
    return read_checkpoint(find_weights(name_or_path, progress))


def find_weights(name_or_path: str | Path, progress: Progress | None = None) -> Path:
    """The file of the weights that `load_weights` takes, downloaded if needed.

    A published name is preferred to a file of the same name; write ``./NAME`` for the file.

    Raises:
        VisorVosError: if there are none of that name or path, or they cannot be downloaded.
    """
    text = str(name_or_path)
    if name_or_path in PUBLISHED:
        return fetch_published(PUBLISHED[text], cached_file(PUBLISHED[text]), progress or Progress())
    if text.startswith(SCHEME):
        return fetch_from_hub(text)
    if not Path(text).exists():
        raise VisorVosError(
            f"Weights not found: {text}.{did_you_mean(text, PUBLISHED)}",
            f"Give a .pth or .safetensors file, {', '.join(PUBLISHED)}, or hf://USER/NAME.",
        )
    return Path(text)
