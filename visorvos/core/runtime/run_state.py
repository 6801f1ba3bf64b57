"""Resuming: the state of a long run, and the record of the options and inputs that its results follow from."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visorvos.core.io.atomic import write_file
from visorvos.errors import VisorVosError
from visorvos.settings.base import Settings


@dataclass(frozen=True)
class MadeFrom:
    """What the results of a run follow from. A run is resumed only where this has not changed.

    Args:
        settings: every option counts unless it is declared with ``affects_result=False``.
        inputs: plain values by name, such as "the first mask": a checksum or a short description of what was read.
    """

    settings: Settings
    inputs: Mapping[str, Any]

    def record(self) -> dict[str, Any]:
        """Plain values, for JSON or for `write_state`."""
        return {"options": self.settings.result_options(), "inputs": dict(self.inputs)}

    def change_since(self, record: Mapping[str, Any]) -> str | None:
        """The first difference from the record of an earlier run, such as "--seed was 0, now 1"; None without one."""
        for name, (then, now) in self.settings.changed_since(record["options"]).items():
            shown = name if "." in name else f"--{name.replace('_', '-')}"
            return f"{shown} was {_shown(then)}, now {_shown(now)}"
        for name, now in self.inputs.items():
            then = record["inputs"].get(name)
            if then != now:
                return f"{name} changed: was {_shown(then)}, now {_shown(now)}"
        return None


def write_state(path: Path, made_from: MadeFrom, state: Mapping[str, Any]) -> None:
    """Writes a state, whole or not at all.

    Args:
        path: file to write.
        made_from: its record goes into the file, under "made_from".
        state: tensors, numbers and texts, in lists and dictionaries.

    Raises:
        VisorVosError: where it cannot be written.
    """
    import torch

    # Through memory: torch's own words for a full disk are hard to understand.
    content = io.BytesIO()
    torch.save({"made_from": made_from.record(), **state}, content)
    write_file(path, content.getbuffer())


def read_state(path: Path, parts: Mapping[str, type]) -> dict[str, Any]:
    """What `write_state` wrote, with tensors on the CPU; nothing in the file is executed.

    Args:
        path: the file.
        parts: what it must hold, type by name.

    Raises:
        VisorVosError: where it cannot be read, or lacks a part.
    """
    import torch

    remedy = "Restore it, or start over in another --output."
    try:
        if not path.is_file():
            raise FileNotFoundError
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken pickle can make even the restricted unpickler raise anything
        raise VisorVosError(f"The checkpoint {path} cannot be read: {type(error).__name__}.", remedy) from error
    needed = {"made_from": dict, **parts}
    if not isinstance(state, dict) or not all(isinstance(state.get(name), kind) for name, kind in needed.items()):
        raise VisorVosError(f"The checkpoint {path} is not one of this command.", remedy)
    return state


def checksum(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        VisorVosError: where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VisorVosError(
            f"{path} cannot be read: {error.strerror or error}.", "Check that it still exists and may be read."
        ) from error


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ",".join(map(_shown, value))
    return "not given" if value is None else str(value)
