"""Where a long run stands, so that it can go on after an interruption."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from visorvos.core.io.atomic import write_bytes
from visorvos.errors import VisorVosError

__all__ = ["checksum", "read_state", "write_state"]

_KEY = "made_from"


def write_state(path: Path, made_from: str, state: Mapping[str, Tensor]) -> None:
    """Writes tensors with a description of the inputs and options that they follow from, whole or not at all."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    write_bytes(path, save(tensors, metadata={_KEY: made_from}))


def read_state(path: Path, made_from: str) -> dict[str, Tensor] | None:
    """The tensors, or None where there are none that follow from the same inputs and options."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get(_KEY) != made_from:
                return None
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError):
        # Written whole or not at all, so a damaged one is not ours; the run starts over.
        return None


def checksum(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        VisorVosError: where it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise VisorVosError(
            f"{path} cannot be read: {error.strerror or error}.", "See that it is still there, and may be read."
        ) from error
    return digest.hexdigest()
