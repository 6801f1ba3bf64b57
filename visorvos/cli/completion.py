"""What the shell offers for an option when Tab is pressed."""

from __future__ import annotations

import os
from collections.abc import Callable
from glob import escape, glob
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from typer import Context

from visorvos.errors import VisorVosError
from visorvos.settings.base import bare

_DEVICES = ("auto", "cpu", "cuda", "mps")
_WEIGHTS = (".pth", ".safetensors")

Complete = Callable[[Context, str], list[str]]
"""Takes the options read so far and the start of the value; Typer matches these arguments by name."""


def completion(name: str, field: FieldInfo) -> Complete | None:
    """How an option is completed; None for paths, which Typer completes, and for free text."""
    choices = _DEVICES if name == "device" else choices_of(field)
    if choices:
        return lambda ctx, incomplete: [choice for choice in choices if choice.startswith(incomplete)]
    return {"split": _splits, "weights": _weights}.get(name)


def choices_of(field: FieldInfo) -> tuple[str, ...]:
    """The values that a field, or an item of it, may take; empty if there is no list of them."""
    kind = bare(field.annotation)
    kind = bare(get_args(kind)[0]) if get_origin(kind) is tuple else kind
    return get_args(kind) if get_origin(kind) is Literal else ()


def _splits(ctx: Context, incomplete: str) -> list[str]:
    """Split files of the data set that --data names, by their last part if that is unique."""
    from visorvos.core.datasets.davis.layout import find_splits

    try:
        names = list(find_splits(Path(str(ctx.params.get("data")))))
    except VisorVosError:
        return []
    short = [Path(name).name for name in names]
    shown = [last if short.count(last) == 1 else name for name, last in zip(names, short, strict=True)]
    return [name for name in shown if name.startswith(incomplete)]


def _weights(ctx: Context, incomplete: str) -> list[str]:
    """Published weights, and checkpoints and folders on disk that start with what was typed."""
    from visorvos.core.weights.registry import PUBLISHED

    published = [name for name in PUBLISHED if name.startswith(incomplete)]
    # The shell takes only what begins as typed, such as "./" and "~".
    typed = os.path.expanduser(incomplete)
    found = [path for path in sorted(glob(f"{escape(typed)}*")) if Path(path).is_dir() or path.endswith(_WEIGHTS)]
    return published + [f"{incomplete}{path[len(typed) :]}{'/' * Path(path).is_dir()}" for path in found]
