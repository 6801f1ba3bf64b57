"""Checkpoints from which a run of training goes on."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from visorvos.core.io.atomic import write_bytes
from visorvos.core.weights.torch_archive import MOST_BYTES, is_archive
from visorvos.errors import VisorVosError

__all__ = ["read_training_state", "training_states", "write_training_state"]

_FOLDER = "checkpoints"
_KEPT = 2
_REMEDY = "Restore it, or start over in another --output."


def training_states(output: Path) -> list[Path]:
    """The checkpoints of a run, the oldest first."""
    return sorted((output / _FOLDER).glob("*.pt"))


def write_training_state(output: Path, clips: int, state: Mapping[str, Any]) -> Path:
    """Writes a checkpoint, whole or not at all, then removes all but the last two.

    Args:
        output: the run's folder.
        clips: seen so far.
        state: tensors, plain numbers and texts, in lists and dictionaries.

    Raises:
        VisorVosError: where it cannot be written; earlier ones are left as they are.
    """
    path = output / _FOLDER / f"{clips:09d}.pt"
    # By way of memory: torch tells of a full disk in words of its own.
    content = io.BytesIO()
    torch.save(dict(state), content)
    write_bytes(path, content.getbuffer())
    for old in training_states(output)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return path


def read_training_state(path: Path, parts: Mapping[str, type]) -> dict[str, Any]:
    """What `write_training_state` wrote, on the CPU; nothing in the file is executed.

    Args:
        path: the file.
        parts: what it must hold, type by name.

    Raises:
        VisorVosError: where it cannot be read, or lacks a part.
    """
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES or not is_archive(path):
            raise ValueError("nothing that a run of training writes")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken pickle can make even the restricted unpickler raise anything
        raise VisorVosError(f"The checkpoint {path} cannot be read: {type(error).__name__}.", _REMEDY) from error
    if not isinstance(state, dict) or not all(isinstance(state.get(name), kind) for name, kind in parts.items()):
        raise VisorVosError(f"The checkpoint {path} is none of a run of training.", _REMEDY)
    return state
