"""What the shell offers for an option when Tab is pressed."""

from __future__ import annotations

import os
from collections.abc import Callable
from glob import escape, glob
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from visorvos.settings.base import bare

_DEVICES = ("auto", "cpu", "cuda", "mps")
_WEIGHTS = (".pth", ".safetensors")

Complete = Callable[[str], list[str]]
"""Takes the start of a value, an argument that Typer knows by the name ``incomplete``."""


def completion(name: str, field: FieldInfo) -> Complete | None:
    """How an option is completed; None for paths, which Typer completes, and for free text."""
    choices = _DEVICES if name == "device" else choices_of(field)
    if choices:
        return lambda incomplete: [choice for choice in choices if choice.startswith(incomplete)]
    return _weights if name == "weights" else None


def choices_of(field: FieldInfo) -> tuple[str, ...]:
    """The values that a field, or an item of it, may take; empty if there is no list of them."""
    kind = bare(field.annotation)
    kind = bare(get_args(kind)[0]) if get_origin(kind) is tuple else kind
    return get_args(kind) if get_origin(kind) is Literal else ()


def _weights(incomplete: str) -> list[str]:
    """Published weights, and checkpoints and folders on disk that start with what was typed."""
    from visorvos.core.weights.registry import PUBLISHED

    published = [name for name in PUBLISHED if name.startswith(incomplete)]
    # The shell takes only what begins as typed, such as "./" and "~".
    typed = os.path.expanduser(incomplete)
    found = [path for path in sorted(glob(f"{escape(typed)}*")) if Path(path).is_dir() or path.endswith(_WEIGHTS)]
    return published + [f"{incomplete}{path[len(typed) :]}{'/' * Path(path).is_dir()}" for path in found]
